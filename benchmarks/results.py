"""How fast a million image rows become boards, beside DuckDB, pandas and SciPy doing the plainest form of the same.

    python benchmarks/results.py [--rows 1000000] [--rounds 1] [--keep FOLDER]

40 methods on 5 datasets, a PSNR and an SSIM of each image. Every step has processes of its own, so that each has its
own peak of memory; medians over them are shown. Files are in the cache of the system: they were written just before.
"""

import argparse
import hashlib
import itertools
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ldpbench.core.atomic import write_text
from ldpbench.records import DatasetRef, Environment, MethodRef, Protocol, RunRecord
from ldpbench.results.board import boards, runs, sample_scores
from ldpbench.results.board_statistics import with_statistics
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.results.lake import open_lake
from ldpbench.results.parquet import write_tables
from ldpbench.results.run_store import folder_at
from ldpbench.results.views import Board, SampleScores

METHODS, DATASETS, SMALL_SET = 40, 5, 76
GROUPED, FAILING, IDENTICAL, PLAIN = 0, 1, 2, 4
"""Datasets with groups of scenes, with failed images, with identical ones, and with none of these."""
JSON_SHARE = 10
MEMORY_GOAL_MB = 1000

Answer = dict[str, float]
"""What a step found out; ours and the peer's must agree wherever both name the same thing."""


def make_all(place: Path, n_images: int) -> None:
    """``all`` of everything, ``json``: every tenth method's without Parquet, ``small``: one dataset of 76 images."""
    for method, dataset in itertools.product(range(METHODS), range(DATASETS)):
        folder = make_run(place / "all", method, dataset, n_images)
        write_tables(folder_at(folder))
        if method % JSON_SHARE == 0:
            shutil.copytree(folder, place / "json" / folder.name, ignore=shutil.ignore_patterns("*.parquet"))
    for method in range(METHODS):
        write_tables(folder_at(make_run(place / "small", method, PLAIN, SMALL_SET)))


def make_run(place: Path, method: int, dataset: int, n_images: int) -> Path:
    """One run folder, the same whenever it is made."""
    protocol = protocol_of(dataset)
    n_failed = 3 if dataset == FAILING and method % 10 == 9 else 0
    record = record_of(method, protocol, n_images, n_failed)
    failure = '"height_px":1120,"width_px":1680,"failure":{"kind":"method","message":"the method returned nan"}'
    lines = [f'{{"sample_id":"scene-{number:06d}",{failure}}}\n' for number in range(n_failed)]
    lines += itertools.islice(scored_lines(method, dataset, protocol.hash, n_images), n_failed, None)
    folder = place / record.run_id
    write_text(folder / "run.json", record.model_dump_json(by_alias=True, indent=2) + "\n")
    write_text(folder / "scores.jsonl", "".join(lines))
    return folder


def scored_lines(method: int, dataset: int, protocol: str, n_images: int) -> Iterator[str]:
    """Scenes differ by 3 dB, methods by 0.05 dB, and a method on a scene by 0.6 dB."""
    own, scenes = np.random.default_rng([method, dataset]), np.random.default_rng(dataset)
    psnr = scenes.normal(27, 3, n_images) + own.normal(0.05 * method, 0.6, n_images)
    columns = (psnr, 1 - 0.8 * 10 ** (-psnr / 20), own.gamma(9, 0.05, n_images))
    n_identical = 2 if dataset == IDENTICAL and method % 8 == 0 else 0
    score = f'{{"protocol":"{protocol}","region":"all","metric"'
    for number, (decibels, ssim, seconds) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        value, status = ("null", "identical") if number < n_identical else (decibels, "ok")
        group = "null" if dataset != GROUPED else '"indoor"' if number % 3 == 0 else '"outdoor"'
        yield (
            f'{{"sample_id":"scene-{number:06d}","height_px":1120,"width_px":1680,"seconds":{seconds},"group":{group},'
            f'"clipped_fraction":0.001,"scores":[{score}:"psnr","value":{value},"status":"{status}"}},'
            f'{score}:"ssim","value":{ssim},"status":"ok"}}]}}\n'
        )


def digest(*texts: str) -> str:
    return hashlib.sha256("/".join(texts).encode()).hexdigest()


