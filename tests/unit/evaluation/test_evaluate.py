"""Run folders: one row per image as it goes, none lost and none doubled, whatever happens in between."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ldpbench.core.errors import MissingPrerequisiteError, StorageError, UsageError
from ldpbench.evaluation import run_writer
from ldpbench.evaluation.deblurring import Keeping
from ldpbench.evaluation.evaluate import Manner, evaluate
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.evaluation.run_locks import cell_lock
from ldpbench.results.run_folder import SCORES_FILE, read_run
from ldpbench.results.run_store import RunStore
from tests.toy_methods import write_method

N_IMAGES = 6


def run(home, *methods, **options):
    plan = make_plan(home, Request(methods=[str(method) for method in methods], datasets=["sample"]))
    return evaluate(plan, RunStore(home.runs), Manner(**options))


def rows_on_disk(folder: Path) -> list[str]:
    return [line for line in (folder / SCORES_FILE).read_bytes().split(b"\n") if line]


def test_a_cell_becomes_a_run_folder_and_is_not_run_twice(home_with_sample, tmp_path):
    method = write_method(tmp_path, "mean", "return (left + right) / 2")
    first = run(home_with_sample, method)[0]
    assert (first.status, first.n_run, first.failures) == ("complete", N_IMAGES, 0)
    stored = read_run(first.folder)
    assert stored.record.status == "complete"
    assert stored.record.dataset.complete
    assert len(stored.rows) == N_IMAGES
    assert all((first.folder / "previews" / f"{row.sample_id}.png").is_file() for row in stored.rows)
    regions = {score.region for row in stored.rows for score in row.scores}
    assert regions == {"all", "in-focus", "near", "far"}
    again = run(home_with_sample, method)[0]
    assert (again.status, again.folder) == ("done-before", first.folder)
    anew = run(home_with_sample, method, force=True)[0]
    assert anew.folder != first.folder
    assert [row.scores for row in read_run(anew.folder).rows] == [row.scores for row in stored.rows]


def test_changed_code_is_another_cell(home_with_sample, tmp_path):
    one = run(home_with_sample, write_method(tmp_path / "1", "mean", "return left"))[0]
    two = run(home_with_sample, write_method(tmp_path / "2", "mean", "return right"))[0]
    assert two.status == "complete"
    assert two.folder != one.folder


def test_a_failing_image_is_a_row_and_is_tried_again(home_with_sample, tmp_path):
    flag = tmp_path / "works"
    body = (
        f"if not os.path.exists({str(flag)!r}) and left.mean() > 0.47:\n    raise ValueError('too bright')\nreturn left"
    )
    method = write_method(tmp_path, "moody", body)
    outcome = run(home_with_sample, method)[0]
    stored = read_run(outcome.folder)
    failed = [row for row in stored.rows if row.failure]
    assert 0 < len(failed) < N_IMAGES, "the threshold splits the sample set"
    assert (outcome.status, outcome.failures) == ("partial", len(failed))
    assert failed[0].failure.message == "Method failed: ValueError: too bright"
    flag.touch()
    second = run(home_with_sample, method)[0]
    assert (second.status, second.n_run) == ("complete", len(failed))
    assert not any(row.failure for row in read_run(second.folder).rows)


def test_a_method_that_returns_nan_fails_its_images(home_with_sample, tmp_path):
    outcome = run(home_with_sample, write_method(tmp_path, "nan", "return left * float('nan')"))[0]
    assert outcome.failures == N_IMAGES
    assert "not finite" in read_run(outcome.folder).rows[0].failure.message


def test_one_broken_method_does_not_stop_the_others(home_with_sample, tmp_path):
    broken = write_method(tmp_path, "broken", "return left")
    (broken / "__init__.py").write_text("import nothing_of_that_name\n")
    good = write_method(tmp_path, "good", "return left")
    first, second = run(home_with_sample, broken, good)
    assert first.status == "failed"
    assert "nothing_of_that_name" in first.reason
    assert second.status == "complete"


def test_half_a_row_is_cut_off_and_done_again(home_with_sample, tmp_path):
    method = write_method(tmp_path, "mean", "return left")
    folder = run(home_with_sample, method)[0].folder
    scores = folder / SCORES_FILE
    whole = scores.read_bytes()
    record = read_run(folder).record.model_copy(update={"status": "running"})
    lines = whole.split(b"\n")
    for kept, tail in [(0, b""), (2, lines[2][:40]), (5, lines[5][:-1]), (6, b"")]:
        scores.write_bytes(b"".join(line + b"\n" for line in lines[:kept]) + tail)
        (folder / "run.json").write_text(record.model_dump_json(by_alias=True))
        outcome = run(home_with_sample, method)[0]
        assert (outcome.status, outcome.n_run) == ("complete", N_IMAGES - kept)
        assert len(rows_on_disk(folder)) == N_IMAGES
        assert len(read_run(folder).rows) == N_IMAGES


def test_killed_at_any_moment_it_finishes_without_a_lost_or_doubled_row(home_with_sample, tmp_path):
    method = write_method(tmp_path, "slow", "import time\ntime.sleep(0.15)\nreturn left")
    script = (
        "import sys\nfrom pathlib import Path\nfrom ldpbench.core.home import Home\n"
        "from ldpbench.evaluation.evaluate import Manner, evaluate\n"
        "from ldpbench.evaluation.plan import make_plan\nfrom ldpbench.evaluation.request import Request\n"
        "from ldpbench.results.run_store import RunStore\n"
        "home = Home(Path(sys.argv[1]))\nplan = make_plan(home, Request(methods=[sys.argv[2]], datasets=['sample']))\n"
        "print('ready', flush=True)\nevaluate(plan, RunStore(home.runs), Manner())\n"
    )
    for delay in (0.05, 0.25, 0.45, 0.6):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(home_with_sample.root), str(method)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    outcome = run(home_with_sample, method)[0]
    assert outcome.status == "complete"
    folders = [path for path in home_with_sample.runs.iterdir() if not path.name.startswith(".")]
    assert folders == [outcome.folder]
    assert sorted(row.sample_id for row in read_run(outcome.folder).rows) == [f"scene-{n}" for n in range(1, 7)]
    assert len(rows_on_disk(outcome.folder)) == N_IMAGES


def test_two_evaluations_of_one_cell_do_not_mix(home_with_sample, tmp_path):
    method = write_method(tmp_path, "mean", "return left")
    cell = make_plan(home_with_sample, Request(methods=[str(method)], datasets=["sample"])).cells[0]
    with cell_lock(RunStore(home_with_sample.runs), cell.key):
        outcome = run(home_with_sample, method)[0]
    assert outcome.status == "skipped"
    assert "another evaluation" in outcome.reason
    assert run(home_with_sample, method)[0].status == "complete"


def test_a_full_disk_stops_with_a_sentence_and_the_run_can_continue(home_with_sample, tmp_path, monkeypatch):
    method = write_method(tmp_path, "mean", "return left")
    calls = 0
    real = os.fsync

    def fail_later(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls >= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(run_writer.os, "fsync", fail_later)
        with pytest.raises(StorageError, match="No space left"):
            run(home_with_sample, method, keeping=Keeping(previews=False))
    outcome = run(home_with_sample, method)[0]
    assert outcome.status == "complete"
    assert len(rows_on_disk(outcome.folder)) == N_IMAGES


def test_plans_name_what_is_missing(home, home_with_sample):
    with pytest.raises(UsageError, match="no split 'train'"):
        make_plan(home_with_sample, Request(methods=[], datasets=["sample"], split="train"))
    with pytest.raises(MissingPrerequisiteError, match="pixeldp is not prepared"):
        make_plan(home_with_sample, Request(methods=[], datasets=["pixeldp"]))
    without = make_plan(home_with_sample, Request(methods=["blurry-input"], datasets=[], split="train"))
    assert (without.cells, [skip.reason for skip in without.skips]) == ((), ["it has no train split"])
    plan = make_plan(home_with_sample, Request(methods=[], datasets=[]))
    assert {"blurry-input", "dp-wiener"} <= {cell.method.id for cell in plan.cells}


def test_nothing_prepared_is_a_prerequisite(home):
    with pytest.raises(MissingPrerequisiteError, match="no dataset is prepared"):
        make_plan(home, Request(methods=[], datasets=[]))
