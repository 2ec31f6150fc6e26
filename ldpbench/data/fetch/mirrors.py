"""One file from the first of its addresses that gives it."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.progress import Progress
from ldpbench.data.fetch import drive, http
from ldpbench.data.fetch.address import AddressError, StoppedError, scheme_of, without_secrets
from ldpbench.data.fetch.anything import open_anything
from ldpbench.data.fetch.body import receive
from ldpbench.data.fetch.ledger import Ledger, algorithm_of, checksum_of, place_of
from ldpbench.data.fetch.part import Part
from ldpbench.data.fetch.settings import FetchSettings
from ldpbench.records.dataset_source import RemoteFile

_TRIES_AT_WRONG_CONTENT = 2
_WORTH_COUNTING_BYTES = 1 << 20
"""A try that brings so much more than all before it does not count as failed."""
_WORTH_A_REMARK_BYTES = 1_000_000_000
"""Checking so much takes seconds."""
_MOST_DOUBLINGS = 30
_JITTER = random.SystemRandom()


@dataclass(frozen=True)
class Fetching:
    """What all files of one call share."""

    folder: Path
    ledger: Ledger
    settings: FetchSettings
    client: http.HttpClient
    progress: Progress
    stop: threading.Event
    """Set when nothing more is wanted."""


class FileFailure(Exception):  # noqa: N818  # it carries reasons to the one place that words them
    """No address gave a file.

    Args:
        file: The file.
        errors: What went wrong at each of its addresses.
    """

    def __init__(self, file: RemoteFile, errors: Sequence[AddressError]) -> None:
        super().__init__(file.name)
        self.name = file.name
        self.reasons = tuple(
            f"{without_secrets(uri)}: {error.reason}" for uri, error in zip(file.uris, errors, strict=True)
        )
        self.is_about_content = any(error.content for error in errors)
        self.is_about_network = any(error.retry for error in errors)
        """Then other files will hardly fare better."""


def fetch_file(file: RemoteFile, fetching: Fetching, advance: Callable[[int], None]) -> None:
    """Put a file in its place, complete and verified.

    Args:
        file: What to fetch.
        fetching: What it shares with the other files.
        advance: Told of every change of what has arrived.

    Raises:
        FileFailure: If no address gave it.
        StoppedError: If nothing more is wanted.
        StorageError: If it cannot be written.
    """
    place = place_of(file, fetching.folder)
    errors: list[AddressError] = []
    with explaining_storage("write", place):
        place.parent.mkdir(parents=True, exist_ok=True)
        one = _OneFile(file, Part(place), fetching, advance)
        if one.finish_what_is_complete():
            return
        for uri in file.uris:
            try:
                one.fetch_from(uri)
            except AddressError as error:
                errors.append(error)
                if uri != file.uris[-1]:
                    fetching.progress.note(f"{file.name}: {error.reason}; trying the next address")
            else:
                return
    raise FileFailure(file, errors)


class _OneFile:
    """A file on its way: its part, and how it grows."""

    def __init__(self, file: RemoteFile, part: Part, fetching: Fetching, advance: Callable[[int], None]) -> None:
        self._file = file
        self._part = part
        self._fetching = fetching
        self._advance = advance

    def finish_what_is_complete(self) -> bool:
        """Whether an earlier run had received all of it and only not moved it into place."""
        if self._file.bytes is None or self._part.size < max(self._file.bytes, 1):
            return False
        try:
            self._finish()
        except AddressError:
            return False
        return True

    def fetch_from(self, uri: str) -> None:
        """Fetch it from one address with patience.

        Raises:
            AddressError: If the address does not give it.
        """
        settings = self._fetching.settings
        failed = wrong = 0
        ranges = True
        furthest = self._part.size
        while True:
            try:
                self._receive(uri, ranges=ranges)
                self._finish()
            except AddressError as error:
                if self._fetching.stop.is_set():
                    raise StoppedError from error
                wrong += error.content
                if wrong >= _TRIES_AT_WRONG_CONTENT or not (error.retry or error.content):
                    raise
                failed += not error.content
                if self._part.size >= furthest + _WORTH_COUNTING_BYTES:
                    failed, furthest = 0, self._part.size
                if failed >= settings.attempts:
                    raise
                ranges = ranges and not error.ranges_broken
                self._wait(error, failed)
            else:
                return

    def _receive(self, uri: str, *, ranges: bool) -> None:
        part, file = self._part, self._file
        # A part may go on if a checksum will judge the whole, or if it is this very address that began it.
        may_continue = ranges and (file.checksum is not None or part.is_from(uri))
        if scheme_of(uri) == drive.SCHEME:
            if not (ranges and file.checksum is not None):
                self._discard()
            drive.receive_from_drive(
                uri, part, file, self._fetching.settings, self._fetching.stop, self._advance_or_stop
            )
            return
        opened = self._fetching.client.open if scheme_of(uri) in http.SCHEMES else open_anything
        with opened(uri, part.size if may_continue else 0, part.validator_at(uri)) as body:
            receive(body, part, file, uri, self._advance_or_stop)

    def _finish(self) -> None:
        """Verify the part and let it take the file's place."""
        file, part = self._file, self._part
        if file.bytes is not None and part.size != file.bytes:
            found = part.size
            self._discard()
            raise AddressError(f"expected {file.bytes} bytes, found {found}", content=True)
        if part.size >= _WORTH_A_REMARK_BYTES:
            self._fetching.progress.note(f"{file.name}: checking {part.size:,} bytes")
        found_checksum = checksum_of(part.path, algorithm_of(file.checksum))
        if file.checksum is not None and found_checksum != file.checksum:
            self._discard()
            raise AddressError(f"expected {file.checksum}, found {found_checksum}", content=True)
        part.promote()
        self._fetching.ledger.record(file, found_checksum)

    def _discard(self) -> None:
        self._advance(-self._part.size)
        self._part.discard()

    def _advance_or_stop(self, count: int) -> None:
        if self._fetching.stop.is_set():
            raise StoppedError
        self._advance(count)

    def _wait(self, error: AddressError, failed: int) -> None:
        settings = self._fetching.settings
        doublings = min(max(failed - 1, 0), _MOST_DOUBLINGS)
        backoff_s = settings.backoff_s * 2**doublings * _JITTER.uniform(0.5, 1.0)
        wait_s = min(settings.longest_wait_s, max(backoff_s, error.wait_s))
        self._fetching.progress.note(f"{self._file.name}: {error.reason}; trying again in {wait_s:.1f} s")
        if self._fetching.stop.wait(wait_s):
            raise StoppedError from error
