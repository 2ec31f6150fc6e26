"""The machine as costs are compared by it."""

import os

import torch

from ldpbench.core.environment import cpu_name, gpu_driver
from ldpbench.records.cost import Hardware


def hardware_here(device: str, threads: int | None = None) -> Hardware:
    """The machine at hand, as far as it decides the times of a device.

    Args:
        device: ``cpu``, or a CUDA device that is there.
        threads: Of the libraries; None for as many as torch takes by itself.
    """
    on_gpu = device.startswith("cuda")
    return Hardware(
        cpu=cpu_name(),
        cpu_count=os.cpu_count() or 1,
        torch_threads=torch.get_num_threads() if threads is None else threads,
        gpu=torch.cuda.get_device_name(device) if on_gpu else None,
        gpu_driver=gpu_driver() if on_gpu else None,
        cuda=torch.version.cuda if on_gpu else None,
        torch=torch.__version__,
    )


def load_average() -> float | None:
    """How many tasks ran or waited over the last minute; None where the platform does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def busy_remark(load: float | None, cores: int) -> str | None:
    """What to say of a machine that was not idle: more than a quarter of its cores, and most of one, were at work."""
    if load is None or load <= max(cores / 4, 0.75):
        return None
    return f"the machine was busy: load {load:.2f} on {cores} core{'' if cores == 1 else 's'}"
