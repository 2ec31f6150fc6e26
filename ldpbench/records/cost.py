"""What a method costs on one machine at one size: time, memory, parameters, multiply-adds."""

import re
import statistics
from datetime import datetime
from typing import Literal

from pydantic import Field, model_validator

from ldpbench.core.hashing import sha256_document
from ldpbench.records.base import Record
from ldpbench.records.protocol import Dtype, Ensemble
from ldpbench.records.run import MethodRef

TIMING = "timing/1"
"""How times are taken (see ``docs/cost.md``): times of different versions are never compared."""

NAMED_SIZES: dict[str, tuple[int, int]] = {
    "256": (256, 256),
    "512": (512, 512),
    "pixeldp": (1008, 1344),
    "dpd-blur": (1120, 1680),
}
"""Height and width in px of the sizes that boards show."""

MemoryKind = Literal["cuda-allocated", "resident-increase"]
"""``cuda-allocated``: the most that torch held on the GPU during a call, weights and inputs included.
``resident-increase``: by how much a call raised the process's resident memory above what it was before."""


class Hardware(Record):
    """Everything of the machine that decides a time. Costs are compared only where all of it is equal."""

    cpu: str
    cpu_count: int
    torch_threads: int
    """Threads of torch, and of the other libraries that a method may call."""
    gpu: str | None = None
    """None where the method runs on the CPU; the same for the driver and CUDA."""
    gpu_driver: str | None = None
    cuda: str | None = None
    """The CUDA that torch was built for."""
    torch: str

    @property
    def id(self) -> str:
        """Short and readable, with the start of a hash over all of it: ``epyc-7763-4-threads-1a2b3c4d``."""
        name = self.gpu or f"{self.cpu} {self.torch_threads} thread{'' if self.torch_threads == 1 else 's'}"
        return f"{_short(name)}-{sha256_document(self.model_dump(mode='json'))[:8]}"


def _short(name: str) -> str:
    """A processor's or card's name without makers' words."""
    plain = re.sub(r"\((?:r|tm|c)\)|\bcpu\b|@.*?hz|\b(?:intel|amd|nvidia|processor|\d+-core)\b", " ", name.lower())
    return "-".join(re.findall(r"[a-z0-9]+", plain)) or "unknown"


class CostCell(Record):
    """What is measured: two measurements of one cell can stand for each other."""

    timing: Literal["timing/1"] = "timing/1"
    method: MethodRef
    size: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """A named size, or ``320x200``: width x height."""
    height_px: int = Field(ge=1)
    width_px: int = Field(ge=1)
    device: Literal["cpu", "cuda"]
    dtype: Dtype = "float32"
    ensemble: Ensemble = "none"
    inference: str
    """How the method sees the picture, in words."""
    hardware: Hardware

    @property
    def key(self) -> str:
        """Equal exactly for measurements that can stand for each other, 64 hex digits."""
        method = self.method
        return sha256_document(
            {
                "timing": self.timing,
                "method": [method.id, method.version, method.code_sha256, method.weights_sha256, method.untrained],
                "size": [self.size, self.height_px, self.width_px],
                "way": [self.device, self.dtype, self.ensemble, self.inference],
                "hardware": self.hardware.model_dump(mode="json"),
            }
        )

    @property
    def stem(self) -> str:
        """The name of its file, without the suffix: ``nafnet-256-0123456789ab``."""
        return f"{self.method.id}-{self.size}-{self.key[:12]}"


class CostRecord(CostCell, populate_by_name=True):
    """One measurement: a file in ``costs/``."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    blur_map: str | None = None
    """The estimator whose work is part of every call; None where the method is given all it needs."""
    warmups: int = Field(ge=1)
    """Calls at this size before the first one that counts."""
    compiled_by: tuple[Literal["dynamo", "numba"], ...] = ()
    """Compilers that worked during the warm-up, and had ended before the calls that count."""
    repeats: int = Field(ge=1)
    seconds: tuple[float, ...]
    """Of every call that counts, in order."""
    median_s: float = Field(gt=0)
    p95_s: float = Field(gt=0)
    """95th percentile, linear between the two times around it; near the longest time where repeats are few."""
    peak_memory_bytes: int | None = Field(default=None, ge=0)
    """None where the platform does not tell."""
    memory_kind: MemoryKind | None = None
    parameters: int = Field(ge=0)
    """Learnt numbers of the network as it runs; 0 for a method without one. A network that multiplies factors out
    before it runs has fewer than ``method.parameters``. An estimator of blur maps is not counted."""
    macs: int | None = Field(default=None, ge=0)
    """Multiply-adds of one call: convolutions and matrix products."""
    macs_left_out: tuple[str, ...] = ()
    """Operators of the call that compute and are not in that number."""
    macs_missing: str | None = None
    """Why there is no number."""
    ldpbench_version: str
    python: str
    platform: str
    load_average: float | None = None
    """Of the minute before the first measurement of the command; None where the platform does not tell."""
    remarks: tuple[str, ...] = ()
    measured_at: str
    """UTC, ISO 8601."""

    @model_validator(mode="after")
    def _consistent(self) -> "CostRecord":
        if self.repeats != len(self.seconds):
            raise ValueError(f"repeats says {self.repeats}, seconds holds {len(self.seconds)} times")
        if any(second <= 0 for second in self.seconds):
            raise ValueError("seconds: every time is greater than 0")
        if abs(self.median_s - statistics.median(self.seconds)) > 1e-6 * self.median_s:
            raise ValueError(f"median_s is {self.median_s}, that of seconds is {statistics.median(self.seconds)}")
        if (self.macs is None) != (self.macs_missing is not None):
            raise ValueError("either macs, or macs_missing with the reason")
        if (self.peak_memory_bytes is None) != (self.memory_kind is None):
            raise ValueError("peak_memory_bytes and memory_kind come together")
        if datetime.fromisoformat(self.measured_at).tzinfo is None:
            raise ValueError(f"measured_at: expected a time with its offset from UTC, found {self.measured_at!r}")
        return self
