"""Evaluations that are killed, starved, doubled and locked out at random moments, and what must hold afterwards.

A schedule is drawn from its seed alone: a few mishaps one after the other, then one undisturbed evaluation. Whatever
happened before, that one ends well, every image has exactly one row, and the boards are those of a home where nothing
ever went wrong.
"""

import contextlib
import json
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ldpbench.results.board import boards
from ldpbench.results.connection import open_for_reading
from ldpbench.results.lake import open_lake
from ldpbench.results.run_folder import read_run
from tests.chaos_processes import Child, Nursery

METHODS = ("blurry-input", "dp-wiener")
N_IMAGES = 3
"""Of the sample set, per method: enough to be killed between."""
EVALUATE = (
    "evaluate",
    "--dataset=sample",
    f"--limit={N_IMAGES}",
    "--no-previews",
    *(f"--method={name}" for name in METHODS),
)
_LIMIT_S = 120.0
_ROOMY_KIBIBYTES = 1 << 16

Facts = dict[str, Any]
"""What must come out the same: boards and rows, without times and names of runs."""


class BrokenPromiseError(AssertionError):
    """Something that must hold after any mishap does not."""


@dataclass
class Arena:
    """A home in which things go wrong."""

    nursery: Nursery
    home: Path
    seconds: float
    """An undisturbed evaluation takes so long."""
    random: random.Random
    full_disk: Path | None
    """Where a small file system may be mounted; None where that is not allowed."""
    log: list[str] = field(default_factory=list)
    """What happened."""

    @property
    def runs(self) -> Path:
        """The run folders."""
        return self.home / "runs"

    def start(self, *more: str) -> Child:
        """An evaluation of all methods."""
        return self.nursery.start(*EVALUATE, *more, home=self.home)


def expect(holds: object, what: str) -> None:
    """Demand something of the program."""
    if not holds:
        raise BrokenPromiseError(what)


def ended_politely(child: Child) -> None:
    """It ended by itself, and an error is one line and no traceback."""
    expect(child.wait() in (0, 1, 3), f"an evaluation ended with {child.returncode}: {child.said[-2000:]}")
    expect("Traceback" not in child.said, child.said[-2000:])


# Mishaps


def kill_anywhen(arena: Arena) -> None:
    """At any moment of an evaluation, ingest included."""
    child = arena.start()
    delay = arena.random.uniform(0, 1.1 * arena.seconds)
    time.sleep(delay)
    child.kill()
    arena.log.append(f"killed after {delay:.2f} s")


def kill_at_a_row(arena: Arena) -> None:
    """When so many rows are on disk."""
    wanted = _lines(arena) + arena.random.randint(1, N_IMAGES)
    _kill_when(arena, lambda: _lines(arena) >= wanted, f"at row {wanted}")


def kill_at_the_record(arena: Arena) -> None:
    """While a run folder is begun or its record is replaced."""
    _kill_when(arena, lambda: _any(arena.runs, ".*.part") or _any(arena.runs, "*/.run.json*.part"), "at a record")


def kill_at_the_tables(arena: Arena) -> None:
    """While Parquet is written: the first or a later table of a run."""
    before = len(_found(arena.runs, "*/*.parquet"))
    wanted = arena.random.randint(0, 4)

    def now() -> bool:
        there = len(_found(arena.runs, "*/*.parquet")) - before
        return there >= wanted and (wanted > 0 or _any(arena.runs, "*/.*.parquet.*.part"))

    _kill_when(arena, now, f"at table {wanted}")


def kill_at_the_ingest(arena: Arena) -> None:
    """While the database is written."""
    before = _stamps(arena.home)
    _kill_when(arena, lambda: _stamps(arena.home) != before, "at the ingest")


