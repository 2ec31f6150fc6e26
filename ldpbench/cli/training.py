"""``train``: train a network, plan a run, sweep an ablation."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_INTERRUPTED, UsageError
from ldpbench.core.progress import SILENT
from ldpbench.core.units import human_bytes, human_seconds

if TYPE_CHECKING:
    from ldpbench.training.config import TrainConfig
    from ldpbench.training.run import Finished

RUN_COMMAND = "run"

NameArgument = Annotated[
    str | None, typer.Argument(metavar="NAME|FILE", help="A network of the zoo, such as ldp-tiny, or a YAML file.")
]
RecipeOption = Annotated[
    str | None, typer.Option("--recipe", help="paper, 1x80g, 1x24g or cpu-smoke; 1x24g if none is named.")
]
DatasetOption = Annotated[str | None, typer.Option("--dataset", "-d", help="The prepared dataset to train on.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="key=value, such as global_batch=4 or stages.0.steps=1000.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Decides weights, order, crops and flips.")]
MapOption = Annotated[str | None, typer.Option("--blur-map", help="The estimator of the blur maps, such as disparity.")]
ClipOption = Annotated[str | None, typer.Option("--clip-weights", help="CLIP's weights, where a run needs them.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]


class _TrainGroup(TyperGroup):
    """``train NAME`` is ``train run NAME``: the word may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [RUN_COMMAND, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=_TrainGroup,
        help="Train a network: `ldpbench train NAME --dataset ID`. See `ldpbench train run --help` for every option.",
        epilog="Example: ldpbench train ldp-tiny --dataset sample-train --recipe cpu-smoke",
        no_args_is_help=True,
    )
    example = "ldpbench train ldp-tiny --dataset sample-train --recipe cpu-smoke"
    command(group, RUN_COMMAND, schema="train", example=example)(_run)
    command(group, "plan", schema="train.plan", example="ldpbench train plan ldp-large --recipe 1x80g")(_plan)
    app.add_typer(group, name="train")


