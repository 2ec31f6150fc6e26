"""The wheel holds what the checkout holds, and runs outside of it."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("datasets_cards", "baselines", "leaderboard")

pytestmark = pytest.mark.packaging


def tracked_files(*folders: str) -> set[str]:
    """What belongs into the wheel: the files git tracks, or would if they were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """sdist first, and the wheel from it: so nothing untracked can slip in."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def outside(wheel, tmp_path_factory):
    """Run ``ldpbench`` from a fresh environment, away from the checkout.

    The environment sees this one's heavy packages through a path file, so torch is not fetched again; ldpbench itself
    comes from the wheel, and the editable install of this environment is not seen because path files do not nest.
    """
    folder = tmp_path_factory.mktemp("outside")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    packages = Path(sysconfig.get_paths(vars={"base": str(folder / "venv")})["purelib"])
    (packages / "heavy.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LDPBENCH"))}

    def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [python, "-I", "-m", "ldpbench", *command],
            cwd="/",
            env=environment | {"LDPBENCH_HOME": str(folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def test_the_wheel_holds_exactly_the_tracked_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = tracked_files("ldpbench")
    expected |= {f"ldpbench/_shipped/{name}" for name in tracked_files(*SHIPPED)}
    assert held == expected


def test_it_runs_outside_the_checkout(outside):
    assert outside("--version").stdout.startswith("ldpbench ")
    methods = json.loads(outside("methods", "list", "--json").stdout)["data"]
    assert {"blurry-input", "dp-wiener"} <= {method["id"] for method in methods}
    where = json.loads(outside("doctor", "--json", check=False).stdout)
    assert where["schema"] == "ldpbench.doctor/1"
    demo = json.loads(outside("demo", "--json").stdout)
    assert demo["ok"]
    page = Path(demo["data"]["page"])
    assert page.is_file()
    assert "dp-wiener" in page.read_text()
