import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.results.run_folder import PREVIEWS_FOLDER, RUN_FILE, SCORES_FILE, content_sha256, read_run
from tests.factories import (
    failed_row,
    make_protocol,
    make_record,
    make_row,
    make_scores,
    rows_from_psnr,
    write_folder,
    write_run,
)


def damage_line(folder, number, line):
    path = folder / SCORES_FILE
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = line
    path.write_bytes(b"\n".join(lines))


def test_reads_back_what_was_written(tmp_path):
    protocols = [make_protocol(regions=("all", "near")), make_protocol(border_px=8)]
    rows = rows_from_psnr([30.0, float("inf"), None], protocols)
    record = make_record("run-a", n_images=3, protocols=protocols, status="partial", failures=1)
    stored = read_run(write_folder(tmp_path, record, rows))
    assert stored.record == record
    assert stored.rows == tuple(rows)
    assert not stored.truncated
    assert stored.address == str(tmp_path / "run-a")


def test_names_of_files_are_the_contract_with_the_writer(tmp_path):
    folder = write_run(tmp_path, "run-a", previews=True)
    assert {path.name for path in folder.iterdir()} == {RUN_FILE, SCORES_FILE, PREVIEWS_FOLDER}


def test_the_last_line_of_a_sample_counts(tmp_path):
    protocol = make_protocol()
    first, second = rows_from_psnr([30.0, 31.0], [protocol])
    record = make_record("run-a", protocols=[protocol])
    stored = read_run(write_folder(tmp_path, record, [failed_row("scene-01"), second, first]))
    assert [row.sample_id for row in stored.rows] == ["scene-01", "scene-02"]
    assert stored.rows == (first, second)


def test_a_run_without_its_first_image_has_no_rows(tmp_path):
    folder = write_run(tmp_path, "run-a", status="running")
    (folder / SCORES_FILE).unlink()
    assert read_run(folder).rows == ()