def protocol_of(dataset: int) -> Protocol:
    return Protocol(
        id=f"set-{dataset}/native",
        title="Values as they are",
        dataset_id=f"set-{dataset}",
        dataset_fingerprint=digest(f"set-{dataset}"),
        split="test",
        bits=16,
        views=("left", "right"),
        border_px=0,
        domain="native",
        registration="none",
        metrics=("psnr/1", "ssim/1"),
    )


def record_of(method: int, protocol: Protocol, n_images: int, n_failed: int) -> RunRecord:
    dataset, name = protocol.dataset_id, f"method-{method:02d}"
    code, content = digest(name), protocol.dataset_fingerprint
    whole: dict[str, Any] = {"n_images": n_images, "n_images_whole": n_images, "complete": True}
    machine: dict[str, Any] = dict.fromkeys(("git_revision", "git_dirty", "ram_bytes", "gpu"))
    return RunRecord(
        run_id=f"{name}-{dataset}",
        cell=digest(name, dataset),
        status="partial" if n_failed else "complete",
        started_at="2025-01-02T03:04:05+00:00",
        command=("ldpbench", "evaluate", name, dataset),
        method=MethodRef(id=name, version="1", title=name, kind="training-free", inputs=("left",), code_sha256=code),
        dataset=DatasetRef(id=dataset, version="1", split="test", fingerprint=content, **whole),
        protocols=(protocol,),
        config={"seed": 0},
        environment=Environment(
            ldpbench_version="0",
            python=platform.python_version(),
            platform=platform.platform(),
            cpu="made up",
            cpu_count=1,
            packages={"numpy": np.__version__},
            **machine,
        ),
        failures=n_failed,
    )


def database_of(place: Path, which: str) -> Path:
    return place / f"{which}.duckdb"


def without_database(which: str, place: Path) -> Path:
    database_of(place, which).unlink(missing_ok=True)
    return place


def ingested(which: str, place: Path) -> Answer:
    report = ingest(place / which, database_of(place, which))
    return {"runs": len(report.new), "skipped": len(report.skipped)}


def duckdb_ingested(place: Path) -> Answer:
    """The same rows into a file, without a look at them."""
    with duckdb.connect(database_of(place, "plain")) as connection:
        for name in ("images", "scores"):
            connection.read_parquet(f"{place}/all/*/{name}.parquet").create(name)
    return {"skipped": 0}


def pandas_json(place: Path) -> Answer:
    pd = import_module("pandas")
    return {"runs": len([pd.read_json(path, lines=True) for path in (place / "json").glob("*/scores.jsonl")])}


def asked(question: Callable[[duckdb.DuckDBPyConnection], Answer], place: Path) -> Answer:
    """What the database of everything answers."""
    with open_for_reading(database_of(place, "all")) as connection:
        return question(connection)


def lake_means(place: Path) -> Answer:
    with open_lake(place / "all") as connection:
        return our_means(connection)


def our_means(connection: duckdb.DuckDBPyConnection) -> Answer:
    """Means of the finite values of every run, as a plain ``avg`` has them too."""
    return {
        f"{row.run_id} {metric}": row.values[metric].finite_mean or 0.0
        for board in boards(connection)
        if board.group == "all"
        for row, metric in itertools.product(board.rows, ("psnr", "ssim"))
    }


AVERAGES = "SELECT run_id || ' ' || metric, avg(value) FROM {} GROUP BY run_id, protocol, region, metric"


def duckdb_means(connection: duckdb.DuckDBPyConnection) -> Answer:
    return dict(connection.execute(AVERAGES.format("image_scores")).fetchall())


def duckdb_parquet_means(place: Path) -> Answer:
    with duckdb.connect() as connection:
        return dict(connection.execute(AVERAGES.format(f"'{place}/all/*/scores.parquet'")).fetchall())


def pandas_means(place: Path) -> Answer:
    pd = import_module("pandas")
    paths = (place / "all").glob("*/scores.parquet")
    frame = pd.concat([pd.read_parquet(path, columns=["run_id", "metric", "value"]) for path in paths])
    means = frame.groupby(["run_id", "metric"], observed=True)["value"].mean()
    return {f"{run_id} {metric}": mean for (run_id, metric), mean in means.items()}


