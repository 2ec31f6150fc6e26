"""Storing: shards, what plain readers see, subsets, splits that come one by one, and interrupted attempts."""

import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import datasets
import pyarrow as pa
import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.home import Home
from ldpbench.data import shards, store
from ldpbench.data.adapter import StoredSample
from ldpbench.data.prepare import prepare
from ldpbench.data.prepared import open_prepared
from ldpbench.data.shards import SplitWriter
from ldpbench.data.tree import Tree
from tests.many_scenes import SET_ID, write_many

SPLITS = {"train": 6, "test": 3}


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(write_many(tmp_path / "many", SPLITS, aliases={"val": "test"})))
    return tmp_path / "many" / "source"


def batches(folder: Path) -> list[int]:
    """Rows of every record batch of a split's shards."""
    found = []
    for path in sorted(folder.glob("*.arrow")):
        with pa.memory_map(str(path)) as mapped:
            found += [batch.num_rows for batch in pa.ipc.open_stream(mapped)]
    return found


def test_plain_readers_open_what_was_prepared(source, home, tmp_path):
    prepared = prepare(SET_ID, home, source=str(source))
    from_disk = datasets.load_from_disk(str(prepared.folder))
    loaded = datasets.load_dataset(str(prepared.folder), cache_dir=str(tmp_path / "cache"))
    streamed = datasets.load_dataset(str(prepared.folder), split="val", streaming=True)
    original = (source / "set/test/left/001.png").read_bytes()
    assert {name: len(part) for name, part in from_disk.items()} == SPLITS
    assert {name: len(part) for name, part in loaded.items()} == {**SPLITS, "val": 3}
    for rows in (from_disk["test"], loaded["test"], loaded["val"], list(streamed)):
        assert rows[1]["id"] == "test-001"
        assert rows[1]["left"]["bytes"] == original
    assert loaded["test"].features["left"] == datasets.Image(decode=False)
    assert batches(prepared.folder / "train") == [1] * 6


def test_samples_stream_and_an_alias_opens_the_split_it_means(source, home):
    prepared = prepare(SET_ID, home, source=str(source))
    stream = prepared.iter_samples("val")
    assert next(stream).id == "test-000"
    assert [sample.id for sample in prepared.iter_samples()][5:7] == ["train-005", "test-000"]
    with pytest.raises(UsageError, match="no split of many is called 'vali'"):
        prepared.split("vali")


def test_any_number_of_workers_gives_the_same(source, home, tmp_path):
    one = prepare(SET_ID, home, source=str(source), jobs=1).info
    four = prepare(SET_ID, Home(tmp_path / "other"), source=str(source), jobs=4).info
    assert one.fingerprint == four.fingerprint
    assert one.content == four.content


def test_a_split_has_the_same_fingerprint_whatever_else_is_there(source, home, tmp_path):
    whole = prepare(SET_ID, home, source=str(source)).info
    other = Home(tmp_path / "other")
    alone = prepare(SET_ID, other, source=str(source), splits=["val"]).info
    assert list(alone.splits) == ["test"]
    assert alone.splits["test"] == whole.splits["test"]
    assert alone.splits["test"].complete
    assert not alone.complete
    assert alone.fingerprint.startswith("partial-3-of-9-")
    with pytest.raises(MissingPrerequisiteError, match="the split train of many is not prepared") as caught:
        open_prepared(other, SET_ID).split("train")
    assert "--split train" in caught.value.hint

    both = prepare(SET_ID, other, source=str(source), splits=["train"])
    assert both.info.fingerprint == whole.fingerprint, "the split that was there stayed"
    assert both.info.complete
    assert both.info.missing == ()
    both.verify()


def test_a_few_scenes_are_a_marked_subset(source, home):
    info = prepare(SET_ID, home, source=str(source), max_scenes=2).info
    assert {name: (part.count, part.complete) for name, part in info.splits.items()} == {
        "train": (2, False),
        "test": (2, False),
    }
    assert info.missing == ("4 more scenes of train: not asked for", "1 more scenes of test: not asked for")
    assert info.splits["train"].fingerprint.startswith("partial-2-of-6-")
    assert prepare(SET_ID, home, max_scenes=1).info == info, "what is there is enough"
    with pytest.raises(MissingPrerequisiteError, match="cannot be fetched by a program"):
        prepare(SET_ID, home)
    with pytest.raises(UsageError, match="--max-scenes"):
        prepare(SET_ID, home, max_scenes=0)


def test_missing_files_of_a_split_that_is_not_wanted_do_not_matter(source, home):
    shutil.rmtree(source / "set/train")
    assert prepare(SET_ID, home, source=str(source), splits=["test"]).info.splits["test"].complete
    with pytest.raises(IntegrityError, match="18 of 27 files") as caught:
        prepare(SET_ID, home, source=str(source))
    assert len(caught.value.faults) == 18


def test_every_fault_is_told_at_once(source, home):
    (source / "set/train/left/000.png").unlink()
    (source / "set/train/right/000.png").write_bytes(b"<html>no</html>")
    data = (source / "set/test/left/002.png").read_bytes()
    (source / "set/test/left/002.png").write_bytes(data[:-20])
    with pytest.raises(IntegrityError) as caught:
        prepare(SET_ID, home, source=str(source))
    assert [fault.split(": ")[0] for fault in caught.value.faults] == [
        "set/test/left/002.png",
        "set/train/right/000.png",
        "set/train/left/000.png",
    ]
    assert not home.datasets.exists()


