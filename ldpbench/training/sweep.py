"""The paper's ablations, Tables 5 to 7: its rows with equal seeds and budgets, measured beside what was printed."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from ldpbench.core.atomic import write_json, write_text
from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.networks.zoo import variant
from ldpbench.training.config import Stage, TrainConfig
from ldpbench.training.losses.weights import LossWeights
from ldpbench.training.run import Finished

CHARBONNIER = LossWeights(charbonnier=1.0, blur_aware=0.0, blur_weighting=0.0)
BLUR_WEIGHTING = LossWeights(charbonnier=1.0, blur_aware=0.0, blur_weighting=0.2)
BLUR_AWARE = LossWeights(charbonnier=1.0, blur_aware=0.1, blur_weighting=0.0)
TOTAL = LossWeights()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting of a table."""

    label: str
    """As it is printed."""
    name: str
    """Of its folder."""
    published: str
    """The method's name in the published table."""
    config: TrainConfig


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A row's validation scores, means over its seeds."""

    label: str
    published: str
    psnr: float
    ssim: float
    psnr_by_seed: tuple[float, ...]


def rows_of(table: str, config: TrainConfig) -> list[Row]:
    """The settings of a table, made from one configuration.

    Args:
        table: ``table5`` (prompts), ``table6`` (architectures) or ``table7`` (losses).
        config: Network, data and recipe; a row changes what its table is about and nothing else.

    Raises:
        UsageError: If there is no such table.
    """
    if table not in TABLES:
        raise unknown_name("ablation", table, TABLES)
    return TABLES[table](config)


def _prompts(config: TrainConfig) -> list[Row]:
    rows = []
    for kind, printed, published in (("blur", "Blur-aware", "blur-aware"), ("dp", "DP-aware", "dp-aware")):
        for number in range(1, 5):
            rows.append(
                _prompt_row(config, f"p{number}, {printed}", f"{kind}-{number}", f"ldp-small-p{number}-{published}")
            )
        rows.append(_prompt_row(config, f"Ens.1, {printed}", kind, f"ldp-small-ens1-{published}"))
    return [*rows, _prompt_row(config, "Ens.2", "ens2", "ldp-small")]


def _prompt_row(config: TrainConfig, label: str, prompts: str, published: str) -> Row:
    changed = config.model_copy(update={"blur_map": f"clip-dense:prompts={prompts}"})
    return Row(label=label, name=f"prompts-{prompts}", published=published, config=changed)


def _architectures(config: TrainConfig) -> list[Row]:
    rows: tuple[tuple[str, str, str], ...] = (
        ("NAFNet", "none", "nafnet"),
        ("Concat", "concat", "nafnet-concat"),
        ("SA", "sa", "nafnet-sa"),
        ("Concat + SA", "concat+sa", "nafnet-concat-sa"),
        ("BPA block", "bpa", "ldp-small"),
    )
    return [
        Row(
            label=label,
            name=f"prior-{prior.replace('+', '-')}",
            published=published,
            config=config.model_copy(update={"network": variant(config.network, prior)}),
        )
        for label, prior, published in rows
    ]


def _losses(config: TrainConfig) -> list[Row]:
    rows: tuple[tuple[str, str, str, LossWeights, str], ...] = (
        ("NAFNet, L_char", "none-char", "none", CHARBONNIER, "nafnet"),
        ("NAFNet, L_total", "none-total", "none", TOTAL, "nafnet-bwl-bal"),
        ("BPA block, L_char", "bpa-char", "bpa", CHARBONNIER, "ldp-small-char"),
        ("BPA block, L_char + L_bwl", "bpa-char-bwl", "bpa", BLUR_WEIGHTING, "ldp-small-char-bwl"),
        ("BPA block, L_char + L_bal", "bpa-char-bal", "bpa", BLUR_AWARE, "ldp-small-char-bal"),
        ("BPA block, L_total", "bpa-total", "bpa", TOTAL, "ldp-small"),
    )
    return [
        Row(
            label=label,
            name=name,
            published=published,
            config=config.model_copy(
                update={
                    "network": variant(config.network, prior),
                    # The first stage is Charbonnier's alone in every row, as in the paper.
                    "stages": (*config.stages[:-1], config.stages[-1].model_copy(update={"loss": loss})),
                }
            ),
        )
        for label, name, prior, loss, published in rows
    ]


TABLES: Mapping[str, Callable[[TrainConfig], list[Row]]] = {
    "table5": _prompts,
    "table6": _architectures,
    "table7": _losses,
}


def with_budget(config: TrainConfig, steps: int) -> TrainConfig:
    """The same run in fewer or more steps; every stage keeps its share.

    Raises:
        UsageError: If a stage would have no step.
    """
    stages: list[Stage] = []
    for stage in config.stages:
        own = round(steps * stage.steps / config.steps)
        if own < 1:
            raise UsageError(
                f"--budget {steps} leaves no step for the stage {stage.name}",
                hint=f"a budget of {-(-config.steps // stage.steps)} is the least",
            )
        warmup = min(stage.warmup_steps, own // 10)
        stages.append(stage.model_copy(update={"steps": own, "warmup_steps": warmup}))
    return config.model_copy(update={"stages": tuple(stages)})


def sweep(
    rows: Sequence[Row], seeds: Sequence[int], folder: Path, train_one: Callable[[TrainConfig, Path], Finished]
) -> Iterator[Measured]:
    """Train every row with every seed, and give its scores when its last seed is done.

    A row that is finished already is not trained again, and one that was stopped goes on.

    Args:
        rows: The settings.
        seeds: The same for every row.
        folder: Of the sweep; a run is in ``<name>/seed-<seed>``.
        train_one: Trains a configuration in a folder.

    Raises:
        KeyboardInterrupt: If a run was stopped by a signal.
    """
    for row in rows:
        psnr, ssim = [], []
        for seed in seeds:
            finished = train_one(row.config.model_copy(update={"seed": seed}), folder / row.name / f"seed-{seed}")
            if finished.done < finished.total or finished.last is None:
                raise KeyboardInterrupt
            psnr.append(finished.last.psnr)
            ssim.append(finished.last.ssim)
        yield Measured(
            label=row.label, published=row.published, psnr=mean(psnr), ssim=mean(ssim), psnr_by_seed=tuple(psnr)
        )


def write_table(folder: Path, table: str, config: TrainConfig, seeds: Sequence[int], rows: Sequence[Measured]) -> None:
    """Write ``ablation.csv``, with the columns of the published tables, and ``ablation.json``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", "dataset", "split", "steps", "seeds", "setting", "published_method", "psnr", "ssim"])
    for row in rows:
        writer.writerow(
            [
                table.removeprefix("table"),
                config.dataset,
                config.val_split,
                config.steps,
                len(seeds),
                row.label,
                row.published,
                f"{row.psnr:.4f}",
                f"{row.ssim:.5f}",
            ]
        )
    write_text(folder / "ablation.csv", text.getvalue())
    document = {"table": table, "seeds": list(seeds), "config": config.model_dump(mode="json")}
    write_json(folder / "ablation.json", {**document, "rows": [vars(row) for row in rows]})
