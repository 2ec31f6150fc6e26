"""Made-up facts of the same shape as the queries', for tests that need no database."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ldpbench.records import BaselineRecord, DatasetCard, MetricSpec, Protocol
from ldpbench.results.views import Aggregate, Board, BoardRow, PublishedRow, PublishedTable, SampleScores, StoredRun
from ldpbench.site.facts import Facts, ScenePictures
from ldpbench.site.names import safe_name, scene_folder
from ldpbench.site.pages import Crop, Picture
from tests.factories import make_method, make_protocol, make_record

PSNR = MetricSpec(
    id="psnr", version=1, title="PSNR", unit="dB", higher_is_better=True, decimals=2, convention="One value per image."
)
SSIM = MetricSpec(
    id="ssim", version=1, title="SSIM", unit="1", higher_is_better=True, decimals=4, convention="Uniform 7x7 window."
)
MAE = MetricSpec(
    id="mae", version=1, title="MAE", unit="1", higher_is_better=False, decimals=4, convention="Mean absolute error."
)
LPIPS = MetricSpec(
    id="lpips",
    version=1,
    title="LPIPS",
    unit="1",
    higher_is_better=False,
    decimals=4,
    convention="AlexNet.",
    extra="perceptual",
)
METRICS = (PSNR, SSIM, MAE)


def make_card(dataset_id: str = "toy", **changes: Any) -> DatasetCard:
    fields: dict[str, Any] = {
        "schema": 1,
        "id": dataset_id,
        "version": "1",
        "title": "Toy",
        "summary": "A made-up set.",
        "licence": "CC0-1.0",
        "redistribution": "yes",
        "access": "generated",
        "adapter": "sample",
        "views": ("left", "right"),
        "channels": 3,
        "bits": 16,
        "encoding": "srgb",
        "width_px": 16,
        "height_px": 12,
        "splits": {"test": 2},
        "tasks": ("deblur",),
        "content": "pixels",
        "protocols": [
            {"id": "native", "title": "Values as they are", "why": "The plain one.", "metrics": ["psnr"]},
            {"id": "registered", "title": "Registered", "why": "The other one.", "metrics": ["psnr"]},
        ],
    }
    return DatasetCard.model_validate({**fields, **changes})


def make_baseline(method_id: str = "fake", **changes: Any) -> BaselineRecord:
    fields: dict[str, Any] = {
        "schema": 1,
        "id": method_id,
        "version": "1",
        "title": f"{method_id.upper()} (made up)",
        "summary": "It guesses.",
        "kind": "training-free",
        "inputs": ("left", "right"),
        "licence_code": "MIT",
    }
    return BaselineRecord.model_validate({**fields, **changes})


def aggregate(values: Sequence[float | None]) -> Aggregate:
    known = [value for value in values if value is not None]
    finite = [value for value in known if math.isfinite(value)]
    return Aggregate(
        mean=sum(known) / len(known) if known and len(known) == len(values) else None,
        finite_mean=sum(finite) / len(finite) if finite else None,
        n_images=len(values),
        n_identical=sum(math.isinf(value) for value in known),
        n_failed=sum(value is None for value in values),
    )


def make_board(
    protocol: Protocol,
    psnr: Mapping[str, Sequence[float | None]],
    *,
    region: str = "all",
    n_images_whole: int | None = None,
    titles: Mapping[str, str] | None = None,
    metrics: Sequence[MetricSpec] = METRICS,
) -> tuple[Board, tuple[SampleScores, ...]]:
    """A board from PSNRs by method id. Methods with a failed image are not ranked; the run of ``m`` is ``run-m``."""
    scores, rows = [], []
    for method_id, values in psnr.items():
        every = [per_image(value, metrics) for value in values]
        scores += [
            SampleScores(
                run_id=run_of(method_id),
                method_id=method_id,
                sample_id=f"scene-{number:02d}",
                values=named,
                group=None,
                seconds=0.25 if named["psnr"] is not None else None,
                failure=None if named["psnr"] is not None else "method: it returned nan",
            )
            for number, named in enumerate(every, start=1)
        ]
        failed = None in values
        rows.append(
            BoardRow(
                rank=None if failed else 0,
                unranked_reason="an image failed" if failed else None,
                run_id=run_of(method_id),
                method_id=method_id,
                method_title=(titles or {}).get(method_id, f"{method_id.upper()} (made up)"),
                method_kind="training-free",
                inputs=("left", "right"),
                parameters=7_234_567,
                values={spec.id: aggregate([named[spec.id] for named in every]) for spec in metrics},
                seconds_median=0.0123,
            )
        )
    ranked = sorted((row for row in rows if row.rank is not None), key=lambda row: -(row.values["psnr"].mean or 0))
    numbered = [BoardRow(**{**vars(row), "rank": place}) for place, row in enumerate(ranked, start=1)]
    n_images = max(len(values) for values in psnr.values())
    board = Board(
        protocol=protocol,
        protocol_hash=protocol.hash,
        region=region,
        complete=n_images_whole is None,
        n_images=n_images,
        n_images_whole=n_images_whole or n_images,
        metrics=tuple(metrics),
        rows=(*numbered, *(row for row in rows if row.rank is None)),
        best={spec.id: numbered[0].run_id for spec in metrics} if numbered else {},
        second={spec.id: numbered[1].run_id for spec in metrics} if len(numbered) > 1 else {},
    )
    return board, tuple(scores)


def run_of(method_id: str) -> str:
    return f"run-{safe_name(method_id)}"


def per_image(psnr: float | None, metrics: Sequence[MetricSpec]) -> dict[str, float | None]:
    if psnr is None:
        return {spec.id: None for spec in metrics}
    mae = 0.8 * 10 ** (-psnr / 20)
    known: dict[str, float | None] = {"psnr": psnr, "ssim": 1 - mae, "mae": mae, "lpips": 2 * mae}
    return {spec.id: known[spec.id] for spec in metrics}


def make_runs(board: Board, **changes: Any) -> tuple[StoredRun, ...]:
    return tuple(
        StoredRun(
            record=make_record(
                row.run_id,
                method=make_method(row.method_id, title=row.method_title),
                n_images=board.n_images,
                protocols=(board.protocol,),
                **changes,
            ),
            folder=f"/nowhere/{row.run_id}",
        )
        for row in board.rows
    )


def make_pictures(
    sample_ids: Sequence[str], runs: Sequence[StoredRun], size: tuple[int, int] = (16, 12)
) -> dict[Any, ScenePictures]:
    """Pictures that nobody wrote yet; large ones have small copies and crops."""
    width, height = size
    found = {}
    for sample_id in sample_ids:
        folder = scene_folder("toy", "test", sample_id)

        def picture(kind: Any, label: str, name: str, run_id: str | None = None, folder: str = folder) -> Picture:
            return Picture(
                kind=kind,
                label=label,
                href=f"{folder}/{name}.png",
                width_px=width,
                height_px=height,
                run_id=run_id,
                small=f"{folder}/{name}--small.png" if width > 320 else None,
            )

        outputs = [
            picture("output", run.record.method.title, f"output--{run.record.run_id}", run.record.run_id)
            for run in runs
        ]
        boxes = [
            Crop(name=name, why=why, x_px=x, y_px=height // 3, width_px=width // 6, height_px=height // 6)
            for name, why, x in (("A", "most detail lost", width // 8), ("B", "most detail left", width // 2))
        ]
        found["toy", "test", sample_id] = ScenePictures(
            pictures=(picture("blurry", "Blurry", "blurry"), *outputs, picture("target", "Sharp target", "target")),
            thumbnail=picture("blurry", "Blurry", "thumbnail"),
            crops=tuple(boxes),
            notes=("A note about what is missing.",),
        )
    return found


def make_published() -> PublishedTable:
    def row(group: str, printed: str, method: str, db: float, error: float, **faults: str) -> PublishedRow:
        return PublishedRow(
            table="1",
            dataset="toy",
            group=group,
            group_as_printed=printed,
            method_id=method,
            method_as_printed=method.upper(),
            values={"psnr": db, "mae": error},
            faults=faults,
        )

    return PublishedTable(
        id="a-paper-table-1",
        paper="Somebody: A paper, ECCV 2020",
        source="The proceedings.",
        url="https://example.org/paper",
        table="1",
        dataset="toy",
        notes=("The two headings are swapped in print.",),
        rows=(
            row("indoor", "Outdoor Scenes", "fake", 25.5, 0.04),
            row("indoor", "Outdoor Scenes", "other", 25.77, 0.051, mae="It cannot be."),
            row("outdoor", "Indoor Scenes", "fake", 21.0, 0.062),
        ),
    )


def make_facts(**changes: Any) -> Facts:
    """Two protocols (one of them with regions), three methods of which one failed, a published table."""
    native = make_protocol(regions=("all", "near"))
    registered = make_protocol(id="toy/registered", title="Registered", registration="centre-similarity-1", border_px=8)
    psnr: dict[str, list[float | None]] = {"fake": [30.0, 31.0], "other": [28.0, 29.5], "broken": [20.0, None]}
    made = [make_board(native, psnr), make_board(native, psnr, region="near"), make_board(registered, psnr)]
    fields: dict[str, Any] = {
        "boards": tuple(board for board, _ in made),
        "scores": {board.view: scores for board, scores in made},
        "runs": make_runs(made[0][0]),
        "cards": {"toy": make_card()},
        "methods": {"fake": make_baseline(), "unused": make_baseline("unused")},
        "published": (make_published(),),
        "metrics": {spec.id: spec for spec in METRICS},
    }
    return Facts(**{**fields, **changes})
