"""The machine and the software, as a run record and ``doctor`` report them. Imports nothing heavy."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "datasets",
    "duckdb",
    "fsspec",
    "jinja2",
    "numba",
    "numpy",
    "open_clip_torch",
    "opencv-python-headless",
    "pydantic",
    "pyiqa",
    "safetensors",
    "scipy",
    "torch",
    "typer",
)
"""The packages whose versions can change a number or a page."""


@dataclass(frozen=True)
class TorchSwitches:
    """What decides whether two runs of torch on one machine give the same bits."""

    cuda: str | None
    """The CUDA it was built for."""
    threads: int
    determinism: dict[str, bool | str]


def package_versions() -> dict[str, str]:
    """Installed version of each of ``PACKAGES``; absent ones are left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _first_line(*command: str, folder: Path | None = None) -> str | None:
    """What a program prints first, or None if it is absent, fails or hangs."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().split("\n")[0]


def git_state(checkout: Path) -> tuple[str | None, bool | None]:
    """Revision of a checkout and whether it has uncommitted changes; (None, None) outside git."""
    if not (checkout / ".git").exists():
        return None, None
    revision = _first_line("git", "rev-parse", "HEAD", folder=checkout)
    changes = _first_line("git", "status", "--porcelain", folder=checkout)
    return revision, None if changes is None else bool(changes)


def cpu_name() -> str:
    """The processor's name, as far as the platform tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def ram_bytes() -> int | None:
    """Installed memory, None where the platform does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def gpu_name() -> str | None:
    """The first NVIDIA GPU's name, None without one."""
    return _first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


def gpu_driver() -> str | None:
    """The version of the NVIDIA driver, None without one."""
    return _first_line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")


def torch_switches() -> TorchSwitches | None:
    """What torch was told; None where nobody has imported it, for nothing heavy is imported here."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    determinism: dict[str, bool | str] = {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    if workspace is not None:
        determinism["cublas_workspace"] = workspace
    return TorchSwitches(torch.version.cuda, torch.get_num_threads(), determinism)