def our_samples(connection: duckdb.DuckDBPyConnection) -> Answer:
    return {"images": len(sample_scores(connection, protocol_of(GROUPED).hash))}


def duckdb_samples(connection: duckdb.DuckDBPyConnection) -> Answer:
    question = """
        SELECT run_id, sample_id, max(value) FILTER (metric = 'psnr'), max(value) FILTER (metric = 'ssim')
        FROM image_scores WHERE protocol = ? GROUP BY run_id, sample_id ORDER BY sample_id, run_id
        """
    return {"images": len(connection.execute(question, [protocol_of(GROUPED).hash]).fetchall())}


def our_runs(connection: duckdb.DuckDBPyConnection) -> Answer:
    return {"runs": len(runs(connection))}


def duckdb_runs(connection: duckdb.DuckDBPyConnection) -> Answer:
    rows = connection.execute("SELECT record FROM runs").fetchall()
    return {"runs": len([json.loads(document) for (document,) in rows])}


def board_and_scores(which: str, place: Path) -> tuple[Board, list[SampleScores]]:
    protocol = protocol_of(PLAIN).hash
    with open_for_reading(database_of(place, which)) as connection:
        board = next(board for board in boards(connection) if board.protocol_hash == protocol)
        return board, sample_scores(connection, protocol)


def our_statistics(prepared: tuple[Board, list[SampleScores]]) -> Answer:
    rows = with_statistics(*prepared).rows
    return {"methods": sum(row.values["psnr"].interval is not None for row in rows)}


def psnrs(which: str, place: Path) -> np.ndarray:
    """(methods, images)."""
    board, scores = board_and_scores(which, place)
    return np.array([one.values["psnr"] for one in scores]).reshape(-1, len(board.rows)).T


def scipy_bootstrap(resamples: int, values: np.ndarray) -> Answer:
    """A twentieth of the intervals: 4 of the 80 means of both metrics, and 39 of the 780 differences."""
    bootstrap = import_module("scipy.stats").bootstrap
    for row in (*values[:4], *(values[1:] - values[0])):
        rng = np.random.default_rng(0)
        bootstrap((row,), np.mean, n_resamples=resamples, batch=500, method="percentile", rng=rng)
    return {"methods": len(values)}


@dataclass(frozen=True)
class Step:
    """Something of ours to be measured, or a plain peer of the step of ours before it."""

    title: str
    work: Callable[[Any], Answer]
    prepare: Callable[[Path], Any] = lambda place: place
    goal_s: float | None = None
    share: int = 1
    """One part in so many is measured; the time of the whole is extrapolated."""
    library: str | None = None
    """What a peer is made with."""


def peer(library: str, title: str, work: Callable[[Any], Answer], **others: Any) -> Step:
    return Step(f"  {library} {title}", work, library=library, **others)


