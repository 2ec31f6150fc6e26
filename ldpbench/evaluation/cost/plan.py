"""Which costs there are to measure: methods x sizes, with a reason for everything that is skipped."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.evaluation.cost.hardware import hardware_here, load_average
from ldpbench.evaluation.cost.measure import Job
from ldpbench.methods.find import FoundMethod, find_method, find_methods
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import method_ref, own_inference, refusal
from ldpbench.methods.weights import choose_weights, lacking
from ldpbench.records.cost import NAMED_SIZES, CostCell, Hardware
from ldpbench.records.protocol import Dtype, Ensemble

DEFAULT_SIZE = "256"
SMALLEST_PX = 16
_KINDS = ("reference", "training-free", "network")
"""Of methods that restore a picture."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asks for.

    Args:
        methods: Ids or folders; empty for all installed ones.
        sizes: Names of ``NAMED_SIZES``, or ``320x200``: width x height.
        device: Where networks run.
        threads: Of torch and the other libraries; None for as many as torch takes by itself.
        repeats: How many times are taken; None for as many as the protocol says.
        inference: How methods see a picture; None for each one's own way.
        ensemble: ``x4`` for the mean over the flips.
        dtype: Of networks' arithmetic.
        weights: Files by method id, in place of the published ones.
        untrained: Fresh weights also for networks whose weights are here.
    """

    methods: Sequence[str] = ()
    sizes: Sequence[str] = ()
    device: str = "cpu"
    threads: int | None = None
    repeats: int | None = None
    inference: Inference | None = None
    ensemble: Ensemble = "none"
    dtype: Dtype = "float32"
    weights: Mapping[str, str] = field(default_factory=dict)
    untrained: bool = False


@dataclass(frozen=True)
class Skip:
    """A combination that cannot be measured."""

    method: str
    size: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What to measure, in order, and what is left out."""

    jobs: tuple[Job, ...]
    skips: tuple[Skip, ...]


def make_plan(request: Request) -> Plan:
    """Cross methods and sizes.

    Raises:
        UsageError: For an unknown method or size, or weights for a method that is not asked for.
        MissingPrerequisiteError: If a file of weights is not there.
    """
    sizes = {name: parse_size(name) for name in request.sizes or (DEFAULT_SIZE,)}
    found = [find_method(name) for name in dict.fromkeys(request.methods)] or list(find_methods().values())
    known = [method.record.id for method in found]
    for name in request.weights:
        if name not in known:
            raise unknown_name("method of this measurement", name, known)
    hardware, load = hardware_here(request.device, request.threads), load_average()
    jobs: list[Job] = []
    skips: list[Skip] = []
    for method in found:
        for name, (height_px, width_px) in sizes.items():
            way = _way(method, request).for_size(height_px, width_px)
            reason = _reason_to_skip(method, way, request)
            if reason is not None:
                skips.append(Skip(method.record.id, name, reason))
            else:
                jobs.append(_job(method, name, (height_px, width_px), way, hardware, load, request))
    return Plan(tuple(jobs), tuple(skips))


def parse_size(text: str) -> tuple[int, int]:
    """Height and width in px behind the name of a size.

    Raises:
        UsageError: If there is no such size.
    """
    if text in NAMED_SIZES:
        return NAMED_SIZES[text]
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        known = ", ".join(NAMED_SIZES)
        raise UsageError(f"no size is called {text!r}", hint=f"known: {known}; or WIDTHxHEIGHT, such as 320x200")
    width_px, height_px = (int(side) for side in found.groups())
    if min(height_px, width_px) < SMALLEST_PX:
        raise UsageError(f"a size of {text} is too small", hint=f"sides are at least {SMALLEST_PX} px")
    return height_px, width_px


def _way(method: FoundMethod, request: Request) -> Inference:
    return own_inference(method.record) if request.inference is None else request.inference


def _reason_to_skip(method: FoundMethod, way: Inference, request: Request) -> str | None:
    if method.record.skipped:
        return method.record.skipped
    if method.record.kind not in _KINDS:
        return f"it restores no picture: its kind is {method.record.kind}"
    return refusal(method, way, request.dtype)


def _job(
    method: FoundMethod,
    size: str,
    sides_px: tuple[int, int],
    way: Inference,
    hardware: Hardware,
    load: float | None,
    request: Request,
) -> Job:
    given = request.weights.get(method.record.id)
    takes_weights = method.record.needs_weights and not method.is_checkpoint
    untrained = takes_weights and given is None and (request.untrained or lacking(method) is not None)
    chosen = None if untrained else choose_weights(method, given)
    cell = CostCell(
        method=method_ref(method, chosen, untrained=untrained),
        size=size,
        height_px=sides_px[0],
        width_px=sides_px[1],
        device="cuda" if request.device.startswith("cuda") else "cpu",
        dtype=request.dtype,
        ensemble=request.ensemble,
        inference=way.description,
        hardware=hardware,
    )
    return Job(
        cell=cell,
        source=method,
        inference=way,
        device=request.device,
        weights=given,
        repeats=request.repeats,
        load=load,
    )
