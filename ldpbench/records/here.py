"""The machine and the software at hand, as a record."""

import os
import platform

from ldpbench import __version__
from ldpbench.core.environment import (
    cpu_name,
    git_state,
    gpu_driver,
    gpu_name,
    package_versions,
    ram_bytes,
    torch_switches,
)
from ldpbench.core.resources import shipped_root
from ldpbench.records.run import Environment


def describe_environment() -> Environment:
    """The machine and the software at hand."""
    revision, dirty = git_state(shipped_root())
    torch = torch_switches()
    return Environment(
        ldpbench_version=__version__,
        git_revision=revision,
        git_dirty=dirty,
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=cpu_name(),
        cpu_count=os.cpu_count() or 1,
        ram_bytes=ram_bytes(),
        gpu=gpu_name(),
        packages=package_versions(),
        gpu_driver=gpu_driver(),
        cuda=torch.cuda if torch else None,
        torch_threads=torch.threads if torch else None,
        determinism=torch.determinism if torch else {},
    )
