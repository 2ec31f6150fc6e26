"""Run folders made up for tests: real records and real files, invented numbers.

``write_run(tmp_path / "runs", "run-a", psnr=[30.0, 31.0])`` is enough for one complete run of two images.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ldpbench.core.atomic import write_bytes, write_text
from ldpbench.records import DatasetRef, Environment, Failure, ImageRow, MethodRef, Protocol, RunRecord, Score

FINGERPRINT = "0123456789abcdef" * 4
METRICS = ("mae/1", "psnr/1", "ssim/1")


def make_protocol(**changes: Any) -> Protocol:
    """A protocol of the made-up set ``toy``; ``changes`` replace single fields."""
    fields: dict[str, Any] = {
        "id": "toy/native",
        "title": "Values as they are",
        "dataset_id": "toy",
        "dataset_fingerprint": FINGERPRINT,
        "split": "test",
        "bits": 16,
        "views": ("left", "right"),
        "border_px": 0,
        "domain": "native",
        "registration": "none",
        "metrics": METRICS,
    }
    return Protocol(**{**fields, **changes})


def make_method(method_id: str = "fake", **changes: Any) -> MethodRef:
    """A method that ran."""
    fields: dict[str, Any] = {
        "id": method_id,
        "version": "1",
        "title": f"{method_id.upper()} (made up)",
        "kind": "training-free",
        "inputs": ("left", "right"),
        "code_sha256": "c" * 64,
    }
    return MethodRef(**{**fields, **changes})


def make_dataset(n_images: int, **changes: Any) -> DatasetRef:
    """The dataset of ``make_protocol`` with ``n_images`` images."""
    fields: dict[str, Any] = {
        "id": "toy",
        "version": "1",
        "split": "test",
        "fingerprint": FINGERPRINT,
        "n_images": n_images,
        "complete": True,
        "n_images_whole": n_images,
    }
    return DatasetRef(**{**fields, **changes})


def make_record(
    run_id: str,
    *,
    method: MethodRef | None = None,
    n_images: int = 2,
    protocols: Sequence[Protocol] | None = None,
    **changes: Any,
) -> RunRecord:
    """A complete run of ``n_images`` images; ``changes`` replace single fields of the record."""
    fields: dict[str, Any] = {
        "run_id": run_id,
        "cell": "d" * 64,
        "status": "complete",
        "started_at": "2025-01-02T03:04:05+00:00",
        "finished_at": "2025-01-02T03:05:06+00:00",
        "command": ("ldpbench", "evaluate", "--all"),
        "method": method or make_method(),
        "dataset": make_dataset(n_images),
        "protocols": tuple(protocols or (make_protocol(),)),
        "config": {"tile_px": None, "seed": 0},
        "environment": Environment(
            ldpbench_version="0.1.0",
            git_revision="a" * 40,
            git_dirty=False,
            python="3.11.7",
            platform="Linux-x86_64",
            cpu="A made-up processor",
            cpu_count=4,
            ram_bytes=8 << 30,
            gpu=None,
            packages={"numpy": "2.1.0", "torch": "2.4.0"},
        ),
        "wall_s": 61.0,
    }
    return RunRecord(**{**fields, **changes})


def make_scores(protocol: Protocol, values: Mapping[str, float | None], region: str = "all") -> tuple[Score, ...]:
    """Scores of one image: +inf becomes ``identical``, None becomes ``undefined``."""
    scores = []
    for metric, value in values.items():
        status = "undefined" if value is None else "identical" if value == float("inf") else "ok"
        stored = value if status == "ok" else None
        scores.append(Score(protocol=protocol.hash, region=region, metric=metric, value=stored, status=status))
    return tuple(scores)


def make_row(sample_id: str, scores: Sequence[Score] = (), **changes: Any) -> ImageRow:
    """One measured image."""
    fields: dict[str, Any] = {
        "sample_id": sample_id,
        "seconds": 0.5,
        "height_px": 12,
        "width_px": 16,
        "clipped_fraction": 0.0,
        "scores": tuple(scores),
    }
    return ImageRow(**{**fields, **changes})


def failed_row(sample_id: str, message: str = "the method returned nan") -> ImageRow:
    """One image that a method failed on."""
    failure = Failure(kind="method", message=message)
    return make_row(sample_id, seconds=None, clipped_fraction=None, failure=failure)


def sample_ids(n_images: int) -> list[str]:
    """``scene-01``, ``scene-02``, ..."""
    return [f"scene-{number:02d}" for number in range(1, n_images + 1)]


def rows_from_psnr(psnr: Sequence[float | None], protocols: Sequence[Protocol]) -> list[ImageRow]:
    """Images with these PSNRs (dB) in every protocol and region, and an MAE and an SSIM that go with them.

    A None fails the image; +inf makes it identical to its target.
    """
    rows = []
    for sample_id, value in zip(sample_ids(len(psnr)), psnr, strict=True):
        if value is None:
            rows.append(failed_row(sample_id))
            continue
        mae = 0.8 * 10 ** (-value / 20)
        values = {"psnr": value, "ssim": 1 - mae, "mae": mae}
        scores = [
            score
            for protocol in protocols
            for region in protocol.regions
            for score in make_scores(protocol, values, region)
        ]
        rows.append(make_row(sample_id, scores))
    return rows


def write_folder(runs: Path, record: RunRecord, rows: Sequence[ImageRow], *, tail: bytes = b"") -> Path:
    """Write a run folder as an evaluation leaves it; ``tail`` is appended to the scores as it is."""
    folder = runs / record.run_id
    write_text(folder / "run.json", record.model_dump_json(by_alias=True, indent=2) + "\n")
    lines = "".join(row.model_dump_json() + "\n" for row in rows)
    write_bytes(folder / "scores.jsonl", lines.encode() + tail)
    return folder


def write_run(
    runs: Path,
    run_id: str,
    *,
    psnr: Sequence[float | None] = (30.0, 31.0),
    method: MethodRef | None = None,
    protocols: Sequence[Protocol] | None = None,
    previews: bool = False,
    **changes: Any,
) -> Path:
    """Write the run folder of a method with these PSNRs (dB); returns the folder.

    A None in ``psnr`` is a failed image, which makes the run ``partial``. ``changes`` replace fields of the record.
    """
    protocols = tuple(protocols or (make_protocol(),))
    failures = sum(value is None for value in psnr)
    changes = {"status": "partial" if failures else "complete", "failures": failures, **changes}
    record = make_record(run_id, method=method, n_images=len(psnr), protocols=protocols, **changes)
    rows = rows_from_psnr(psnr, protocols)
    folder = write_folder(runs, record, rows)
    if previews:
        for row in rows:
            if row.failure is None:
                write_bytes(folder / "previews" / f"{row.sample_id}.png", grey_png(row.width_px, row.height_px))
    return folder


def grey_png(width_px: int, height_px: int, level: int = 128) -> bytes:
    """A flat 8-bit grey PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    pixels = (b"\x00" + bytes([level]) * width_px) * height_px
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