@given(cut=st.integers(1, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_cut_at_any_byte_loses_at_most_the_line_it_hits(tmp_path_factory, cut):
    folder = write_run(tmp_path_factory.mktemp("runs"), "run-a", psnr=[30.0, 31.0, 32.0], status="running")
    path = folder / SCORES_FILE
    whole = path.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    path.write_bytes(kept)
    stored = read_run(folder)
    assert len(stored.rows) == kept.count(b"\n")
    assert stored.truncated == (not kept.endswith(b"\n") and kept != b"")


def test_half_a_last_line_is_set_aside_even_in_the_middle_of_a_character(tmp_path):
    rows = rows_from_psnr([30.0], [make_protocol()])
    folder = write_folder(tmp_path, make_record("run-a", status="running"), rows, tail=b'{"sample_id":"\xe2\x82')
    stored = read_run(folder)
    assert (stored.rows, stored.truncated) == (tuple(rows), True)


@pytest.mark.parametrize(
    "line", [b'{"sample_id": "scene-0', b"", b"\x00\x00\x00", b'{"sample_id": "a"}', b"[1, 2]", b'{"x": NaN}']
)
def test_a_corrupt_middle_line_is_named(tmp_path, line):
    folder = write_run(tmp_path, "run-a", psnr=[30.0, 31.0, 32.0])
    damage_line(folder, 2, line)
    with pytest.raises(IntegrityError, match=rf"{SCORES_FILE} line 2: ") as caught:
        read_run(folder)
    assert str(folder) in caught.value.message
    assert caught.value.hint


def test_a_corrupt_last_line_with_its_newline_is_not_forgiven(tmp_path):
    folder = write_run(tmp_path, "run-a", status="running")
    with (folder / SCORES_FILE).open("ab") as stream:
        stream.write(b'{"half": \n')
    with pytest.raises(IntegrityError, match="line 3"):
        read_run(folder)


def test_every_fault_is_listed(tmp_path):
    folder = write_run(tmp_path, "run-a", psnr=[30.0, 31.0, 32.0])
    damage_line(folder, 1, b"{}")
    damage_line(folder, 3, b"nothing")
    with pytest.raises(IntegrityError, match="1 more fault") as caught:
        read_run(folder)
    assert [fault.split(": ")[0].rsplit(" ", 1)[1] for fault in caught.value.faults] == ["1", "3"]


def score_fault(tmp_path, **changes):
    protocol = make_protocol()
    score = make_scores(protocol, {"psnr": 30.0})[0].model_copy(update=changes)
    folder = write_folder(
        tmp_path, make_record("run-a", status="running", protocols=[protocol]), [make_row("a", [score])]
    )
    with pytest.raises(IntegrityError) as caught:
        read_run(folder)
    return caught.value.message


def test_a_score_must_belong_to_the_run(tmp_path):
    assert "no such protocol" in score_fault(tmp_path, protocol="0" * 64)
    assert "expected a region of ['all']" in score_fault(tmp_path, region="near")
    assert "expected a metric of ['mae', 'psnr', 'ssim']" in score_fault(tmp_path, metric="lpips-alex")


def test_value_and_status_must_agree(tmp_path):
    assert "status is 'failed' but the value is 30.0" in score_fault(tmp_path, status="failed")
    assert "status is 'ok' but the value is None" in score_fault(tmp_path, value=None)


def test_a_number_said_twice_is_a_fault(tmp_path):
    protocol = make_protocol()
    scores = make_scores(protocol, {"psnr": 30.0}) * 2
    folder = write_folder(
        tmp_path, make_record("run-a", status="running", protocols=[protocol]), [make_row("a", scores)]
    )
    with pytest.raises(IntegrityError, match="twice"):
        read_run(folder)


def test_a_failed_image_has_no_values(tmp_path):
    protocol = make_protocol()
    row = failed_row("a").model_copy(update={"scores": make_scores(protocol, {"psnr": 30.0})})
    folder = write_folder(tmp_path, make_record("run-a", status="running", protocols=[protocol]), [row])
    with pytest.raises(IntegrityError, match="although the image failed"):
        read_run(folder)


def test_a_complete_run_has_a_row_for_every_image(tmp_path):
    folder = write_run(tmp_path, "run-a", psnr=[30.0, 31.0, 32.0])
    path = folder / SCORES_FILE
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(IntegrityError, match="each of 3 images .* found 2"):
        read_run(folder)


def test_a_folder_without_a_record_is_no_run_folder(tmp_path):
    with pytest.raises(MissingPrerequisiteError, match=f"no {RUN_FILE}"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"schema": 1, "run_id": "run-a"}'])
def test_a_damaged_record_is_named(tmp_path, content):
    folder = write_run(tmp_path, "run-a")
    (folder / RUN_FILE).write_bytes(content)
    with pytest.raises(IntegrityError, match=RUN_FILE):
        read_run(folder)


def test_a_record_of_a_newer_schema_asks_for_an_update(tmp_path):
    folder = write_run(tmp_path, "run-a")
    document = json.loads((folder / RUN_FILE).read_text())
    (folder / RUN_FILE).write_text(json.dumps({**document, "schema": 2}))
    with pytest.raises(MissingPrerequisiteError, match="schema 2") as caught:
        read_run(folder)
    assert caught.value.hint == "update ldpbench"


def test_scores_that_cannot_be_read_are_not_taken_for_an_empty_file(tmp_path):
    folder = write_run(tmp_path, "run-a")
    (folder / SCORES_FILE).unlink()
    (folder / SCORES_FILE).mkdir()
    with pytest.raises(MissingPrerequisiteError, match=SCORES_FILE):
        read_run(folder)


def test_the_content_hash_sees_both_files(tmp_path):
    folder = write_run(tmp_path, "run-a", status="running")
    before = content_sha256(folder)
    assert before == read_run(folder).content_sha256
    for name in (RUN_FILE, SCORES_FILE):
        path = folder / name
        whole = path.read_bytes()
        path.write_bytes(whole + b"\n" if name == RUN_FILE else whole[:-1])
        assert content_sha256(folder) != before
        path.write_bytes(whole)
    assert content_sha256(folder) == before
