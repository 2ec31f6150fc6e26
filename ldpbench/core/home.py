"""Where everything is kept: ``LDPBENCH_HOME``, or the platform's data folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folders under one home. Nothing is created until somebody writes."""

    root: Path

    @property
    def datasets(self) -> Path:
        """Prepared datasets, one folder per id."""
        return self.root / "datasets"

    @property
    def locks(self) -> Path:
        """Files that keep two processes from doing the same thing at once."""
        return self.root / "locks"

    @property
    def downloads(self) -> Path:
        """Files fetched from a publisher and verified, kept so that a second prepare needs no network."""
        return self.root / "downloads"

    @property
    def blur_maps(self) -> Path:
        """Estimated blur maps, kept by content so that no pair is looked at twice."""
        return self.root / "blurmaps"

    @property
    def weights(self) -> Path:
        """Weights of others, as they were published."""
        return self.root / "weights"

    @property
    def runs(self) -> Path:
        """Run folders, the source of truth of every result."""
        return self.root / "runs"

    @property
    def costs(self) -> Path:
        """What methods cost, one file per method, size and machine."""
        return self.root / "costs"

    @property
    def training(self) -> Path:
        """Training runs, one folder each."""
        return self.root / "training"

    @property
    def database(self) -> Path:
        """The DuckDB file made from the run folders."""
        return self.root / "results.duckdb"

    @property
    def site(self) -> Path:
        """The built pages."""
        return self.root / "site"


@contextmanager
def using_home(home: Home) -> Iterator[None]:
    """Make a home the default one for a while: a command's ``--home`` holds for everything it calls."""
    before = os.environ.get("LDPBENCH_HOME")
    os.environ["LDPBENCH_HOME"] = str(home.root)
    try:
        yield
    finally:
        if before is None:
            del os.environ["LDPBENCH_HOME"]
        else:
            os.environ["LDPBENCH_HOME"] = before


def default_home() -> Home:
    """The home named by ``LDPBENCH_HOME``, else the platform's data folder for ldpbench."""
    named = os.environ.get("LDPBENCH_HOME")
    if named:
        return Home(Path(named).expanduser().absolute())
    import platformdirs

    return Home(Path(platformdirs.user_data_dir("ldpbench", appauthor=False)))
