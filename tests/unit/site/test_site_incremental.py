"""Building again: what stays the same is not touched, what no longer belongs goes, what is somebody else's stays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.results.ingest import ingest
from ldpbench.site.build import build_site
from ldpbench.site.writer import RECORD, UNFINISHED, SiteWriter
from tests.factories import make_method, write_run


@pytest.fixture
def site(home: Home, tmp_path: Path) -> Path:
    write_run(home.runs, "run-a", psnr=[30.0, 31.0], previews=True)
    ingest(home.runs, home.database)
    build_site(home, tmp_path / "site")
    return tmp_path / "site"


def stamps(site: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file but the list."""
    return {
        str(path.relative_to(site)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in site.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def contents(site: Path) -> dict[str, bytes]:
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_nothing_is_touched_if_nothing_changed(home: Home, site: Path) -> None:
    before, record = stamps(site), (site / RECORD).read_bytes()
    report = build_site(home, site)
    assert stamps(site) == before
    assert (site / RECORD).read_bytes() == record
    assert (report.written.changed, report.written.removed) == (0, 0)
    assert report.written.kept == len(before)


def test_only_pages_that_say_something_new_are_written(home: Home, site: Path) -> None:
    before = stamps(site)
    write_run(home.runs, "run-b", psnr=[20.0, 21.0], previews=True, method=make_method("other"))
    ingest(home.runs, home.database)
    build_site(home, site)
    after = stamps(site)
    changed = {name for name in before if before[name] != after.get(name)}
    assert {"index.html", "index.json", "board/toy--native.html"} <= changed
    assert not {name for name in changed if name.startswith(("static/", "images/", "run/run-a"))}
    assert {"run/run-b.html", "method/other.html"} <= after.keys() - before.keys()


def test_what_no_longer_belongs_goes_and_foreign_files_stay(home: Home, site: Path) -> None:
    (site / "CNAME").write_text("board.example.org")
    (site / "run" / "mine.txt").write_text("mine")
    write_run(home.runs, "run-b", psnr=[20.0, 21.0], previews=True, method=make_method("other"))
    ingest(home.runs, home.database)
    build_site(home, site)
    assert (site / "run" / "run-b.html").exists()
    home.database.unlink()
    for path in sorted((home.runs / "run-b").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (home.runs / "run-b").rmdir()
    ingest(home.runs, home.database)
    report = build_site(home, site)
    assert not (site / "run" / "run-b.html").exists()
    assert not list(site.rglob("*run-b*"))
    assert report.written.removed >= 2
    assert (site / "CNAME").read_text() == "board.example.org"
    assert (site / "run" / "mine.txt").read_text() == "mine"


def test_a_file_that_was_changed_or_lost_is_put_right(home: Home, site: Path) -> None:
    before = contents(site)
    (site / "index.html").write_text("broken")
    picture = next(site.rglob("images/**/*.png"))
    picture.write_bytes(b"broken")
    (site / "static" / "site.css").unlink()
    build_site(home, site)
    assert contents(site) == before


@pytest.mark.parametrize("after", [1, 5, 17, 40])
def test_a_build_that_was_killed_is_finished_by_the_next(home: Home, tmp_path: Path, site: Path, after: int) -> None:
    program = f"""
import os, sys
from pathlib import Path
from ldpbench.core.home import Home
from ldpbench.site import writer
from ldpbench.site.build import build_site
put, count = writer.SiteWriter.put, 0
def counting(self, href, data):
    global count
    count += 1
    if count > {after}:
        os.kill(os.getpid(), 9)
    put(self, href, data)
writer.SiteWriter.put = counting
build_site(Home(Path({str(home.root)!r})), Path({str(tmp_path / "killed")!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert (tmp_path / "killed" / UNFINISHED).exists()
    assert not (tmp_path / "killed" / "index.html").exists()
    (tmp_path / "killed" / "half.css.ldpbench-part").write_text("half")
    build_site(home, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(site)


def test_files_of_a_killed_build_that_are_not_wanted_any_more_go(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), SiteWriter(tmp_path) as killed:
        killed.put("a.html", b"a")
        killed.put("gone.html", b"b")
        raise KeyboardInterrupt
    with (tmp_path / UNFINISHED).open("a") as stream:
        stream.write('"cut off.ht')
    with SiteWriter(tmp_path) as finished:
        finished.put("a.html", b"a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD, "a.html"]
    assert (finished.written.kept, finished.written.removed) == (1, 1)


def test_a_list_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    site = tmp_path / "site"
    site.mkdir()
    (site / RECORD).write_text(json.dumps({"schema": 1, "files": {"../precious.txt": "x"}, "made": {}}))
    with pytest.raises(UsageError, match="precious"), SiteWriter(site):
        pass
    assert (tmp_path / "precious.txt").exists()


@pytest.mark.parametrize(
    "text", ["{", '{"schema": 1}', '{"files": [1]}', '{"made": {"x": {}}}', '{"made": []}', "[]", "null", ""]
)
def test_a_damaged_list_only_means_work(home: Home, site: Path, text: str) -> None:
    before = contents(site)
    (site / RECORD).write_text(text)
    build_site(home, site)
    assert contents(site) == before


def test_two_builds_at_once_are_kept_apart(home: Home, site: Path) -> None:
    with SiteWriter(site) as writer:
        writer.put("kept.html", b"")
        with pytest.raises(MissingPrerequisiteError, match="another build is going on"):
            build_site(home, site)
    assert sorted(path.name for path in site.rglob("*.html")) == ["kept.html"]


def test_nothing_is_removed_or_written_behind_a_link(home: Home, site: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for path in (site / "run").iterdir():
        path.rename(tmp_path / "mine" / path.name)
    (site / "run").rmdir()
    (site / "run").symlink_to(tmp_path / "mine")
    before = contents(tmp_path / "mine")
    with pytest.raises(UsageError, match="leads out of the site's folder"):
        build_site(home, site)
    assert contents(tmp_path / "mine") == before


def test_a_page_that_somebody_replaced_is_not_removed(tmp_path: Path) -> None:
    with SiteWriter(tmp_path) as first:
        first.put("old.html", b"ours")
    (tmp_path / "old.html").write_bytes(b"theirs")
    with SiteWriter(tmp_path):
        pass
    assert (tmp_path / "old.html").read_bytes() == b"theirs"


def test_bytes_depend_on_nothing_but_the_results(home: Home, site: Path, tmp_path: Path) -> None:
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        out = tmp_path / f"site-{seed}"
        program = (
            "from pathlib import Path\nfrom ldpbench.core.home import Home\n"
            "from ldpbench.site.build import build_site\n"
            f"build_site(Home(Path({str(home.root)!r})), Path({str(out)!r}))"
        )
        subprocess.run([sys.executable, "-c", program], check=True, env=environment)
        assert contents(out) == contents(site)
