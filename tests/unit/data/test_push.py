"""Pushing: what arrives, what is skipped, what is refused, and what is left when it breaks off."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import datasets
import fsspec
import huggingface_hub
import pyarrow.parquet as pq
import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.home import Home
from ldpbench.data import shards
from ldpbench.data.cards import load_card
from ldpbench.data.prepare import prepare
from ldpbench.data.prepared import open_prepared
from ldpbench.data.pushing import parquet
from ldpbench.data.pushing.parquet import write_parquet
from ldpbench.data.pushing.push import push
from ldpbench.data.pushing.source import find_pushed
from ldpbench.data.pushing.targets import FsspecTarget
from ldpbench.data.reading import read_scene
from ldpbench.data.shards import SplitWriter
from ldpbench.data.tree import open_tree
from tests.many_scenes import SET_ID, write_many


@pytest.fixture
def prepared(tmp_path, monkeypatch, home):
    monkeypatch.setenv(
        "LDPBENCH_PLUGIN_PATH", str(write_many(tmp_path / "m", {"train": 5, "test": 2}, aliases={"val": "test"}))
    )
    monkeypatch.setattr(SplitWriter.__init__, "__defaults__", (2500,))
    return prepare(SET_ID, home, source=str(tmp_path / "m" / "source"))


def test_a_pushed_folder_opens_with_plain_datasets_and_equals_what_was_prepared(prepared, tmp_path):
    done = push(prepared, str(tmp_path / "out"))
    assert done.sent[-1] == "README.md"
    assert done.sent[:2] == ("data/train-00000-of-00005.parquet", "data/train-00001-of-00005.parquet")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in loaded.items()} == {"train": 5, "test": 2, "val": 2}
    assert loaded["train"].features["left"] == datasets.Image(decode=False)
    here = datasets.load_from_disk(str(prepared.folder))
    for split in ("train", "test"):
        assert loaded[split].to_list() == here[split].to_list()
    record = json.loads((tmp_path / "out" / "prepared.json").read_text())
    assert record["source"] == "a local copy", "no path of this machine is handed on"
    assert str(tmp_path) not in (tmp_path / "out" / "README.md").read_text()
    assert not list(prepared.folder.parent.glob(".*push*"))


def test_what_is_there_is_not_sent_again(prepared, tmp_path):
    out = tmp_path / "out"
    first = push(prepared, str(out))
    again = push(prepared, str(out))
    assert (again.sent, again.kept) == ((), first.sent)
    shard = out / first.sent[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    assert push(prepared, str(out)).sent == (first.sent[0],)
    (out / ".ldpbench-pushed.json").write_text("{")
    assert push(prepared, str(out)).sent == first.sent


def test_any_filesystem_will_do(prepared):
    memory = fsspec.filesystem("memory")
    push(prepared, "memory://pushed/set")
    assert memory.cat_file("/pushed/set/README.md").startswith(b"---\n")
    assert len(memory.glob("/pushed/set/data/*.parquet")) == 7
    memory.rm("/pushed", recursive=True)


def test_a_push_that_breaks_off_never_looks_finished_and_goes_on(prepared, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write, calls = FsspecTarget._write, []

    def failing(self, name, chunks, advance):
        calls.append(name)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        return write(self, name, chunks, advance)

    with monkeypatch.context() as patch:
        patch.setattr(FsspecTarget, "_write", failing)
        with pytest.raises(StorageError, match="cannot write data/train-00002") as caught:
            push(prepared, str(out))
    assert "run it again" in caught.value.hint
    assert not (out / "README.md").exists()
    assert not list(prepared.folder.parent.glob(".*push*"))
    done = push(prepared, str(out))
    assert len(done.kept) == 2
    assert (out / "README.md").exists()


def test_data_that_may_not_be_handed_on_is_refused(prepared, tmp_path, home):
    card = prepared.card.model_copy(update={"redistribution": "unknown", "licence": "none stated"})
    prepared.card = card
    with pytest.raises(UsageError, match="many may not be pushed: its licence is 'none stated'") as caught:
        push(prepared, str(tmp_path / "out"))
    assert "--i-have-the-right" in caught.value.hint
    assert not (tmp_path / "out").exists()
    assert push(prepared, str(tmp_path / "out"), i_have_the_right=True).sent


def test_row_groups_and_shards_keep_their_limits(prepared, tmp_path):
    shard = max((prepared.folder / "train").glob("*.arrow"))
    write_parquet(shard, tmp_path / "small.parquet", row_group_bytes=1)
    write_parquet(shard, tmp_path / "large.parquet")
    small, large = (pq.ParquetFile(tmp_path / f"{name}.parquet") for name in ("small", "large"))
    assert small.metadata.num_row_groups == small.metadata.num_rows
    assert large.metadata.num_row_groups == 1
    assert shards.SHARD_BYTES <= 500_000_000
    assert parquet.ROW_GROUP_BYTES <= 100_000_000


class FakeHub:
    """The part of ``HfApi`` that is used, with a repository in memory."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, str]] = {}
        self.created: list[tuple[str, object]] = []
        self.fail_after: int | None = None

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool | None, exist_ok: bool) -> None:
        assert (repo_type, exist_ok) == ("dataset", True)
        self.created.append((repo_id, private))

    def get_paths_info(self, repo_id: str, paths: list[str], *, repo_type: str, revision: str | None) -> list[object]:
        # As the Hub does: only large files, here Parquet, are in LFS and have a checksum.
        return [
            SimpleNamespace(
                path=path,
                size=self.files[path][0],
                lfs=SimpleNamespace(sha256=self.files[path][1]) if path.endswith("parquet") else None,
            )
            for path in paths
            if path in self.files
        ]

    def upload_file(self, *, path_or_fileobj: str, path_in_repo: str, **options: object) -> None:
        assert options["repo_type"] == "dataset"
        if self.fail_after is not None and len(self.files) >= self.fail_after:
            raise ConnectionError("connection lost")
        self.files[path_in_repo] = (Path(path_or_fileobj).stat().st_size, sha256_file(Path(path_or_fileobj)))