def kill_one_of_several(arena: Arena) -> None:
    """Two or three workers; one of them dies, the others finish."""
    count = arena.random.randint(2, 3)
    workers = [arena.start("--array", f"{number}/{count}") for number in range(1, count + 1)]
    time.sleep(arena.random.uniform(0, arena.seconds))
    workers.pop(arena.random.randrange(count)).kill()
    for worker in workers:
        ended_politely(worker)
    arena.log.append(f"killed one of {count} workers")


def two_at_once(arena: Arena) -> None:
    """Two evaluations of the same cells: whoever comes second is told so, and nothing mixes."""
    first = arena.start()
    time.sleep(arena.random.uniform(0, 0.5 * arena.seconds))
    second = arena.start()
    ended_politely(first)
    ended_politely(second)
    arena.log.append("two at once")


def locked_out_by_a_reader(arena: Arena) -> None:
    """Somebody reads the database while an evaluation comes to its ingest: rows stay, the rest is said in one line."""
    arena.nursery.run("ingest", home=arena.home)
    database = arena.home / "results.duckdb"
    if not database.exists():
        arena.log.append("nothing to read yet")
        return
    with contextlib.closing(duckdb.connect(database, read_only=True)) as reader:
        child = arena.start()
        ended_politely(child)
        reader.execute("SELECT count(*) FROM runs").fetchone()
    arena.log.append(f"a reader held the database: {child.returncode}")


def fill_the_disk(arena: Arena) -> None:
    """The disk is full sooner or later; then there is room again."""
    if arena.full_disk is None:
        arena.log.append("no small disk can be mounted here")
        return
    kibibytes = arena.random.choice((4, 16, 40, 64, 100, 200, 400, 800, 1600))
    with _disk(arena.full_disk) as resize:
        _replace(arena.home, arena.full_disk)
        resize(_used_kibibytes(arena.full_disk) + kibibytes)
        child = arena.nursery.start(*EVALUATE, home=arena.full_disk)
        ended_politely(child)
        resize(_ROOMY_KIBIBYTES)
        _replace(arena.full_disk, arena.home)
    arena.log.append(f"a disk with {kibibytes} KiB left: {child.returncode}")


MISHAPS: tuple[Callable[[Arena], None], ...] = (
    kill_anywhen,
    kill_at_a_row,
    kill_at_the_record,
    kill_at_the_tables,
    kill_at_the_ingest,
    kill_one_of_several,
    two_at_once,
    locked_out_by_a_reader,
    fill_the_disk,
)


# What must hold


def facts_of(home: Path) -> Facts:
    """What an evaluation left, without times and names of runs; the database and the run folders agree on it."""
    with open_for_reading(home / "results.duckdb") as connection:
        of_database = boards(connection)
        rows = connection.execute(
            "SELECT method_id, sample_id, protocol, region, metric, value, image_scores.status "
            "FROM image_scores JOIN runs USING (run_id) ORDER BY ALL"
        ).fetchall()
        images = connection.execute(
            "SELECT method_id, sample_id, failure_kind FROM images JOIN runs USING (run_id) ORDER BY ALL"
        ).fetchall()
    with open_lake(home / "runs") as connection:
        expect(boards(connection) == of_database, "the boards of the Parquet files are not those of the database")
    return {
        "boards": [
            (board.protocol_hash, board.region, [(row.rank, row.method_id, row.values) for row in board.rows])
            for board in of_database
        ],
        "rows": rows,
        "images": images,
    }


