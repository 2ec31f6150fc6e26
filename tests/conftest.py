"""What every test relies on: no network but loopback, a home of its own, and shared prepared data."""

import gc
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from ldpbench.core.home import Home

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_connect = socket.socket.connect


class NetworkBlockedError(RuntimeError):
    """A test tried to leave this machine."""


def _guarded_connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOOPBACK:
        raise NetworkBlockedError(f"a test tried to connect to {address}")
    _connect(self, address)


def pytest_configure() -> None:
    socket.socket.connect = _guarded_connect
    # The same examples every time, so that a red run is the change's own; `explore` looks for new ones.
    settings.register_profile("same", derandomize=True)
    settings.register_profile("explore", derandomize=False)
    settings.load_profile(os.environ.get("LDPBENCH_TEST_EXAMPLES", "same"))


def pytest_unconfigure() -> None:
    """Hypothesis leaves a callback with the garbage collector that outlives DuckDB, which then reports leaks."""
    gc.callbacks[:] = [callback for callback in gc.callbacks if not callback.__module__.startswith("hypothesis")]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's home, and no plugin of the user's is seen."""
    monkeypatch.setenv("LDPBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LDPBENCH_PLUGIN_PATH", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The home that ``LDPBENCH_HOME`` names in this test."""
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the embedded set prepared once. Tests must not write into its datasets."""
    from ldpbench.data.prepare import prepare

    shared = Home(tmp_path_factory.mktemp("sample-home"))
    prepare("sample", shared)
    return shared


class Ended(NamedTuple):
    """How a command line ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def ldpbench(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run a command line in this process, through the program's own entry point."""
    from ldpbench.cli.main import main

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ldpbench", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        output = capfd.readouterr()
        return Ended(int(ended.value.code or 0), output.out, output.err)

    return run


@pytest.fixture
def home_with_sample(home: Home, sample_home: Home) -> Home:
    """This test's own home, with the shared prepared set linked in."""
    home.datasets.mkdir(parents=True)
    (home.datasets / "sample").symlink_to(sample_home.datasets / "sample")
    return home


@pytest.fixture(scope="session")
def real_pixeldp() -> Path:
    """The folder of real scenes in the publisher's layout."""
    named = os.environ.get("LDPBENCH_TEST_PIXELDP")
    if not named:
        pytest.skip("LDPBENCH_TEST_PIXELDP does not name a folder with real scenes, and they are not ours to ship")
    return Path(named)


@pytest.fixture(scope="session")
def real_pixeldp_home(real_pixeldp: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the real scenes at hand prepared once."""
    from ldpbench.data.prepare import prepare

    shared = Home(tmp_path_factory.mktemp("pixeldp-home"))
    prepare("pixeldp", shared, source=str(real_pixeldp), allow_partial=True)
    return shared


@pytest.fixture(scope="session")
def fake_pixeldp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A made-up set in PixelDP's layout with a card and manifest of its own."""
    from tests.fake_pixeldp import write_fake_pixeldp

    return write_fake_pixeldp(tmp_path_factory.mktemp("fake-pixeldp"))
