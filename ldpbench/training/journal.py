"""The journal of a run: one JSON line an event, and nothing that happened after the step it resumes from."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ldpbench.core.atomic import append_line, explaining_storage, write_bytes
from ldpbench.core.errors import IntegrityError
from ldpbench.training.validate import Validation

JOURNAL_FILE = "journal.jsonl"


class Journal:
    """Appends lines to ``journal.jsonl``; every line has ``kind`` and ``step``.

    ``step`` lines tell the loss of a step, ``validation`` lines the scores after a step.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE

    def append(self, kind: str, step: int, **values: Any) -> None:
        """Add one line and wait until it is on disk.

        Raises:
            StorageError: If the disk is full; no half line stays behind.
        """
        line = json.dumps({"kind": kind, "step": step, **values}, allow_nan=False) + "\n"
        append_line(self._path, line.encode())

    def rewind(self, step: int) -> None:
        """Forget every line of a step that is still to be done, and half a last line."""
        if not self._path.is_file():
            return
        with explaining_storage("read", self._path):
            lines = self._path.read_bytes().split(b"\n")[:-1]
        kept = [line for line in lines if json.loads(line)["step"] < step]
        write_bytes(self._path, b"".join(line + b"\n" for line in kept))

    def last_validation(self) -> Validation | None:
        """The scores of the last validation on record."""
        if not self._path.is_file():
            return None
        lines = [line for line in read_journal(self._path.parent) if line["kind"] == "validation"]
        names = [spec.name for spec in fields(Validation)]
        return Validation(**{name: lines[-1][name] for name in names}) if lines else None


def read_journal(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a run's journal.

    Raises:
        MissingPrerequisiteError: If there is none.
        IntegrityError: If a line before the last is damaged.
    """
    path = folder / JOURNAL_FILE
    with explaining_storage("read", path):
        lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise IntegrityError(f"{path} line {number} is damaged", hint="resume the run: it is mended") from error
