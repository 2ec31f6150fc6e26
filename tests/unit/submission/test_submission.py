"""Handing in results: what is packed holds, and whatever a stranger changes is found."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.home import Home
from ldpbench.data import png16
from ldpbench.evaluation.deblurring import Keeping
from ldpbench.evaluation.evaluate import Manner, evaluate
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.records import Protocol
from ldpbench.results.board import boards
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.results.run_store import RunStore
from ldpbench.submission.accept import accept
from ldpbench.submission.files import is_allowed
from ldpbench.submission.pack import About, pack
from ldpbench.submission.record import FILE, read_submission
from ldpbench.submission.verify import verify

ABOUT = About(contact="A. Author <a@example.org>", licence="CC-BY-4.0", paper="https://example.org")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def made(tmp_path_factory, sample_home):
    """A home with a finished run whose pictures were kept, and its submission."""
    home = Home(tmp_path_factory.mktemp("stranger"))
    home.datasets.symlink_to(sample_home.datasets)
    plan = make_plan(home, Request(methods=["blurry-input"], datasets=["sample"]))
    manner = Manner(command=("ldpbench", "evaluate"), keeping=Keeping(previews=False, predictions="png16"))
    (outcome,) = evaluate(plan, RunStore(home.runs), manner)
    packed = pack(Path(outcome.folder).name, RunStore(home.runs), ABOUT, home.root / "submission")
    return home, packed


@pytest.fixture
def folder(made, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(made[1].folder, tmp_path / "submission"))


def sign(folder):
    """Name the files as they are now: a stranger can always do that."""
    document = json.loads((folder / FILE).read_text())
    document["files"] = {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != FILE
    }
    (folder / FILE).write_text(json.dumps(document))


def change_rows(folder, change):
    path = folder / "run" / "scores.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    change(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sign(folder)


def change_run(folder, change):
    path = folder / "run" / "run.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    sign(folder)


def faults_of(folder, home):
    """What is said against it, by the reader of run folders or by the check."""
    try:
        return verify(folder, home).faults
    except IntegrityError as error:
        return (error.message,)


def test_what_was_packed_holds(made, folder):
    home, packed = made
    verdict = verify(folder, home)
    assert verdict.faults == ()
    assert len(verdict.made) == 6
    assert verdict.record.verified_by.startswith("ldpbench ")
    assert 0 < verdict.worst["psnr"][0] < 1e-3
    assert "A. Author" in (folder / "card.md").read_text()
    assert read_submission(folder).files.keys() == packed.submission.files.keys()


def test_a_true_submission_becomes_a_row_that_says_so(made, folder, tmp_path):
    home = Home(tmp_path / "maintainer")
    home.root.mkdir()
    home.datasets.symlink_to(made[0].datasets)
    run = accept(verify(folder, home), home)
    ingest(home.runs, home.database)
    with open_for_reading(home.database) as connection:
        board = boards(connection)[0]
    (row,) = board.rows
    assert (row.method_id, row.verified, row.rank) == ("blurry-input", True, 1)
    assert len(list((run / "previews").iterdir())) == 6
    with pytest.raises(UsageError, match="is there already"):
        accept(verify(folder, home), home)


def test_edited_scores_are_found_one_by_one(made, folder):
    def change(rows):
        for row in rows[:2]:
            for score in row["scores"]:
                if score["metric"] == "psnr" and score["region"] == "all":
                    score["value"] += 0.5

    change_rows(folder, change)
    verdict = verify(folder, made[0])
    assert len(verdict.faults) == 2
    assert all("psnr, all" in fault and "claimed" in fault for fault in verdict.faults)
    assert verdict.record.verified_by is None
    with pytest.raises(UsageError, match="with faults"):
        accept(verdict, made[0])


def test_a_claim_of_identity_is_found(made, folder):
    def change(rows):
        rows[0]["scores"][0] |= {"value": None, "status": "identical"}

    change_rows(folder, change)
    assert any("claimed identical" in fault for fault in verify(folder, made[0]).faults)


def test_scores_left_out_or_made_up_are_found(made, folder):
    def change(rows):
        rows[0]["scores"].pop()

    change_rows(folder, change)
    assert any("no value is claimed" in fault for fault in verify(folder, made[0]).faults)

    def invent(rows):
        rows[1]["scores"].append({**rows[1]["scores"][0], "region": "nowhere"})

    change_rows(folder, invent)
    assert any("nowhere" in fault for fault in faults_of(folder, made[0]))


def test_one_swapped_picture_is_found(made, folder):
    pictures = sorted((folder / "predictions").iterdir())
    shutil.copy(pictures[0], pictures[1])
    sign(folder)
    faults = verify(folder, made[0]).faults
    assert faults
    assert all(fault.startswith(pictures[1].stem) for fault in faults)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((256, 256), np.uint16), "expected"),
        (np.zeros((8, 8, 3), np.uint16), "expected"),
        (np.zeros((256, 256, 3), np.uint8), "claimed"),
    ],
)
def test_a_picture_of_another_kind_is_found(made, folder, pixels, words):
    picture = sorted((folder / "predictions").iterdir())[0]
    picture.write_bytes(png16.encode(pixels))
    sign(folder)
    assert any(picture.stem in fault and words in fault for fault in verify(folder, made[0]).faults)


def test_a_damaged_picture_is_found(made, folder):
    picture = sorted((folder / "predictions").iterdir())[0]
    picture.write_bytes(picture.read_bytes()[:-200])
    sign(folder)
    assert any(picture.stem in fault for fault in verify(folder, made[0]).faults)


def test_a_scene_without_a_row_is_found(made, folder):
    change_rows(folder, lambda rows: rows.pop())
    assert any("6 images of a complete run, found 5" in fault for fault in faults_of(folder, made[0]))

    def smaller(record):
        record["dataset"]["n_images"] = 5

    change_run(folder, smaller)
    faults = verify(folder, made[0]).faults
    assert any("1 of 6 scenes have no row" in fault for fault in faults)
    assert any("speaks of 5 scenes" in fault for fault in faults)


def test_a_row_of_no_scene_never_reads_a_file(made, folder):
    def change(rows):
        rows[0]["sample_id"] = "../../../../etc/passwd"

    change_rows(folder, change)
    faults = verify(folder, made[0]).faults
    assert any("are of no scene of the split" in fault for fault in faults)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record["dataset"].update(fingerprint="0" * 64), "content"),
        (lambda record: record["method"].update(id="famous-net"), "method"),
        (lambda record: record["method"].update(title="<script>alert(1)</script>"), "title"),
        (lambda record: record["method"].update(untrained=True), "made-up weights"),
        (lambda record: record.update(predictions=None), "not kept"),
    ],
)
def test_a_record_that_lies_is_found(made, folder, change, words):
    change_run(folder, change)
    assert any(words in fault for fault in verify(folder, made[0]).faults)


def test_an_easier_protocol_is_found(made, folder):
    record = json.loads((folder / "run" / "run.json").read_text())
    old = Protocol.model_validate(record["protocols"][0])
    easier = old.model_copy(update={"border_px": 90})
    rows = (folder / "run" / "scores.jsonl").read_text().replace(old.hash, easier.hash)
    (folder / "run" / "scores.jsonl").write_text(rows)
    change_run(folder, lambda found: found["protocols"][0].update(border_px=90))
    document = json.loads((folder / FILE).read_text())
    document["protocols"] = [easier.hash]
    (folder / FILE).write_text(json.dumps(document))
    assert any("is none that this version knows" in fault for fault in verify(folder, made[0]).faults)


def faulty_files(folder):
    def removed():
        sorted((folder / "predictions").iterdir())[0].unlink()

    def edited():
        (folder / "card.md").write_text("other")

    def added():
        (folder / "run.sh").write_text("rm -rf /")

    def linked():
        (folder / "card.md").unlink()
        (folder / "card.md").symlink_to("/etc/passwd")

    def linked_folder():
        shutil.move(folder / "predictions", folder.parent / "elsewhere")
        (folder / "predictions").symlink_to(folder.parent / "elsewhere")

    def named_outside():
        document = json.loads((folder / FILE).read_text())
        document["files"]["../../secret"] = "0" * 64
        (folder / FILE).write_text(json.dumps(document))

    def odd_name():
        (folder / "predictions" / "a\n\x1b[31m.png").write_bytes(b"x")

    return {name: change for name, change in locals().items() if callable(change)}


@pytest.mark.parametrize("kind", ["removed", "edited", "added", "linked", "linked_folder", "named_outside", "odd_name"])
def test_files_that_are_not_what_was_named_are_refused_before_anything_is_read(made, folder, kind):
    faulty_files(folder)[kind]()
    with pytest.raises(IntegrityError) as caught:
        verify(folder, made[0])
    assert not re.search(r"[\x00-\x1f\x7f]", caught.value.message)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 2}',
        '{"schema": 1, "method_id": "a\\n"}',
        "[" * 100_000,
        "x" * (17 * 2**20),
    ],
    ids=["empty", "cut", "list", "newer", "control", "deep", "huge"],
)
def test_a_record_that_is_none_is_one_error(made, folder, text):
    (folder / FILE).write_text(text)
    with pytest.raises(LdpbenchError, match=FILE.replace(".", r"\.")):
        verify(folder, made[0])


def test_a_title_that_moves_the_cursor_is_refused(folder):
    document = json.loads((folder / FILE).read_text())
    document["title"] = "nice\x1b[2J"
    (folder / FILE).write_text(json.dumps(document))
    with pytest.raises(IntegrityError):
        read_submission(folder)


def test_without_the_dataset_the_command_is_said(folder, tmp_path):
    with pytest.raises(MissingPrerequisiteError) as caught:
        verify(folder, Home(tmp_path / "empty"))
    assert "ldpbench prepare sample" in (caught.value.hint or "")


def test_a_run_without_pictures_is_refused_with_the_command_that_keeps_them(made, tmp_path):
    home = made[0]
    plan = make_plan(home, Request(methods=["blurry-input"], datasets=["sample"], limit=1))
    (outcome,) = evaluate(plan, RunStore(home.runs), Manner(command=("x",), keeping=Keeping(previews=False)))
    with pytest.raises(MissingPrerequisiteError) as caught:
        pack(Path(outcome.folder).name, RunStore(home.runs), ABOUT, tmp_path / "out")
    assert "--save-predictions png16" in (caught.value.hint or "")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_else_is_not_replaced(made, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.tex").write_text("mine")
    with pytest.raises(UsageError, match="no submission"):
        pack(made[1].submission.run_id, RunStore(made[0].runs), ABOUT, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "text.tex").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["../card.md", "/etc/passwd", "predictions/../x.png", "run/x.sh", "predictions/.x.png"]
)
def test_no_name_leads_out(name):
    assert not is_allowed(name)


def test_the_workflow_may_only_read_and_runs_nothing_that_was_handed_in():
    text = (ROOT / ".github" / "workflows" / "check-submission.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request" in workflow[True]  # YAML reads the key `on` so
    assert "pull_request_target" not in text
    assert "secrets" not in text
    (job,) = workflow["jobs"].values()
    for step in job["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
        # Text of a pull request never becomes part of a script.
        assert "${{" not in step.get("run", "")
    assert job["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
