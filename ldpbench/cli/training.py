"""``train``: train a network, plan a run, sweep an ablation."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, EXIT_INTERRUPTED, MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT
from ldpbench.core.units import human_bytes, human_seconds

if TYPE_CHECKING:
    from ldpbench.training.config import TrainConfig
    from ldpbench.training.run import Finished
    from ldpbench.training.setup import Wishes
    from ldpbench.training.sweep import Measured, Row
    from ldpbench.training.team import Team

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
SweepOption = Annotated[
    str | None, typer.Option("--sweep", help="Train every row of the paper's table5, table6 or table7.")
]
BudgetOption = Annotated[
    int | None, typer.Option("--budget", min=1, help="Steps of each run, instead of the recipe's; stages keep shares.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds a row of a sweep is trained with.")]


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
    sweep: SweepOption = None,
    budget: BudgetOption = None,
    seeds: SeedsOption = 1,
) -> Answer:
    """Train a network. Stopped at any moment, it goes on with --resume, to the last bit on a CPU.

    Under torchrun every process takes its share of the global batch.
    """
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.training.run import read_training
    from ldpbench.training.setup import Wishes
    from ldpbench.training.sweep import rows_of, with_budget
    from ldpbench.training.team import joined_team

    if resume is not None:
        given = {"NAME": name, "--dataset": dataset, "--recipe": recipe, "--set": set_, "--out": out, "--seed": seed}
        given |= {"--blur-map": blur_map, "--overfit-one-batch": overfit or None, "--i-know": allow_test or None}
        given |= {"--sweep": sweep, "--budget": budget, "--dry-run": dry_run or None}
        _refuse("--resume goes on with what the folder says", given)
        config = read_training(resume).config
    else:
        config = _config(
            name, recipe, set_, dataset=dataset, seed=seed, blur_map=blur_map, overfit=overfit, allow_test=allow_test
        )
    if budget is not None:
        config = with_budget(config, budget)
    rows = None if sweep is None else rows_of(sweep, config)
    if rows is None and seeds != 1:
        raise UsageError("--seeds belongs to --sweep", hint="--seed chooses the seed of one run")
    wishes = Wishes(clip_weights=clip_weights, tensorboard=tensorboard)
    keep_freed_memory()
    with joined_team(device) as team:
        if dry_run:
            return _dry_run(session, config, rows, team, wishes)
        if sweep is not None and rows is not None:
            return _sweep(session, sweep, config, rows, range(config.seed, config.seed + seeds), out, team, wishes)
        finished = _train(session, config, resume or out, team, wishes)
        return _answer(session, finished) if team.is_first else Answer(None, EXIT_DONE)


def _refuse(why: str, given: dict[str, Any]) -> None:
    strange = [key for key, value in given.items() if value is not None and value != []]
    if strange:
        raise UsageError(f"{why}, without {', '.join(strange)}")


def _train(session: Session, config: "TrainConfig", folder: Path | None, team: "Team", wishes: "Wishes") -> "Finished":
    from ldpbench.training.run import new_run_folder, train

    if team.world > 1 and folder is None:
        raise UsageError("several processes must agree on the run folder", hint="name it with --out")
    return train(
        config,
        session.home,
        (folder or new_run_folder(session.home, config)).expanduser().absolute(),
        team,
        wishes,
        command=["ldpbench", *sys.argv[1:]],
        progress=session.reporter if team.is_first else SILENT,
    )


def _config(
    name: str | None,
    recipe: str | None,
    assignments: list[str] | None,
    *,
    dataset: str | None = None,
    seed: int | None = None,
    blur_map: str | None = None,
    overfit: bool = False,
    allow_test: bool = False,
    fallback: dict[str, Any] | None = None,
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
    return resolve(name, recipe_name=recipe, changes=changes, assignments=assignments or [], fallback=fallback)


def _dry_run(
    session: Session, config: "TrainConfig", rows: "list[Row] | None", team: "Team", wishes: "Wishes"
) -> Answer:
    if rows is None:
        loss, norm = _first_step(session, config, team, wishes)
        if team.is_first:
            session.reporter.line(
                f"the first step runs: loss {loss:.5f}, gradient norm {norm:.3g}; nothing was written"
            )
        return Answer({"loss": loss, "gradient_norm": norm, "config": config.model_dump(mode="json", by_alias=True)})
    tried: list[dict[str, Any]] = []
    for row in rows:
        result: dict[str, Any] = {"setting": row.label, "loss": None, "gradient_norm": None, "reason": None}
        try:
            result["loss"], result["gradient_norm"] = _first_step(session, row.config, team, wishes)
        except MissingPrerequisiteError as error:
            result["reason"] = error.message
        if team.is_first:
            told = f"left out: {result['reason']}" if result["reason"] else f"loss {result['loss']:.5f}"
            session.reporter.line(f"{row.label}: {told}")
        tried.append(result)
    left_out = any(result["reason"] for result in tried)
    return Answer({"rows": tried}, EXIT_FAILURES if left_out else EXIT_DONE)


def _first_step(session: Session, config: "TrainConfig", team: "Team", wishes: "Wishes") -> tuple[float, float]:
    """Loss and gradient norm of a run's first step, with every cache in a folder that is thrown away."""
    import tempfile

    from ldpbench.training.loop import Trainer
    from ldpbench.training.setup import surround

    with tempfile.TemporaryDirectory() as nowhere:
        home = _shadow(session.home, Path(nowhere))
        progress = session.reporter if team.is_first else SILENT
        around = surround(config, home, Path(nowhere) / "run", team, wishes, progress)
        return Trainer(around=around).try_step()


