import errno
import os
from pathlib import Path

import pytest

from ldpbench.core import atomic
from ldpbench.core.errors import StorageError


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a" / "file.txt"
    atomic.write_text(path, "one")
    atomic.write_text(path, "two")
    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_failing_disk_leaves_the_old_file_and_names_the_remedy(tmp_path, monkeypatch, code):
    path = tmp_path / "file.txt"
    atomic.write_text(path, "old")

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(StorageError) as caught:
        atomic.write_text(path, "new")
    assert str(path) in caught.value.message
    assert "LDPBENCH_HOME" in caught.value.hint
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_is_swapped_in_only_when_it_is_whole(tmp_path):
    target = tmp_path / "set"
    with atomic.replacing_folder(target) as fresh:
        (fresh / "one").write_text("1")
    with pytest.raises(KeyError), atomic.replacing_folder(target) as fresh:
        (fresh / "two").write_text("2")
        raise KeyError
    assert [entry.name for entry in target.iterdir()] == ["one"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]
    with atomic.replacing_folder(target) as fresh:
        (fresh / "three").write_text("3")
    assert [entry.name for entry in target.iterdir()] == ["three"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_a_folder_that_cannot_move_in_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "set"
    with atomic.replacing_folder(target) as fresh:
        (fresh / "one").write_text("1")
    real = Path.rename

    def rename(self: Path, other: Path) -> Path:
        if Path(other) == target and "retired" not in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, other)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(StorageError), atomic.replacing_folder(target) as fresh:
        (fresh / "two").write_text("2")
    assert [entry.name for entry in target.iterdir()] == ["one"]
