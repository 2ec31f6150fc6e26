"""``timing/1``: what is done, in which order, to find the cost of one method at one size."""

import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from ldpbench import __version__
from ldpbench.blurmap.estimator import BlurMapEstimator
from ldpbench.core.allocator import keep_freed_memory
from ldpbench.data.sample import Sample
from ldpbench.evaluation.cost.compiling import CompilerWatch
from ldpbench.evaluation.cost.count import Count, counting
from ldpbench.evaluation.cost.hardware import busy_remark
from ldpbench.evaluation.cost.memory import Peak, watching_memory
from ldpbench.evaluation.cost.meter import metered_call
from ldpbench.evaluation.cost.scene import mirrored_scene
from ldpbench.evaluation.cost.steady import Tell, steady_times
from ldpbench.evaluation.run_writer import utc_now
from ldpbench.methods.find import FoundMethod
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import load_method
from ldpbench.methods.protocol import Deblurrer
from ldpbench.records.cost import CostCell, CostRecord

SMALL_PX = 128
"""Side of the picture of the very first call, in which libraries are loaded: that is no part of any number."""
FEW = 10
"""Fewer times than this are told in a remark."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One cell, and what it takes to measure it in another process."""

    cell: CostCell
    source: FoundMethod
    inference: Inference
    device: str
    weights: str | None = None
    repeats: int | None = None
    """How many times are taken; None for as many as the protocol says."""
    load: float | None = None
    """The machine's load average before anything was measured."""


def measure(job: Job, tell: Tell = lambda _done, _figures: None) -> CostRecord:
    """Find the cost of one method at one size; for honest memory in a process that has done nothing else.

    Args:
        job: What to measure.
        tell: Told how many calls are done and what they took.

    Raises:
        MethodError: If the method fails, or does not stop compiling.
        MissingPrerequisiteError: If something it needs is not there.
    """
    cell = job.cell
    torch.set_num_threads(cell.hardware.torch_threads)
    loaded = load_method(
        job.source,
        device=job.device,
        inference=job.inference,
        ensemble=cell.ensemble,
        dtype=cell.dtype,
        weights=job.weights,
        untrained=cell.method.untrained,
    )
    deblurrer = loaded.deblurrer
    scene = mirrored_scene(cell.height_px, cell.width_px)
    small = mirrored_scene(min(SMALL_PX, cell.height_px), min(SMALL_PX, cell.width_px))
    watch = CompilerWatch()
    try:
        metered_call(deblurrer, small)
        peak = _peak(deblurrer, scene)
        tell(1, "memory")
        is_network = loaded.record.kind == "network"
        count = _count(deblurrer, scene) if is_network else None
        keep_freed_memory()
        probed = 2 if is_network else 1
        times = steady_times(partial(metered_call, deblurrer, scene), watch, probed, job.repeats, tell)
    finally:
        watch.close()
    parts = list(_parts(deblurrer))
    return CostRecord(
        **dict(cell),
        blur_map=next((part.id for part in parts if isinstance(part, BlurMapEstimator)), None),
        warmups=times.warmups,
        compiled_by=times.compiled_by,
        repeats=len(times.seconds),
        seconds=times.seconds,
        median_s=statistics.median(times.seconds),
        p95_s=float(np.quantile(times.seconds, 0.95)),
        peak_memory_bytes=peak.bytes,
        memory_kind=peak.kind,
        parameters=_parameters([part for part in parts if isinstance(part, nn.Module)] or [loaded.network]),
        macs=None if count is None else count.macs,
        macs_left_out=() if count is None else count.left_out,
        macs_missing=f"no network: {cell.method.kind}" if count is None else None,
        ldpbench_version=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        load_average=job.load,
        remarks=tuple(filter(None, (busy_remark(job.load, cell.hardware.cpu_count), _few(len(times.seconds))))),
        measured_at=utc_now(),
    )


def _peak(deblurrer: Deblurrer, scene: Sample) -> Peak:
    peak = Peak()
    metered_call(deblurrer, scene, watching_memory(deblurrer.device, peak))
    return peak


def _count(deblurrer: Deblurrer, scene: Sample) -> Count:
    count = Count()
    metered_call(deblurrer, scene, counting(count))
    return count


def _parameters(networks: Sequence[nn.Module | None]) -> int:
    """Learnt numbers of networks that may hold parts in common."""
    learnt = [parameter for network in networks if network is not None for parameter in network.parameters()]
    return sum({id(parameter): parameter.numel() for parameter in learnt}.values())


def _few(repeats: int) -> str | None:
    return f"only {repeats} time{'' if repeats == 1 else 's'}" if repeats < FEW else None


def _parts(deblurrer: Deblurrer) -> Iterator[object]:
    """Networks and estimators that a method holds, also inside the methods that it wraps."""
    for part in vars(deblurrer).values():
        if isinstance(part, Deblurrer):
            yield from _parts(part)
        elif isinstance(part, nn.Module | BlurMapEstimator):
            yield part