def _shadow(home: Home, root: Path) -> Home:
    """A home that reads what another one has kept and writes beside it: folders are new, files are links."""
    import os
    import shutil

    shadow = Home(root)
    shadow.datasets.mkdir(parents=True)
    for folder in home.datasets.glob("[!.]*"):
        (shadow.datasets / folder.name).symlink_to(folder)
    kept = [*home.datasets.glob(".*"), *home.training.glob(".*"), home.blur_maps]
    for folder in filter(Path.is_dir, kept):
        shutil.copytree(folder, root / folder.relative_to(home.root), copy_function=os.symlink)
    return shadow


def _sweep(
    session: Session,
    table: str,
    config: "TrainConfig",
    rows: "list[Row]",
    seeds: range,
    out: Path | None,
    team: "Team",
    wishes: "Wishes",
) -> Answer:
    """Train a table's rows in one folder, which has the same name every time, so that a stopped sweep goes on."""
    from ldpbench.training.setup import open_splits
    from ldpbench.training.sweep import LeftOut, sweep, table_rows, write_table

    open_splits(config, session.home)  # a missing dataset is the sweep's error, not a row's
    name = f"sweep-{table}-{config.network.name}-{config.dataset}-{config.steps}-steps"
    folder = (out or session.home.training / name).expanduser().absolute()
    note = session.reporter.note if team.is_first else SILENT.note
    note(f"{table}: {len(rows)} rows of {config.steps:,} steps with the seeds {', '.join(map(str, seeds))} in {folder}")
    done: list[Measured | LeftOut] = []
    for result in sweep(rows, seeds, folder, lambda one, at: _train(session, one, at, team, wishes)):
        done.append(result)
        told = f"left out: {result.reason}" if isinstance(result, LeftOut) else f"{result.psnr:.2f} dB"
        note(f"{len(done)} of {len(rows)}, {result.label}: {told}")
    if not team.is_first:
        return Answer(None, EXIT_DONE)
    write_table(folder, table, config, seeds, done)
    lines = table_rows(table, done)
    _show_table(session, f"{table} on {config.dataset}/{config.val_split}, {config.steps:,} steps", lines)
    failed = any(line["reason"] for line in lines)
    return Answer({"table": table, "folder": folder, "rows": lines}, EXIT_FAILURES if failed else EXIT_DONE)


def _show_table(session: Session, title: str, lines: list[dict[str, Any]]) -> None:
    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    session.reporter.table(
        ("setting", "PSNR", "change", "SSIM", "paper: PSNR", "change", "SSIM"),
        (
            (
                line["setting"],
                number(line["psnr"], ".2f"),
                number(line["psnr_change"], "+.2f"),
                number(line["ssim"], ".4f"),
                number(line["published_psnr"], ".2f"),
                number(line["published_psnr_change"], "+.2f"),
                number(line["published_ssim"], ".3f"),
            )
            for line in lines
        ),
        title=title,
        numbers=6,
    )
    session.reporter.line("The paper's columns are of DPD-blur's test split: compare the changes, not the values.")


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

    config = _config(name, recipe, set_, fallback={"dataset": "any"})
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
    return Answer({**plan.document(), "config": config.model_dump(mode="json", by_alias=True)})