def check(home: Path, expected: Facts) -> None:
    """Demand everything that was promised.

    Raises:
        BrokenPromiseError: If something is lost, doubled, left behind or different.
    """
    folders = [path for path in (home / "runs").iterdir() if not path.name.startswith(".")]
    expect(
        len(folders) == len(METHODS), f"expected {len(METHODS)} run folders, found {[path.name for path in folders]}"
    )
    for folder in folders:
        stored = read_run(folder)
        expect(stored.record.status == "complete", f"{folder.name} is {stored.record.status}")
        expect(not stored.truncated, f"{folder.name} has half a line")
        lines = Counter(
            json.loads(line)["sample_id"]
            for file in folder.glob("scores*.jsonl")
            for line in file.read_bytes().splitlines()
        )
        alone = [file.name for file in folder.glob("scores*.jsonl")] == ["scores.jsonl"]
        expect(len(lines) == N_IMAGES, f"{folder.name} has rows of {sorted(lines)}")
        expect(not alone or max(lines.values()) == 1, f"{folder.name} has rows twice: {lines}")
    left = list((home / "runs").rglob("*.part"))
    expect(not left, f"left behind: {left}")
    expect(facts_of(home) == expected, "the numbers are not those of an undisturbed evaluation")


def play(arena: Arena, mishaps: list[Callable[[Arena], None]], expected: Facts) -> None:
    """Let things go wrong one after the other, evaluate once more, and check.

    Raises:
        BrokenPromiseError: If something that must hold does not.
    """
    for mishap in mishaps:
        mishap(arena)
    last = arena.nursery.run(*EVALUATE, home=arena.home)
    expect(last.returncode == 0, f"the last evaluation ended with {last.returncode}: {last.said[-2000:]}")
    check(arena.home, expected)


def undisturbed(nursery: Nursery, home: Path) -> tuple[Facts, float]:
    """What comes out when nothing goes wrong, and how long that takes."""
    started = time.perf_counter()
    child = nursery.run(*EVALUATE, home=home)
    seconds = time.perf_counter() - started
    expect(child.returncode == 0, child.said)
    return facts_of(home), seconds


def can_mount(place: Path) -> bool:
    """Whether a small file system can be mounted here: that takes root."""
    try:
        with _disk(place):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


# How


def _kill_when(arena: Arena, now: Callable[[], bool], what: str) -> None:
    """Kill an evaluation as soon as something is so, and a moment later; it may end before."""
    child = arena.start()
    give_up_at = time.monotonic() + _LIMIT_S
    while child.poll() is None and not now():
        expect(time.monotonic() < give_up_at, f"no end: {child.said[-2000:]}")
        time.sleep(0.0005)
    time.sleep(arena.random.choice((0.0, 0.001, 0.005)))
    killed = child.poll() is None
    child.kill()
    arena.log.append(f"killed {what}" if killed else f"too late to kill {what}")


def _any(folder: Path, pattern: str) -> bool:
    return bool(_found(folder, pattern))


def _found(folder: Path, pattern: str) -> list[Path]:
    """What is there just now; folders come and go while one looks."""
    try:
        return list(folder.glob(pattern))
    except FileNotFoundError:
        return []


def _lines(arena: Arena) -> int:
    return sum(file.read_bytes().count(b"\n") for file in _found(arena.runs, "*/scores*.jsonl"))


def _stamps(home: Path) -> dict[str, int]:
    """When the files of the database were changed."""
    found = {}
    for path in home.glob("results.duckdb*"):
        with contextlib.suppress(FileNotFoundError):
            found[path.name] = path.stat().st_mtime_ns
    return found


@contextlib.contextmanager
def _disk(place: Path) -> Iterator[Callable[[int], None]]:
    """A file system of its own; the context gives a function to set its size in KiB."""

    def command(*arguments: str) -> None:
        subprocess.run([*arguments, str(place)], check=True, capture_output=True)

    place.mkdir(parents=True, exist_ok=True)
    command("mount", "-t", "tmpfs", "-o", f"size={_ROOMY_KIBIBYTES}k", "tmpfs")
    try:
        yield lambda kibibytes: command("mount", "-o", f"remount,size={kibibytes}k")
    finally:
        command("umount")


def _replace(source: Path, target: Path) -> None:
    """Let a folder hold what another one holds."""
    for path in target.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)


def _used_kibibytes(place: Path) -> int:
    usage = os.statvfs(place)
    return (usage.f_blocks - usage.f_bfree) * usage.f_frsize // 1024
