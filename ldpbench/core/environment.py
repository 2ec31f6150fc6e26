"""The machine and the software, as a run record and ``doctor`` report them. Imports nothing heavy."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
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
