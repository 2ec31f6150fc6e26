"""Pictures that another program made enter the same table, after the same checks."""

import numpy as np
import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.progress import SILENT
from ldpbench.data import png16
from ldpbench.data.prepared import open_prepared
from ldpbench.evaluation.evaluate import Manner, evaluate
from ldpbench.evaluation.outputs_only import Outputs
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.plan_outputs import plan_outputs
from ldpbench.evaluation.request import Request
from ldpbench.results.board import boards
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import RunStore

REQUEST = Request(datasets=["sample"])


class Listening:
    """Progress that remembers warnings."""

    def __init__(self):
        self.warnings = []

    def __getattr__(self, name):
        return getattr(SILENT, name)

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture
def folder(home_with_sample, tmp_path):
    """Every scene's own centre view, as 16-bit PNG: what ``blurry-input`` would have given."""
    for sample in open_prepared(home_with_sample, "sample").split("test"):
        png16.write(tmp_path / "mine" / f"{sample.id}.png", png16.to_codes(sample.center_view, 16))
    return tmp_path / "mine"


def run(home, folder, request=REQUEST, **changes):
    listening = Listening()
    asked = Outputs(folder=folder, name=changes.pop("name", "mine"), **changes)
    plan = plan_outputs(home, request, asked, listening)
    (outcome,) = evaluate(plan, RunStore(home.runs), Manner())
    return outcome, listening.warnings


def test_they_rank_in_the_table_of_our_own_methods(home_with_sample, folder):
    evaluate(make_plan(home_with_sample, Request(methods=["blurry-input"])), RunStore(home_with_sample.runs), Manner())
    outcome, warnings = run(home_with_sample, folder, title="Mine", inputs=("center",))
    assert (outcome.status, warnings) == ("complete", [])
    ingest(home_with_sample.runs, home_with_sample.database)
    with open_for_reading(home_with_sample.database) as connection:
        board = boards(connection)[0]
    rows = {row.method_id: row for row in board.rows}
    assert rows["mine"].method_kind == "outputs-only"
    assert rows["mine"].rank is not None
    assert rows["mine"].seconds_median is None
    ours = rows["blurry-input"].values["psnr"].mean  # the mean of the views, which the centre view rounds to 8 bits
    assert rows["mine"].values["psnr"].mean == pytest.approx(ours, abs=0.005)


def test_other_pictures_are_another_run(home_with_sample, folder):
    first, _ = run(home_with_sample, folder)
    again, _ = run(home_with_sample, folder)
    path = folder / "scene-1.png"
    png16.write(path, png16.read(path) // 2)
    changed, _ = run(home_with_sample, folder)
    assert again.status == "done-before"
    assert changed.folder != first.folder


def test_missing_pictures_are_refused_or_leave_the_run_unranked(home_with_sample, folder):
    (folder / "scene-2.png").unlink()
    with pytest.raises(MissingPrerequisiteError, match="no picture of 1 of 6 scenes: scene-2"):
        run(home_with_sample, folder)
    assert not home_with_sample.runs.exists()
    outcome, _ = run(home_with_sample, folder, allow_partial=True)
    assert (outcome.status, outcome.failures) == ("partial", 1)


def test_all_faults_are_told_before_anything_is_scored(home_with_sample, folder):
    (folder / "scene-1.png").write_bytes(b"<html>not found</html>")
    png16.write(folder / "scene-2.png", np.zeros((20, 30, 3), np.uint16))
    png16.write(folder / "scene-3.png", np.zeros((256, 256), np.uint16))
    (folder / "scene-4.png").rename(folder / "scene-4.jpg")
    with pytest.raises(IntegrityError) as caught:
        run(home_with_sample, folder)
    assert len(caught.value.faults) == 4
    assert "found 30x20x3" in caught.value.faults[1]
    assert "found 256x256x1" in caught.value.faults[2]
    assert "changes pixels" in caught.value.faults[3]
    assert not home_with_sample.runs.exists()


def test_two_pictures_of_a_scene_are_one_too_many(home_with_sample, folder):
    np.save(folder / "scene-1.npy", np.zeros((256, 256, 3), np.float32))
    with pytest.raises(IntegrityError, match="scene-1: scene-1.npy, scene-1.png"):
        run(home_with_sample, folder)


def test_what_is_odd_but_no_fault_is_said(home_with_sample, folder):
    (folder / "README.txt").write_text("made by me")
    png16.write(folder / "extra.png", np.zeros((4, 4), np.uint8))
    path = folder / "scene-1.png"
    png16.write(path, (png16.read(path) >> 8).astype(np.uint8))
    outcome, warnings = run(home_with_sample, folder)
    assert outcome.status == "complete"
    assert any("1 pictures" in warning and "extra" in warning for warning in warnings)
    assert any("1 of 6 pictures have 8 bits" in warning for warning in warnings)


def test_a_picture_with_nan_fails_alone_and_values_beyond_white_are_counted(home_with_sample, folder):
    picture = np.full((256, 256, 3), 0.5, np.float32)
    picture[:128] = 1.5
    np.save(folder / "scene-1.npy", picture)
    np.save(folder / "scene-2.npy", np.full((256, 256, 3), np.nan, np.float32))
    for name in ("scene-1", "scene-2"):
        (folder / f"{name}.png").unlink()
    outcome, _ = run(home_with_sample, folder)
    rows = {row.sample_id: row for row in read_run(outcome.folder).rows}
    assert rows["scene-1"].clipped_fraction == 0.5
    assert "not finite" in rows["scene-2"].failure.message
    assert outcome.status == "partial"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dp-wiener", "a method of that name is installed"),
        ("disparity", "installed"),
        ("My Net", "expected small letters"),
    ],
)
def test_names_of_others_cannot_be_taken(home_with_sample, folder, name, sentence):
    with pytest.raises(UsageError, match=sentence):
        run(home_with_sample, folder, name=name)


def test_one_dataset_has_to_be_named(home_with_sample, folder):
    with pytest.raises(UsageError, match="expected one --dataset"):
        run(home_with_sample, folder, Request())
    with pytest.raises(MissingPrerequisiteError, match="is not a folder"):
        run(home_with_sample, folder / "nothing")
