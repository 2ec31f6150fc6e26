"""A file that is still arriving: ``.NAME.part`` beside its place, and a note of what it is a part of."""

import hashlib
import json
import os
from pathlib import Path
from typing import BinaryIO

from ldpbench.core.atomic import flush_folder

_DRIVE_MARK = "_partial"
"""gdown finds the file to continue by eight characters of any kind between the name and ``.part``."""


class Part:
    """The part file of ``target``.

    Where it came from is remembered for this run; across runs only together with a validator, which alone can tell
    that the rest still belongs to it.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")
        self.drive_output = target.with_name(f".{target.name}.drive")
        """The name that gdown is given for a finished file."""
        self.drive_part = self.drive_output.with_name(f"{self.drive_output.name}{_DRIVE_MARK}.part")
        """What gdown then calls an unfinished one."""
        self.expected: int | None = None
        """The size of the whole, as stated where the part came from."""
        self._address: str | None = None
        self._validator: str | None = None
        self._adopt_drive_leftovers()
        self._read_note()

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def is_from(self, address: str) -> bool:
        """Whether the part is known to come from an address."""
        return self._address == _mark(address)

    def validator_at(self, address: str) -> str | None:
        """What makes sure that the rest belongs to the part."""
        return self._validator if self.is_from(address) else None

    def restart(self, address: str, validator: str | None, total: int | None) -> None:
        """Begin from zero with what ``address`` sends."""
        self.discard()
        self.path.touch()
        self._address, self._validator, self.expected = _mark(address), validator, total
        if validator is not None:
            note = {"address": self._address, "validator": validator, "bytes": total}
            self._note.write_text(json.dumps(note) + "\n", encoding="utf-8")

    def append(self) -> BinaryIO:
        """The part, to write on at its end."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Forget what has arrived."""
        self.path.unlink(missing_ok=True)
        self._forget_origin()

    def lend_to_drive(self) -> None:
        """Put the part where gdown continues it."""
        self.path.touch()
        self.path.replace(self.drive_part)
        self._forget_origin()

    def take_back_from_drive(self) -> None:
        """Take over what gdown has left, finished or not."""
        for left in (self.drive_output, self.drive_part):
            if left.exists():
                left.replace(self.path)
                return

    def promote(self) -> None:
        """Let the part, which is complete and verified, take the file's place for good."""
        with self.path.open("rb+") as stream:
            os.fsync(stream.fileno())
        self.path.replace(self.target)
        flush_folder(self.target.parent)
        self.discard()

    def _forget_origin(self) -> None:
        self._note.unlink(missing_ok=True)
        self._address = self._validator = self.expected = None

    def _adopt_drive_leftovers(self) -> None:
        """A process that was killed while gdown worked has left its part under gdown's name."""
        for left in (self.drive_output, self.drive_part):
            if left.exists():
                if left.stat().st_size > self.size:
                    left.replace(self.path)
                    self._forget_origin()
                else:
                    left.unlink()

    def _read_note(self) -> None:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            address, validator, expected = str(note["address"]), str(note["validator"]), note["bytes"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return  # no note, or one that was cut by a kill: nobody knows where the part came from
        self._address, self._validator = address, validator
        self.expected = expected if isinstance(expected, int) else None


def _mark(address: str) -> str:
    """Addresses may hold passwords and signatures, so only a digest of them is kept."""
    return hashlib.sha256(address.encode()).hexdigest()