def _run(
    session: Session,
    name: NameArgument = None,
    dataset: DatasetOption = None,
    recipe: RecipeOption = None,
    set_: SetOption = None,
    seed: SeedOption = None,
    blur_map: MapOption = None,
    clip_weights: ClipOption = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The run folder; one is named if you do not.")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with the run in this folder.")] = None,
    device: DeviceOption = "auto",
    overfit: Annotated[
        bool,
        typer.Option("--overfit-one-batch", help="See the first batch again and again: a sound network learns it."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Set everything up, do one step, write nothing.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Mirror the journal for TensorBoard.")] = False,
    allow_test: Annotated[bool, typer.Option("--i-know", help="Allow the test split, or one split for both.")] = False,
) -> Answer:
    """Train a network. Stopped at any moment, it goes on with --resume, to the last bit on a CPU.

    Under torchrun every process takes its share of the global batch.
    """
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.training.run import new_run_folder, read_training, train
    from ldpbench.training.setup import Wishes
    from ldpbench.training.team import joined_team

    if resume is not None:
        given = {"NAME": name, "--dataset": dataset, "--recipe": recipe, "--set": set_, "--out": out, "--seed": seed}
        strange = [key for key, value in given.items() if value]
        if strange:
            raise UsageError(f"--resume goes on with what the folder says, without {', '.join(strange)}")
        config = read_training(resume).config
    else:
        config = _config(
            name, recipe, set_, dataset=dataset, seed=seed, blur_map=blur_map, overfit=overfit, allow_test=allow_test
        )
    wishes = Wishes(clip_weights=clip_weights, tensorboard=tensorboard)
    keep_freed_memory()
    with joined_team(device) as team:
        progress = session.reporter if team.is_first else SILENT
        if dry_run:
            return _dry_run(session, config, team, wishes)
        folder = resume or out or new_run_folder(session.home, config)
        if team.world > 1 and resume is None and out is None:
            raise UsageError("several processes must agree on the run folder", hint="name it with --out")
        finished = train(
            config,
            session.home,
            folder.expanduser().absolute(),
            team,
            wishes,
            command=["ldpbench", *sys.argv[1:]],
            progress=progress,
        )
        return _answer(session, finished) if team.is_first else Answer(None, EXIT_DONE)


def _config(
    name: str | None,
    recipe: str | None,
    assignments: list[str] | None,
    *,
    dataset: str | None,
    seed: int | None = None,
    blur_map: str | None = None,
    overfit: bool = False,
    allow_test: bool = False,
) -> "TrainConfig":
    from ldpbench.training.recipes import resolve

    if name is None:
        raise UsageError("what is to be trained?", hint="name a network of the zoo or a YAML file, such as ldp-tiny")
    options = {
        "dataset": dataset,
        "seed": seed,
        "blur_map": blur_map,
        "overfit_one_batch": overfit or None,
        "allow_test": allow_test or None,
    }
    changes = {key: value for key, value in options.items() if value is not None}
    return resolve(name, recipe_name=recipe, changes=changes, assignments=assignments or [])


def _dry_run(session: Session, config: "TrainConfig", team: Any, wishes: Any) -> Answer:
    import tempfile

    from ldpbench.training.loop import Trainer
    from ldpbench.training.setup import surround

    with tempfile.TemporaryDirectory() as nowhere:
        around = surround(config, session.home, Path(nowhere), team, wishes, session.reporter)
        loss, norm = Trainer(around=around).try_step()
    session.reporter.line(f"the first step runs: loss {loss:.5f}, gradient norm {norm:.3g}; nothing was written")
    return Answer({"loss": loss, "gradient_norm": norm, "config": config.model_dump(mode="json")})


def _answer(session: Session, finished: "Finished") -> Answer:
    say = session.reporter.line
    last = finished.last
    if last is not None:
        say(
            f"validation: PSNR {last.psnr:.2f} dB, SSIM {last.ssim:.4f} over {last.count} pictures "
            f"({last.gain:+.2f} dB over the blurry input)"
        )
    data = {
        "folder": finished.folder,
        "steps": finished.done,
        "of": finished.total,
        "method": finished.method,
        "validation": None if last is None else vars(last),
    }
    if finished.method is None:
        say(f"stopped after step {finished.done:,} of {finished.total:,}")
        say(f"  go on with  ldpbench train --resume {finished.folder}")
        return Answer(data, EXIT_INTERRUPTED)
    say(f"{finished.method} is in {finished.folder / 'final'}")
    say(f"  score it with  ldpbench evaluate --method {finished.folder / 'final'}")
    return Answer(data)


def _plan(
    session: Session,
    name: NameArgument = None,
    recipe: RecipeOption = None,
    set_: SetOption = None,
    device: DeviceOption = "auto",
) -> Answer:
    """Say what a run will cost on this machine: parameters, operations, memory, time."""
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.training.plan import plan_training
    from ldpbench.training.team import joined_team

    config = _config(name, recipe, set_, dataset="any")
    keep_freed_memory()
    with joined_team(device) as team:
        session.reporter.note(f"measuring steps of {config.network.name} on {team.device}")
        plan = plan_training(config, team.device)
    say = session.reporter.line
    say(f"{config.network.name} with the recipe {config.recipe} on {team.device}")
    rows = [
        ("parameters", f"{plan.parameters:,}"),
        ("operations", f"{plan.macs_256 / 1e9:.2f} GMAC at 256x256"),
        ("steps", f"{plan.steps:,} of {config.global_batch} patches, {plan.accumulation} micro-batches each"),
        ("memory", f"{human_bytes(plan.peak_bytes)} at the largest crop"),
    ]
    for label, text in rows:
        say(f"  {label:<11} {text}")
    for pace in plan.paces:
        say(f"  {pace.crop_px:>4} px     {pace.seconds_per_step:.3f} s a step, {pace.steps:,} steps")
    say(f"  {'time':<11} {human_seconds(plan.seconds)} on this machine alone, without validation")
    if config.wants_clip:
        session.reporter.note("the blur-aware loss is not in these times: its CLIP is not loaded for a plan")
    return Answer({**plan.document(), "config": config.model_dump(mode="json")})