def test_without_published_checksums_the_files_own_must_do(tmp_path, monkeypatch, home):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(write_many(tmp_path / "m", {"test": 2}, with_sums=False)))
    source = tmp_path / "m" / "source"
    path = source / "set/test/left/001.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="checksum of its IDAT chunk"):
        prepare(SET_ID, home, source=str(source))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", 2500)
    monkeypatch.setattr(SplitWriter.__init__, "__defaults__", (2500,))


def interrupt_after(monkeypatch, reads: int) -> list[str]:
    """Ctrl-C in the middle of the work; the paths that were read."""
    seen: list[str] = []
    read = Tree.read

    def interrupted(self: Tree, path: str) -> bytes:
        seen.append(path)
        if len(seen) > reads:
            raise KeyboardInterrupt
        return read(self, path)

    monkeypatch.setattr(Tree, "read", interrupted)
    return seen


def test_an_interrupted_attempt_goes_on_after_the_last_whole_shard(source, home, monkeypatch, small_shards):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 14)
        with pytest.raises(KeyboardInterrupt):
            prepare(SET_ID, home, source=str(source))
    assert [path.name for path in home.datasets.iterdir()] == [f".{SET_ID}.building"]
    with monkeypatch.context() as patch:
        seen = interrupt_after(patch, 1000)
        info = prepare(SET_ID, home, source=str(source)).info
        assert 0 < len(seen) < 27, "scenes in whole shards are not read again"
    assert info.complete
    open_prepared(home, SET_ID).verify()
    rows = datasets.load_from_disk(str(home.datasets / SET_ID))["train"]
    assert rows["id"][:] == [f"train-{index:03d}" for index in range(6)]
    assert sorted(path.name for path in home.datasets.iterdir()) == [SET_ID]
    assert len(list((home.datasets / SET_ID / "train").glob("*.arrow"))) > 1


def test_an_attempt_on_a_changed_source_starts_anew(source, home, monkeypatch, small_shards):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 14)
        with pytest.raises(KeyboardInterrupt):
            prepare(SET_ID, home, source=str(source))
    path = source / "set/train/left/000.png"
    path.write_bytes(path.read_bytes())
    seen = interrupt_after(monkeypatch, 1000)
    prepare(SET_ID, home, source=str(source))
    assert len(seen) == 27


def test_an_interruption_before_the_first_whole_shard_leaves_nothing(source, home, monkeypatch):
    interrupt_after(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        prepare(SET_ID, home, source=str(source))
    assert list(home.datasets.iterdir()) == []


def test_a_damaged_shard_of_an_interrupted_attempt_is_written_again(tmp_path):
    def write(writer: SplitWriter, names: list[str]) -> None:
        for name in names:
            stored = StoredSample(id=name, split="test", files={"left": name.encode() * 500})
            writer.write(stored, {"left": name})

    names = list("abcdefgh")
    writer = SplitWriter(tmp_path, "test", 1000)
    write(writer, names[:7])
    writer.abandon()
    second = tmp_path / "data-00001.arrow"
    second.write_bytes(second.read_bytes()[:-1])
    writer = SplitWriter(tmp_path, "test", 1000)
    assert writer.done == {"a", "b"}
    write(writer, names[2:])
    writer.finish()
    assert datasets.load_from_disk(str(tmp_path))["id"][:] == names
    assert [row[1] for row in writer.content] == names


def test_too_little_space_is_said_before_anything_is_written(source, home, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(StorageError, match=r"100 bytes free, expected 1\d\.?\d* kB for 9 scenes"):
        prepare(SET_ID, home, source=str(source))
    assert list(home.datasets.iterdir()) == []


def test_two_processes_do_not_collide(source, home, monkeypatch):
    started = threading.Event()
    read = Tree.read

    def slow(self: Tree, path: str) -> bytes:
        started.set()
        time.sleep(0.01)
        return read(self, path)

    monkeypatch.setattr(Tree, "read", slow)
    mine = threading.Thread(target=prepare, args=(SET_ID, home), kwargs={"source": str(source)})
    mine.start()
    assert started.wait(30)
    program = (
        "import sys; from pathlib import Path; from ldpbench.core.home import Home; "
        "from ldpbench.data.prepare import prepare; "
        f"print(prepare('{SET_ID}', Home(Path(sys.argv[1])), allow_partial=True).info.fingerprint)"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, str(home.root)], capture_output=True, text=True, timeout=120, check=False
    )
    mine.join()
    assert other.returncode == 0, other.stderr
    assert other.stdout.strip() == open_prepared(home, SET_ID).info.fingerprint


def test_the_readme_and_the_record_tell_the_same(source, home):
    prepared = prepare(SET_ID, home, source=str(source), splits=["test"])
    readme = (prepared.folder / "README.md").read_text()
    assert prepared.info.fingerprint in readme
    assert json.loads((prepared.folder / "prepared.json").read_text())["layout"] == "manifest"
