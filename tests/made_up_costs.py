"""Cost records made up for tests: real records and real files, invented numbers."""

import statistics
from pathlib import Path
from typing import Any

from ldpbench.core.atomic import write_text
from ldpbench.records.cost import CostRecord, Hardware
from tests.factories import make_method

HARDWARE = Hardware(cpu="AMD EPYC 7763 64-Core Processor", cpu_count=4, torch_threads=2, torch="2.9.0")


def make_cost(method_id: str = "fake", *, seconds: tuple[float, ...] = (0.1, 0.3, 0.2), **changes: Any) -> CostRecord:
    """A measurement at 256 px on ``HARDWARE``; ``changes`` replace single fields."""
    fields: dict[str, Any] = {
        "method": make_method(method_id),
        "size": "256",
        "height_px": 256,
        "width_px": 256,
        "device": "cpu",
        "inference": "whole",
        "hardware": HARDWARE,
        "warmups": 3,
        "repeats": len(seconds),
        "seconds": seconds,
        "median_s": statistics.median(seconds),
        "p95_s": max(seconds),
        "peak_memory_bytes": 1 << 20,
        "memory_kind": "resident-increase",
        "parameters": 1000,
        "macs": 2_000_000,
        "ldpbench_version": "0.1.0",
        "python": "3.11.7",
        "platform": "Linux",
        "measured_at": "2025-01-02T03:04:05+00:00",
    }
    return CostRecord(**{**fields, **changes})


def write_cost(folder: Path, record: CostRecord) -> Path:
    """The file of a measurement, under its own name."""
    file = folder / f"{record.stem}.json"
    write_text(file, record.model_dump_json(by_alias=True, indent=2) + "\n")
    return file
