"""The short form of ``python -m benchmarks.chaos``: a few schedules of mishaps, the same ones every time."""

import os
import random

import pytest

from tests.chaos_processes import Nursery
from tests.chaos_schedules import (
    Arena,
    BrokenPromiseError,
    can_mount,
    check,
    facts_of,
    fill_the_disk,
    kill_anywhen,
    kill_at_a_row,
    kill_at_the_ingest,
    kill_at_the_record,
    kill_at_the_tables,
    kill_one_of_several,
    locked_out_by_a_reader,
    play,
    two_at_once,
    undisturbed,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")

SCHEDULES = {
    "killed-at-a-row-and-at-the-tables": (kill_at_a_row, kill_at_the_tables),
    "killed-at-the-record-and-at-the-ingest": (kill_at_the_record, kill_at_the_ingest),
    "killed-anywhen": (kill_anywhen, kill_anywhen, kill_anywhen),
    "one-of-several-killed": (kill_one_of_several,),
    "two-at-once-after-a-kill": (kill_at_a_row, two_at_once),
    "locked-out-by-a-reader": (kill_at_the_tables, locked_out_by_a_reader),
}


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    found = Nursery(tmp_path_factory.mktemp("chaos-logs"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def calm(nursery, sample_home, tmp_path_factory):
    """The home in which nothing went wrong, what came out, and how long it took."""
    home = tmp_path_factory.mktemp("calm")
    (home / "datasets").symlink_to(sample_home.datasets)
    return home, *undisturbed(nursery, home)


def arena(nursery, calm, sample_home, home, seed, full_disk=None):
    home.mkdir(parents=True, exist_ok=True)
    (home / "datasets").symlink_to(sample_home.datasets)
    return Arena(nursery, home, calm[2], random.Random(seed), full_disk)


@pytest.mark.parametrize("name", SCHEDULES)
def test_whatever_happens_nothing_is_lost_or_counted_twice(nursery, calm, sample_home, home, name):
    played = arena(nursery, calm, sample_home, home.root, name)
    play(played, list(SCHEDULES[name]), calm[1])
    assert len(played.log) == len(SCHEDULES[name])


def test_a_full_disk_costs_nothing_but_time(nursery, calm, sample_home, home, tmp_path):
    if not can_mount(tmp_path / "disk"):
        pytest.skip("a small disk cannot be mounted here: that takes root")
    played = arena(nursery, calm, sample_home, home.root, "full", tmp_path / "disk")
    play(played, [fill_the_disk], calm[1])


def test_the_check_itself_notices_what_is_lost_doubled_or_different(calm, sample_home, tmp_path):
    """A harness that cannot fail proves nothing."""
    import shutil

    source, expected, _ = calm

    def damaged(change):
        target = tmp_path / change.__name__
        shutil.copytree(source, target, symlinks=True)
        change(target, sorted((target / "runs").glob("2*"))[0])
        with pytest.raises(BrokenPromiseError) as caught:
            check(target, expected)
        return str(caught.value)

    def doubled(home, run):
        lines = (run / "scores.jsonl").read_bytes()
        (run / "scores.jsonl").write_bytes(lines + lines.splitlines(keepends=True)[0])

    def left_behind(home, run):
        (run / ".run.json.abc.part").touch()

    def second_run(home, run):
        shutil.copytree(run, run.with_name(f"{run.name}-2"))

    def unfinished(home, run):
        text = (run / "run.json").read_text()
        (run / "run.json").write_text(text.replace('"status": "complete"', '"status": "running"'))

    assert "rows twice" in damaged(doubled)
    assert "left behind" in damaged(left_behind)
    assert "run folders" in damaged(second_run)
    assert "is running" in damaged(unfinished)
    other = {**facts_of(source), "rows": expected["rows"][1:]}
    with pytest.raises(BrokenPromiseError, match="undisturbed"):
        check(source, other)