STEPS = (
    Step("ingest from Parquet", partial(ingested, "all"), prepare=partial(without_database, "all"), goal_s=20),
    peer("duckdb", "CREATE TABLE AS", duckdb_ingested, prepare=partial(without_database, "plain")),
    Step("ingest from JSON", partial(ingested, "json"), prepare=partial(without_database, "json"), share=JSON_SHARE),
    peer("pandas", "read_json(lines=True)", pandas_json, share=JSON_SHARE),
    Step("boards", partial(asked, our_means), goal_s=1),
    peer("duckdb", "avg, GROUP BY", partial(asked, duckdb_means)),
    peer("pandas", "read_parquet, groupby", pandas_means),
    Step("sample_scores of 1 protocol", partial(asked, our_samples), goal_s=1),
    peer("duckdb", "FILTER, GROUP BY", partial(asked, duckdb_samples)),
    Step("runs", partial(asked, our_runs)),
    peer("duckdb", "SELECT, json.loads", partial(asked, duckdb_runs)),
    Step("open_lake, boards", lake_means),
    peer("duckdb", "avg over Parquet", duckdb_parquet_means),
    Step("ingest of the small set", partial(ingested, "small"), prepare=partial(without_database, "small")),
    Step("with_statistics, small set", our_statistics, prepare=partial(board_and_scores, "small"), goal_s=5),
    peer("scipy.stats", "bootstrap", partial(scipy_bootstrap, 10_000), prepare=partial(psnrs, "small"), share=20),
    Step("with_statistics, large set", our_statistics, prepare=partial(board_and_scores, "all")),
    peer("scipy.stats", "bootstrap", partial(scipy_bootstrap, 1000), prepare=partial(psnrs, "all"), share=200),
)


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole work, peak memory of its process, and what it found."""

    seconds: float
    peak_mb: float
    answer: Answer


def measure_here(step: Step, place: Path) -> None:
    """Do one step in this process and print what it took: from a closed database to an answer in Python."""
    if step.library:
        import_module(step.library)  # not on the clock, and not in the memory of other steps
    prepared = step.prepare(place)
    start = time.perf_counter()
    answer = step.work(prepared)
    seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds * step.share, "peak_mb": peak_mb, "answer": answer}))


def in_a_process(*arguments: object) -> str:
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(number: int, place: Path, rounds: int) -> Measured:
    """Medians over fresh processes."""
    found = [Measured(**json.loads(in_a_process("--step", number, "--keep", place))) for _ in range(rounds)]
    seconds, peak_mb = (statistics.median(getattr(one, name) for one in found) for name in ("seconds", "peak_mb"))
    return Measured(seconds, peak_mb, found[0].answer)


def report(place: Path, rounds: int) -> None:
    print(f"{'':34}{'seconds':>9} {'peak MB':>8}   goals, or ratio to ours")
    own = Measured(0, 0, {})
    for number, step in enumerate(STEPS):
        if step.library and not find_spec(step.library.partition(".")[0]):
            print(f"{step.title:34}   absent: it is not installed")
            continue
        found = measure(number, place, rounds)
        if not step.library:
            own = found
        elif wrong := differing(own.answer, found.answer):
            raise SystemExit(f"{step.title.strip()} found something else than ours: {', '.join(wrong[:3])}")
        remark = f"{found.seconds / own.seconds:.2f} x" if step.library else verdict(step, found)
        part = f"   (time extrapolated from 1 part in {step.share})" if step.share > 1 else ""
        print(f"{step.title:34}{found.seconds:>9.2f} {found.peak_mb:>8.0f}   {remark}{part}", flush=True)


def differing(own: Answer, other: Answer) -> list[str]:
    shared = sorted(own.keys() & other.keys())
    return [name for name in shared if abs(own[name] - other[name]) > 1e-9 * abs(own[name])] if shared else ["all"]


def verdict(step: Step, found: Measured) -> str:
    goals = ((found.seconds, step.goal_s, "s"), (found.peak_mb, MEMORY_GOAL_MB, "MB"))
    return ", ".join(f"{goal} {unit} {'met' if value < goal else 'MISSED'}" for value, goal, unit in goals if goal)


def print_versions(rows: int) -> None:
    """What the figures belong to."""
    names = ("duckdb", "pyarrow", "numpy", "scipy", "pandas")
    versions = [f"{name} {version(name)}" for name in names if find_spec(name)]
    cores = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{rows} images, {cores}, {platform.machine()}, {', '.join(versions)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="images of all runs together; goals are for 1e6")
    parser.add_argument("--rounds", type=int, default=1, help="processes for each step")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the run folders here, and leave them")
    parser.add_argument("--step", help=argparse.SUPPRESS)  # how a process is told its part
    options = parser.parse_args()
    n_images = options.rows // (METHODS * DATASETS)
    if options.step == "make":
        make_all(options.keep, n_images)
    elif options.step:
        measure_here(STEPS[int(options.step)], options.keep)
    elif n_images < 4 or options.rounds < 1:
        parser.error(f"expected at least {4 * METHODS * DATASETS} rows and one round")
    elif options.keep and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty")
    else:
        print_versions(options.rows)
        with tempfile.TemporaryDirectory() as temporary:
            place = options.keep or Path(temporary)
            in_a_process("--step", "make", "--rows", options.rows, "--keep", place)
            report(place.resolve(), options.rounds)


if __name__ == "__main__":
    main()
