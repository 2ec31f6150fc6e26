import errno
import os
from pathlib import Path

import pytest

from ldpbench.core.errors import IntegrityError, StorageError
from ldpbench.training.journal import JOURNAL_FILE, Journal, read_journal


def test_lines_come_back_with_every_bit_of_their_numbers(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    Journal(tmp_path).append("step", 3, loss=value)
    assert list(read_journal(tmp_path)) == [{"kind": "step", "step": 3, "loss": value}]


def test_rewinding_forgets_steps_that_are_still_to_be_done_and_half_a_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in range(6):
        journal.append("step", step, loss=1.0)
    with (tmp_path / JOURNAL_FILE).open("ab") as stream:
        stream.write(b'{"kind": "step", "st')
    journal.rewind(4)
    assert [line["step"] for line in read_journal(tmp_path)] == [0, 1, 2, 3]
    journal.append("step", 4, loss=1.0)
    assert [line["step"] for line in read_journal(tmp_path)] == [0, 1, 2, 3, 4]


def test_rewinding_an_empty_run_is_nothing(tmp_path: Path) -> None:
    Journal(tmp_path).rewind(0)
    assert not (tmp_path / JOURNAL_FILE).exists()


def test_damage_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE).write_bytes(b'{"kind": "step", "step": 0}\nnonsense\n')
    with pytest.raises(IntegrityError, match="line 2"):
        list(read_journal(tmp_path))


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.append("step", 0, loss=1.0)
    before = (tmp_path / JOURNAL_FILE).read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        journal.append("step", 1, loss=2.0)
    assert (tmp_path / JOURNAL_FILE).read_bytes() == before
