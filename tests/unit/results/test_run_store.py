"""One store for a folder of this machine and for any address: the same files, the same sentences."""

import uuid

import fsspec
import pytest

from ldpbench.core.errors import MissingPrerequisiteError, StorageError, UsageError
from ldpbench.results.run_folder import content_sha256, read_record, read_run, row_file_of, row_files
from ldpbench.results.run_store import LocalFolder, RunStore, folder_at
from tests.factories import failed_row, make_protocol, make_record, rows_from_psnr, write_folder, write_run


@pytest.fixture(params=["folder", "file", "memory"])
def store(request, tmp_path):
    if request.param == "memory":
        address = f"memory://{uuid.uuid4().hex}/runs"
        yield RunStore(address)
        fsspec.filesystem("memory").rm(address.partition("/runs")[0], recursive=True)
    else:
        yield RunStore(tmp_path / "runs" if request.param == "folder" else f"file://{tmp_path}/runs")


def upload(runs, store):
    """Copy run folders of this machine into a store."""
    local = RunStore(runs)
    for run_id in local.run_ids():
        for name in local.folder(run_id).names():
            store.folder(run_id).write(name, local.read(run_id, name))


def test_files_are_written_replaced_read_and_removed(store):
    folder = store.folder("run-a")
    assert not folder.exists()
    assert (store.run_ids(), folder.names()) == ([], {})
    folder.write("previews/scene-1.png", b"old")
    folder.write("previews/scene-1.png", b"picture")
    folder.write("run.json", b"{}")
    assert folder.exists()
    assert store.read("run-a", "previews/scene-1.png") == b"picture"
    assert folder.names() == {"previews": 0, "run.json": 2}
    assert store.run_ids() == ["run-a"]
    folder.remove("run.json")
    folder.remove("run.json")
    assert folder.names() == {"previews": 0}


def test_a_file_that_is_not_there_is_named(store):
    store.folder("run-a").write("run.json", b"{}")
    with pytest.raises(MissingPrerequisiteError, match=r"no .*run-a/predictions/x\.png"):
        store.read("run-a", "predictions/x.png")


