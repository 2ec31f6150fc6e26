"""What the name of a DPD-blur picture says: which capture it is, whose number that is, and which view."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ldpbench.records import ManifestRow
from ldpbench.records.dataset_card import Role

_LETTERS: Mapping[str, Role] = {"L": "left", "R": "right", "C": "center", "B": "center"}
"""The letter that marks a view; ``B`` is the combined picture's in some of the authors' sets."""
_LETTER_AT_END = re.compile(r"_([LRCB])$")
_LETTER_AFTER_NUMBER = re.compile(r"[ _-]?([LRCB])(?![0-9A-Z])")


@dataclass(frozen=True)
class PictureName:
    """A picture's name, read."""

    number: str
    """The capture number in upper case, if it is one of the set; else the name without its view's letter."""
    view: Role | None
    """The view that its letter names."""
    owner: str | None = None
    """Whose number it is, for people; None if it is no capture number of the set."""
    split: str | None = None
    """The split of that number."""
    others: tuple[str, ...] = ()
    """Further capture numbers in the name."""


class NameReader:
    """Reads names with all capture numbers of the set at hand. They are distinct, so none means two scenes.

    Upper and lower case are the same, and a number counts wherever it stands in a name (``copy of 1P0A0890_L``): a
    picture that says what it is must not be taken for one without a name.

    Args:
        rows: The whole manifest, of every split and role.
    """

    def __init__(self, rows: Iterable[ManifestRow]) -> None:
        self._owners: dict[str, tuple[str, str]] = {}
        for row in rows:
            stem = PurePosixPath(row.path).stem
            if row.role == "target":
                self._owners[stem.upper()] = ("targets", row.split)
            self._owners[row.sample_id.upper()] = ("views", row.split)
        self._lengths = sorted({len(number) for number in self._owners})

    def read(self, path: str) -> PictureName:
        """Read one name."""
        stem = PurePosixPath(path).stem.upper()
        found = self._numbers(stem)
        if not found:
            letter = _LETTER_AT_END.search(stem)
            return PictureName(stem[: letter.start()] if letter else stem, _LETTERS[letter[1]] if letter else None)
        number, end = next(iter(found.items()))
        letter = _LETTER_AFTER_NUMBER.match(stem, end) or _LETTER_AT_END.search(stem)
        kind, split = self._owners[number]
        view = _LETTERS[letter[1]] if letter else None
        return PictureName(number, view, f"the {kind} of the {split} split", split, tuple(found)[1:])

    def _numbers(self, stem: str) -> dict[str, int]:
        """The capture numbers in a name and where each ends. One that goes on in digits is another number."""
        spans = [(stem[at : at + n], at + n) for at in range(len(stem)) for n in self._lengths]
        return {text: end for text, end in spans if text in self._owners and not stem[end : end + 1].isdigit()}
