"""The paper's ablations, Tables 5 to 7: its rows with equal seeds and budgets, measured beside what was printed."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from ldpbench.core.atomic import write_json, write_text
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.names import unknown_name
from ldpbench.networks.checkpoint_record import read_record
from ldpbench.networks.zoo import variant
from ldpbench.results.published import published_tables
from ldpbench.training.config import Stage, TrainConfig
from ldpbench.training.final import final_folder
from ldpbench.training.guard import DivergedError
from ldpbench.training.losses.weights import LossWeights
from ldpbench.training.run import Finished

PAPER = "ldp-cvpr2024"

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


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A row that could not be trained."""

    label: str
    published: str
    reason: str


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
    if not config.network.needs_blur_map:
        raise UsageError(
            f"table5 compares blur maps, and {config.network.name} has none", hint="choose a network with the prior bpa"
        )
    rows = []
    for kind, printed, published in (("blur", "Blur-aware", "blur-aware"), ("dp", "DP-aware", "dp-aware")):
        for number in range(1, 5):
            rows.append(
                _prompt_row(
                    config, f"p{number}, {printed} Prompt", f"{kind}-{number}", f"ldp-small-p{number}-{published}"
                )
            )
        rows.append(_prompt_row(config, f"Ens.1, {printed} Prompt", kind, f"ldp-small-ens1-{published}"))
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
    """The same run in fewer or more steps; every stage keeps its share, and the shares add up to ``steps``.

    Raises:
        UsageError: If a stage would have no step.
    """
    shares = [divmod(steps * stage.steps, config.steps) for stage in config.stages]
    spare = steps - sum(whole for whole, _ in shares)
    by_rest = sorted(range(len(shares)), key=lambda number: -shares[number][1])
    stages: list[Stage] = []
    for number, stage in enumerate(config.stages):
        own = shares[number][0] + (number in by_rest[:spare])
        if own < 1:
            raise UsageError(
                f"--budget {steps} leaves no step for the stage {stage.name}",
                hint=f"a budget of {-(-config.steps // stage.steps)} is enough for it",
            )
        warmup = min(stage.warmup_steps, own // 10)
        stages.append(stage.model_copy(update={"steps": own, "warmup_steps": warmup}))
    return config.model_copy(update={"stages": tuple(stages)})


def sweep(
    rows: Sequence[Row], seeds: Sequence[int], folder: Path, train_one: Callable[[TrainConfig, Path], Finished]
) -> Iterator[Measured | LeftOut]:
    """Train every row with every seed, and give its scores when its last seed is done.

    A row that is finished already is not trained again, and one that was stopped goes on. A row that lacks weights, or
    whose loss is no number, is left out with its reason, and the others go on.

    Args:
        rows: The settings.
        seeds: The same for every row.
        folder: Of the sweep; a run is in ``<name>/seed-<seed>``.
        train_one: Trains a configuration in a folder.

    Raises:
        KeyboardInterrupt: If a run was stopped by a signal.
        StorageError: If the disk is full.
    """
    for row in rows:
        try:
            scores = [
                _scores(train_one(row.config.model_copy(update={"seed": seed}), folder / row.name / f"seed-{seed}"))
                for seed in seeds
            ]
        except StorageError:
            raise
        except (MissingPrerequisiteError, DivergedError) as error:
            reason = f"{error.message} ({error.hint})" if error.hint else error.message
            yield LeftOut(label=row.label, published=row.published, reason=reason)
            continue
        psnr, ssim = zip(*scores, strict=True)
        yield Measured(label=row.label, published=row.published, psnr=mean(psnr), ssim=mean(ssim), psnr_by_seed=psnr)


def _scores(finished: Finished) -> tuple[float, float]:
    """PSNR and SSIM of a finished run, as its result tells them to every process."""
    if finished.done < finished.total:
        raise KeyboardInterrupt
    folder = final_folder(finished.folder)
    facts = read_record(folder).training
    if "psnr" not in facts:
        raise IntegrityError(
            f"{folder} has no validation scores: its run was killed at its very end",
            hint=f"remove {finished.folder} and run the same command again",
        )
    return float(facts["psnr"]), float(facts["ssim"])


def printed_scores(table: str) -> dict[str, Mapping[str, float]]:
    """The paper's numbers of a table, on the test split of DPD-blur, by the published method."""
    number = table.removeprefix("table")
    found = next(entry for entry in published_tables() if entry.id == f"{PAPER}-table-{number}")
    return {row.method_id: row.values for row in found.rows}


def table_rows(table: str, rows: Sequence[Measured | LeftOut]) -> list[dict[str, Any]]:
    """Measured numbers beside printed ones; changes are against the first row, None where there is no number."""
    printed = printed_scores(table)
    first = rows[0]
    base = first.psnr if isinstance(first, Measured) else None
    lines = []
    for row in rows:
        paper = printed[row.published]
        done = row if isinstance(row, Measured) else None
        lines.append(
            {
                "setting": row.label,
                "published_method": row.published,
                "psnr": done and done.psnr,
                "ssim": done and done.ssim,
                "psnr_change": None if done is None or base is None else done.psnr - base,
                "psnr_by_seed": done and list(done.psnr_by_seed),
                "published_psnr": paper["psnr"],
                "published_ssim": paper["ssim"],
                "published_psnr_change": paper["psnr"] - printed[first.published]["psnr"],
                "reason": row.reason if isinstance(row, LeftOut) else None,
            }
        )
    return lines


def write_table(
    folder: Path, table: str, config: TrainConfig, seeds: Sequence[int], rows: Sequence[Measured | LeftOut]
) -> None:
    """Write ``ablation.csv`` and ``ablation.json``: the rows of ``table_rows``, and what they were measured on."""
    lines = table_rows(table, rows)
    about = {
        "table": table.removeprefix("table"),
        "dataset": config.dataset,
        "split": config.val_split,
        "steps": config.steps,
        "seeds": " ".join(map(str, seeds)),
    }
    text = io.StringIO()
    columns = [*about, *(key for key in lines[0] if key != "psnr_by_seed")]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**about, **{key: _cell(value) for key, value in line.items()}} for line in lines)
    write_text(folder / "ablation.csv", text.getvalue())
    document = {"table": table, "seeds": list(seeds), "config": config.model_dump(mode="json", by_alias=True)}
    write_json(folder / "ablation.json", {**document, "rows": lines})


def _cell(value: Any) -> Any:
    return f"{value:.5f}" if isinstance(value, float) else value
