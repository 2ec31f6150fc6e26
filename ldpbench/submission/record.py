"""What a submission says of itself: ``submission.json``."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.names import ID_PATTERN
from ldpbench.records.base import Record, validation_sentence

FILE = "submission.json"
CARD = "card.md"
RUN, PREDICTIONS = "run", "predictions"
LARGEST_RECORD_BYTES = 16 * 2**20
_LINE = r"^[^\x00-\x1f\x7f-\x9f]{1,500}$"
"""One line of text: nothing that moves a terminal's cursor or starts another line."""


class Submission(Record):
    """One run with its pictures."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    method_id: str = Field(pattern=ID_PATTERN)
    title: str = Field(pattern=_LINE)
    contact: str = Field(pattern=_LINE)
    """Whom to ask: a name with a mail or web address."""
    licence: str = Field(pattern=_LINE)
    """Of the pictures that are handed in."""
    paper: str | None = Field(default=None, pattern=_LINE)
    code: str | None = Field(default=None, pattern=_LINE)
    training_data: str | None = Field(default=None, pattern=_LINE)
    """What the method was trained on, in the authors' words."""
    run_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")
    dataset: str = Field(pattern=ID_PATTERN)
    split: str = Field(pattern=_LINE)
    protocols: tuple[str, ...] = Field(min_length=1)
    """Hashes."""
    files: dict[str, str]
    """SHA-256 of every other file, by its path."""


def is_submission(folder: Path) -> bool:
    """Whether a folder holds one."""
    return (folder / FILE).is_file()


def read_submission(folder: Path) -> Submission:
    """Read ``submission.json``.

    Raises:
        MissingPrerequisiteError: If there is none, or it cannot be read.
        IntegrityError: If it is not a valid record.
    """
    path = folder / FILE
    if not path.is_file() or path.is_symlink():
        raise MissingPrerequisiteError(f"{folder} holds no {FILE}", hint="`ldpbench submit` makes a submission")
    with explaining_storage("read", path):
        if path.stat().st_size > LARGEST_RECORD_BYTES:
            raise IntegrityError(f"{path}: expected at most {LARGEST_RECORD_BYTES} bytes", hint="make it again")
        data = path.read_bytes()
    try:
        return Submission.model_validate_json(data)
    except ValidationError as error:
        raise IntegrityError(f"{path}: {validation_sentence(error)}", hint="make it with `ldpbench submit`") from error
