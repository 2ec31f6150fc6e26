"""A paper's ablations, and what was measured of them here: side by side, never as one number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.home import Home
from ldpbench.core.progress import Progress
from ldpbench.records.base import validation_sentence
from ldpbench.results.views import PublishedTable
from ldpbench.site.numbers import fixed, missing, printed_decimals
from ldpbench.site.pages import Cell, Column, RowGroup, Table

FILE = "ablation.json"
"""What `ldpbench train --sweep` leaves in its folder."""


@dataclass(frozen=True, kw_only=True)
class AblationRow:
    """One setting: validation scores, means over its seeds; None where it was left out."""

    method_id: str
    psnr: float | None
    ssim: float | None
    psnr_by_seed: tuple[float, ...]
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """One sweep that was run here."""

    table: str
    """Of the paper, such as ``6``."""
    network: str
    dataset: str
    split: str
    steps: int
    seeds: tuple[int, ...]
    rows: tuple[AblationRow, ...]

    @property
    def said(self) -> str:
        """What, where and how long, in a few words."""
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return f"{self.network} on {self.dataset} {self.split}, {self.steps:,} steps, {seeds}"


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")
    published_method: str
    psnr: float | None
    ssim: float | None
    psnr_by_seed: list[float] | None
    reason: str | None


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")
    table: str
    seeds: list[int]
    config: dict[str, Any]
    rows: list[_Line]


def read_ablations(home: Home, progress: Progress) -> tuple[Ablation, ...]:
    """Every finished sweep among the training runs of a home, in a fixed order; damaged files are said and left out."""
    return tuple(
        found for path in sorted(home.training.glob(f"*/{FILE}")) if (found := _read(path, progress)) is not None
    )


def _read(path: Path, progress: Progress) -> Ablation | None:
    with explaining_storage("read", path):
        data = path.read_bytes()
    try:
        document = _File.model_validate_json(data)
        config = document.config
        return Ablation(
            table=document.table.removeprefix("table"),
            network=str(config["network"]["name"]),
            dataset=str(config["dataset"]),
            split=str(config["val_split"]),
            steps=sum(int(stage["steps"]) for stage in config["stages"]),
            seeds=tuple(document.seeds),
            rows=tuple(_row(line) for line in document.rows),
        )
    except ValidationError as error:
        progress.warn(f"{path} is left out: {validation_sentence(error)}")
    except (KeyError, TypeError, ValueError) as error:
        progress.warn(f"{path} is left out: its configuration lacks {error}")
    return None


def _row(line: _Line) -> AblationRow:
    return AblationRow(
        method_id=line.published_method,
        psnr=line.psnr,
        ssim=line.ssim,
        psnr_by_seed=tuple(line.psnr_by_seed or ()),
        reason=line.reason,
    )


def ablation_tables(
    method_id: str, published: Sequence[PublishedTable], measured: Sequence[Ablation]
) -> Iterator[tuple[Table, tuple[str, ...]]]:
    """The paper's ablation tables that a method belongs to, each with its notes."""
    for table in published:
        names = {row.method_id for row in table.rows}
        if table.kind == "ablation" and (method_id in names or method_id.startswith("ldp-")):
            here = [each for each in measured if each.table == table.table]
            yield _beside(table, here), table.notes


def _beside(table: PublishedTable, measured: Sequence[Ablation]) -> Table:
    """Printed values, and for every sweep its mean PSNR with the change against its first row."""
    decimals = {name: printed_decimals(row.values[name] for row in table.rows if name in row.values) for name in _SHOWN}
    columns = [
        Column(title="Setting", kind="text"),
        *(
            Column(title=f"{title}, printed", unit=unit, better="higher", explanation=f"on {table.dataset}, its paper")
            for title, unit in _SHOWN.values()
        ),
    ]
    for sweep in measured:
        columns += [
            Column(title="PSNR, measured", unit=f"dB, {sweep.said}", better="higher", explanation=sweep.said),
            Column(title="Change", unit="dB", better="higher", explanation="against the first row of the same sweep"),
        ]
    rows = []
    for row in table.rows:
        cells = [Cell(text=row.method_as_printed, sort=row.method_as_printed)]
        cells += [_printed(row.values.get(name), decimals[name]) for name in _SHOWN]
        for sweep in measured:
            cells += _measured(row.method_id, sweep)
        rows.append(tuple(cells))
    return Table(
        caption=f"Table {table.table}: printed on {table.dataset}, and measured here",
        columns=tuple(columns),
        groups=(RowGroup(rows=tuple(rows)),),
    )


_SHOWN = {"psnr": ("PSNR", "dB"), "ssim": ("SSIM", "")}


def _printed(value: float | None, decimals: int) -> Cell:
    return missing("not printed") if value is None else Cell(text=fixed(value, decimals), sort=repr(value))


def _measured(method_id: str, sweep: Ablation) -> list[Cell]:
    found = next((row for row in sweep.rows if row.method_id == method_id), None)
    if found is None or found.psnr is None:
        why = (found.reason if found else None) or "not trained here"
        return [missing(why), missing(why)]
    spread = found.psnr_by_seed
    note = f"{fixed(min(spread), 2)} to {fixed(max(spread), 2)}" if len(spread) > 1 else None
    base = sweep.rows[0].psnr
    change = missing("the first row has no value") if base is None else _change(found.psnr - base)
    return [Cell(text=fixed(found.psnr, 2), sort=repr(found.psnr), note=note), change]


def _change(value: float) -> Cell:
    sign = "+" if round(value, 2) > 0 else ""
    return Cell(text=f"{sign}{fixed(value, 2)}", sort=repr(value))
