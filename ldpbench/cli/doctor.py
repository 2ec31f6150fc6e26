"""``doctor``: what this machine has, and what stands in the way."""

import platform
import shutil
import sys
import tempfile
from pathlib import Path

import typer

from ldpbench import __version__
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.environment import cpu_name, gpu_name, package_versions, ram_bytes
from ldpbench.core.errors import EXIT_DONE, EXIT_MISSING, LdpbenchError
from ldpbench.core.home import Home

MIN_PYTHON = (3, 11)
LOW_DISK_BYTES = 2 << 30
GIB = 1 << 30


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor", schema="doctor", example="ldpbench doctor")(_doctor)


def _nearest_folder(home: Home) -> str:
    """The home, or the closest folder above it that exists."""
    return str(next(folder for folder in (home.root, *home.root.parents) if folder.is_dir()))


def _check_home(home: Home) -> tuple[bool, str]:
    place = _nearest_folder(home)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return False, f"{home.root}: cannot write ({error.strerror}); point LDPBENCH_HOME at a folder you own"
    return True, f"{home.root}: writable"


def _check_disk(home: Home) -> tuple[bool, str]:
    free = shutil.disk_usage(_nearest_folder(home)).free
    return free >= LOW_DISK_BYTES, f"{free / GIB:.1f} GiB free" + (
        "" if free >= LOW_DISK_BYTES else ", at least 2 are wanted"
    )


def _check_database(home: Home) -> tuple[bool, str]:
    if not home.database.exists():
        return True, f"{home.database}: not there yet, `ldpbench evaluate` makes it"
    from ldpbench.results.connection import open_for_reading

    try:
        with open_for_reading(home.database) as connection:
            runs = connection.execute("SELECT count(*) FROM runs").fetchone()
    except LdpbenchError as error:
        return False, f"{error.message} ({error.hint})"
    return True, f"{home.database}: free, {runs[0] if runs else 0} runs"


def _check_clip(home: Home) -> list[tuple[str, bool, str]]:
    """Every CLIP whose weights are here, against published values; one line if there is none."""
    from ldpbench.blurmap.clip.weights import MODELS, kept_file

    here = {model.id: path for model in MODELS.values() if (path := kept_file(model, home.weights)) is not None}
    if not here:
        return [("clip", True, "no weights here: `ldpbench weights get clip-vit-b-32`; blur maps come from disparity")]
    return [(name, *_check_one_clip(name, path)) for name, path in here.items()]


def _check_one_clip(name: str, path: Path) -> tuple[bool, str]:
    from ldpbench.blurmap.clip.check import check_encoder, golden
    from ldpbench.blurmap.clip.weights import load_encoder

    try:
        checks = check_encoder(load_encoder(name, str(path)), name)
    except LdpbenchError as error:
        return False, f"{error.message} ({error.hint})"
    wrong = [f"{check.name} is off by {check.difference:.2g}" for check in checks if not check.ok]
    if wrong:
        return False, f"{path}: {'; '.join(wrong)}"
    said = "equals the values on record" if name == golden()["model"] else "is sound; no values are on record for it"
    return True, f"{path} {said}"


def _doctor(session: Session) -> Answer:
    """Report on this machine and say what to mend.

    Python, packages, GPU, the home, disk space and the lock of the database.
    """
    memory = ram_bytes()
    packages = package_versions()
    python_ok = sys.version_info >= MIN_PYTHON
    checks: list[tuple[str, bool, str]] = [
        ("ldpbench", True, __version__),
        ("python", python_ok, f"{platform.python_version()} on {platform.platform()}"),
        ("cpu", True, f"{cpu_name()}" + (f", {memory / GIB:.0f} GiB memory" if memory else "")),
        ("gpu", True, gpu_name() or "none found; everything here runs on the CPU"),
        ("home", *_check_home(session.home)),
        ("disk", *_check_disk(session.home)),
        ("database", *_check_database(session.home)),
        *_check_clip(session.home),
        (
            "perceptual",
            True,
            "pyiqa is installed" if "pyiqa" in packages else "not installed: pip install 'ldpbench[perceptual]'",
        ),
    ]
    for name, ok, text in checks:
        session.reporter.line(f"{'ok ' if ok else '!! '} {name:<11} {text}")
    session.reporter.line("    packages    " + ", ".join(f"{name} {version}" for name, version in packages.items()))
    data = {"checks": [{"name": name, "ok": ok, "text": text} for name, ok, text in checks], "packages": packages}
    return Answer(data, exit_code=EXIT_DONE if all(ok for _, ok, _ in checks) else EXIT_MISSING)