@pytest.fixture
def hub(monkeypatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda **_: fake)
    return fake


@pytest.mark.parametrize("target", ["me/dp-many", "hf://datasets/me/dp-many"])
def test_the_hub_gets_shards_file_by_file_and_the_readme_last(prepared, hub, target):
    done = push(prepared, target, private=True)
    assert hub.created == [("me/dp-many", True)]
    assert done.target == "hf://datasets/me/dp-many"
    assert list(hub.files) == list(done.sent)
    assert done.sent[-1] == "README.md"


def test_a_lost_connection_is_a_sentence_and_the_next_push_goes_on(prepared, hub):
    hub.fail_after = 2
    with pytest.raises(MissingPrerequisiteError, match="cannot push data/train-00002-of-00005") as caught:
        push(prepared, "me/dp-many")
    assert "connection lost" in caught.value.message
    assert "HF_TOKEN" in caught.value.hint
    hub.fail_after = None
    done = push(prepared, "me/dp-many")
    assert done.kept == ("data/train-00000-of-00005.parquet", "data/train-00001-of-00005.parquet")


def test_a_refused_token_is_a_sentence_without_the_token(prepared, hub, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("401 Client Error: Unauthorized")

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(hub, "create_repo", refuse)
    with pytest.raises(MissingPrerequisiteError, match=r"cannot create hf://datasets/me/x: 401") as caught:
        push(prepared, "me/x")
    assert "hf_secret" not in caught.value.message + caught.value.hint


def test_what_is_no_target_is_named(prepared, tmp_path):
    with pytest.raises(UsageError, match="is no target"):
        push(prepared, "nosuchprotocol://x/y")
    with pytest.raises(UsageError, match="--private and --revision are for the Hub"):
        push(prepared, str(tmp_path / "x"), private=True)


def test_what_was_pushed_is_a_source(prepared, tmp_path):
    out = tmp_path / "out"
    push(prepared, str(out))
    again = prepare(SET_ID, Home(tmp_path / "other"), source=str(out))
    assert again.info.fingerprint == prepared.info.fingerprint
    assert (again.info.layout, again.info.complete) == ("pushed", True)
    one = prepare(SET_ID, Home(tmp_path / "third"), source=str(out), splits=["val"], jobs=2)
    assert one.info.splits["test"] == prepared.info.splits["test"]


def test_a_pushed_generated_set_is_checked_by_its_pixels(sample_home, tmp_path):
    push(open_prepared(sample_home, "sample"), str(tmp_path / "out"))
    # A generated set needs no source, so the record is read as that of a set that is not one.
    tree = open_tree(str(tmp_path / "out"))
    found = find_pushed(tree, load_card("sample"))
    read = read_scene(found.scenes[0], "pixels", "sample")
    assert read.faults == ()
    spoiled = replace(found.scenes[0], content={**found.scenes[0].content, "left": "0" * 64})
    assert "not what its record says" in read_scene(spoiled, "pixels", "sample").faults[0]


def test_damaged_and_other_pushed_sets_are_named(prepared, tmp_path, sample_home):
    out = tmp_path / "out"
    push(prepared, str(out))
    shard = out / "data" / "test-00000-of-00002.parquet"
    whole = shard.read_bytes()
    picture = prepared.split("test")._rows[0]["left"]["bytes"]
    at = whole.index(picture[40:60])
    shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(IntegrityError, match="test/test-000: it is not what its record says"):
        prepare(SET_ID, Home(tmp_path / "a"), source=str(out))
    shard.write_bytes(whole[:-50])
    with pytest.raises(IntegrityError, match="test-00000-of-00002.parquet in .* is damaged"):
        prepare(SET_ID, Home(tmp_path / "a"), source=str(out))
    shard.unlink()
    (out / "data" / "test-00001-of-00002.parquet").unlink()
    with pytest.raises(IntegrityError, match="without Parquet files of test"):
        prepare(SET_ID, Home(tmp_path / "a"), source=str(out))
    (out / "prepared.json").write_text("{}")
    for other in (out, sample_home.datasets / "sample"):
        with pytest.raises(IntegrityError, match="holds none of the 21 files of the set"):
            prepare(SET_ID, Home(tmp_path / "a"), source=str(other))