def test_names_that_begin_with_a_dot_and_files_beside_the_runs_are_no_runs(tmp_path):
    store = RunStore(tmp_path)
    for name in ("run-b", "run-a", ".locks"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert store.run_ids() == ["run-a", "run-b"]


def test_runs_of_a_cell_are_found_by_their_names(tmp_path):
    cell = "0123456789ab" + "f" * 52
    own = {"20250102T030405-m-toy-0123456789ab", "m-toy-0123456789ab", "m-toy-0123456789ab-2"}
    for name in own | {"m-toy-0123456789abc", "m-0123456789ab-toy", "m-toy-ffffffffffff", "m-toy-0123456789ab-b"}:
        (tmp_path / name).mkdir()
    assert set(RunStore(tmp_path).of_cell(cell)) == own


def test_a_run_reads_the_same_wherever_it_is(tmp_path, store):
    write_run(tmp_path / "here", "run-a", psnr=[30.0, None])
    upload(tmp_path / "here", store)
    here, there = read_run(tmp_path / "here" / "run-a"), read_run(store.place("run-a"))
    assert (there.record, there.rows, there.content_sha256) == (here.record, here.rows, here.content_sha256)
    assert content_sha256(store.place("run-a")) == here.content_sha256
    assert read_record(store.place("run-a")) == here.record
    assert there.address == store.address + "/run-a"


def test_an_address_that_cannot_be_opened_is_refused_in_one_line():
    with pytest.raises(UsageError, match="nowhere://bucket/runs is not an address") as caught:
        RunStore("nowhere://bucket/runs")
    assert "\n" not in caught.value.message


def test_a_driver_that_is_not_installed_is_named(monkeypatch):
    def refuse(place):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(MissingPrerequisiteError, match="Install s3fs"):
        RunStore("s3://bucket/runs")


def test_whatever_a_driver_raises_becomes_a_sentence(monkeypatch):
    store = RunStore("memory://broken/runs")
    system = fsspec.filesystem("memory")

    def fail(*args, **options):
        raise RuntimeError("slow down\nplease")

    monkeypatch.setattr(system, "pipe_file", fail)
    with pytest.raises(StorageError, match=r"cannot write memory://.*run-a/run.json: RuntimeError: slow down$"):
        store.folder("run-a").write("run.json", b"{}")


def test_an_address_of_this_machine_is_a_local_folder(tmp_path):
    assert isinstance(folder_at(f"file://{tmp_path}"), LocalFolder)
    assert RunStore(f"file://{tmp_path}").local == tmp_path
    assert RunStore("memory://x").local is None


def split_rows(folder, shares):
    """Give the rows of one alone to several files."""
    lines = (folder / "scores.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "scores.jsonl").unlink()
    for name, numbers in shares.items():
        (folder / name).write_bytes(b"".join(lines[number] for number in numbers))


@pytest.mark.parametrize(
    "shares",
    [
        {"scores-1of2.jsonl": [2, 0], "scores-2of2.jsonl": [1, 3]},
        {"scores-1of3.jsonl": [0, 3], "scores-2of3.jsonl": [1], "scores-3of3.jsonl": [2]},
        {"scores.jsonl": [1, 2], "scores-2of3.jsonl": [1, 0], "scores-3of3.jsonl": [2, 3]},
    ],
)
def test_rows_are_the_same_however_many_wrote_them(tmp_path, shares):
    folder = write_run(tmp_path, "run-a", psnr=[30.0, 31.0, 32.0, 33.0])
    alone = read_run(folder)
    split_rows(folder, shares)
    assert read_run(folder).rows == alone.rows
    assert read_run(folder).content_sha256 != alone.content_sha256


def test_a_row_with_scores_wins_over_a_failure_in_any_file(tmp_path):
    good, other = rows_from_psnr([30.0, 31.0], [make_protocol()])
    record = make_record("run-a", protocols=[make_protocol()])
    for first, second in [([good], [failed_row("scene-01"), other]), ([failed_row("scene-01")], [good, other])]:
        folder = write_folder(tmp_path, record, first)
        lines = "".join(row.model_dump_json() + "\n" for row in second)
        (folder / "scores-2of2.jsonl").write_text(lines)
        assert read_run(folder).rows == (good, other)


def test_of_two_good_rows_the_one_of_the_last_file_counts(tmp_path):
    first, second = rows_from_psnr([30.0], [make_protocol()]), rows_from_psnr([31.0], [make_protocol()])
    folder = write_folder(tmp_path, make_record("run-a", n_images=1, protocols=[make_protocol()]), first)
    for name in ("scores-2of10.jsonl", "scores-10of10.jsonl"):
        rows = second if name.startswith("scores-10") else first
        (folder / name).write_text(rows[0].model_dump_json() + "\n")
    assert read_run(folder).rows == tuple(second)
    assert list(row_files({path.name: 1 for path in sorted(folder.iterdir())})) == [
        "scores.jsonl",
        "scores-2of10.jsonl",
        "scores-10of10.jsonl",
    ]


def test_half_a_last_line_is_set_aside_in_every_file(tmp_path):
    folder = write_run(tmp_path, "run-a", psnr=[30.0, 31.0, 32.0, 33.0], status="running")
    split_rows(folder, {"scores-1of2.jsonl": [0, 2], "scores-2of2.jsonl": [1, 3]})
    for name in ("scores-1of2.jsonl", "scores-2of2.jsonl"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    stored = read_run(folder)
    assert [row.sample_id for row in stored.rows] == ["scene-01", "scene-02"]
    assert stored.truncated


def test_files_of_rows_are_named_by_their_worker():
    assert [row_file_of(0, 1), row_file_of(0, 3), row_file_of(2, 3)] == [
        "scores.jsonl",
        "scores-1of3.jsonl",
        "scores-3of3.jsonl",
    ]
