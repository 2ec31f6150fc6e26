"""Where a dataset's files can be had: packagings, files and their addresses."""

from typing import Literal

from pydantic import Field, model_validator

from ldpbench.core.names import ID_PATTERN
from ldpbench.records.base import Record


class RemoteFile(Record):
    """One file of a packaging, such as an archive."""

    name: str = Field(pattern=r"^[^/\\\x00][^\\\x00]*$")
    """Where it goes below the packaging's folder: a relative path with forward slashes."""
    uris: tuple[str, ...] = Field(min_length=1)
    """Addresses of the same bytes, tried in order: ``https://``, ``hf://datasets/<owner>/<name>@<revision>/<path>``,
    ``gdrive://<file id>``, or anything that fsspec opens."""
    bytes: int | None = Field(default=None, ge=0)
    """Size; null where nobody stated it."""
    checksum: str | None = Field(default=None, pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")
    checksum_from: Literal["publisher", "third-party", "ldpbench"] | None = None
    """Who stated the checksum."""
    splits: tuple[str, ...] = ()
    """The splits it is needed for; empty: all."""

    @model_validator(mode="after")
    def _consistent(self) -> "RemoteFile":
        if any(part in ("", ".", "..") for part in self.name.split("/")):
            raise ValueError(f"name {self.name!r} must be a relative path without . and ..")
        if (self.checksum is None) != (self.checksum_from is None):
            raise ValueError(f"{self.name}: checksum and checksum_from come together")
        return self


class Packaging(Record):
    """One way in which the same dataset is handed out."""

    id: str = Field(pattern=ID_PATTERN)
    title: str
    """Who hands it out and what is in it, in a few words."""
    layout: str
    """The layout, as the adapter names it, that its files have."""
    automatic: bool = True
    """Whether a program can fetch it. Pages with a button need a person."""
    files: tuple[RemoteFile, ...] = ()
    """Its archives."""
    tree: str | None = None
    """Instead of archives: the address of every file of the layout, with ``{path}`` for its place there."""
    revision: str | None = None
    """The publisher's commit or version that ``{revision}`` stands for."""
    page: str | None = None
    """Where a person gets it, if a program cannot."""

    @model_validator(mode="after")
    def _consistent(self) -> "Packaging":
        if self.automatic and bool(self.files) == bool(self.tree):
            raise ValueError(f"packaging {self.id}: name either files or a tree")
        if not self.automatic and not self.page:
            raise ValueError(f"packaging {self.id}: automatic is false, so page must say where a person gets it")
        return self
