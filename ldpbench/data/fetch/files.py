"""Files from their publishers and mirrors into a folder: verified, resumable, one process at a time."""

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError, UsageError
from ldpbench.core.locks import waiting_lock
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.fetch.http import HttpClient
from ldpbench.data.fetch.ledger import Ledger, missing_files, place_of
from ldpbench.data.fetch.mirrors import Fetching, FileFailure, fetch_file
from ldpbench.data.fetch.part import Part
from ldpbench.data.fetch.plan import FEW_FILES, announce, known_sizes
from ldpbench.data.fetch.settings import FetchSettings
from ldpbench.records.dataset_source import RemoteFile

LOCK_FILE = ".fetch.lock"
_FAILURES_UNTIL_END = 20
"""After so many files that no address gives, the rest is not tried."""

Advance = Callable[[int], None]
Work = Callable[[RemoteFile], FileFailure | None]
Outcomes = Generator[FileFailure | None, None, None]


def fetch_files(
    files: Sequence[RemoteFile], folder: Path, *, offline: bool = False, jobs: int = 1, progress: Progress = SILENT
) -> None:
    """Make sure that every file lies in the folder, complete and verified.

    What is there and verified is left alone. Whatever ends it early leaves nothing unfinished in place, only
    ``.NAME.part`` files that the next call continues.

    Args:
        files: What to fetch; names must be distinct.
        folder: Where to put it; it is made if need be.
        offline: Open no connection.
        jobs: Files to fetch at a time.
        progress: Where to report.

    Raises:
        MissingPrerequisiteError: If no address gives a file, or one is missing and ``offline`` is set.
        StorageError: If the disk is too small, full, read-only or not ours.
        IntegrityError: If what came is not what was promised; every reason is listed.
        UsageError: If two files have one name, a name leads outside the folder or ``jobs`` is not positive.
    """
    if jobs < 1:
        raise UsageError(f"expected at least 1 job, found {jobs}")
    _refuse_duplicates(files)
    missing = missing_files(files, folder)
    if not missing:
        return
    if offline:
        raise _forbidden(missing, folder)
    settings = FetchSettings.from_environment()
    with waiting_lock(folder / LOCK_FILE, what=f"fetching into {folder}", progress=progress):
        missing = missing_files(files, folder)
        if missing:
            _fetch_missing(missing, folder, settings, jobs, progress)


def _fetch_missing(
    missing: Sequence[RemoteFile], folder: Path, settings: FetchSettings, jobs: int, progress: Progress
) -> None:
    fetching = Fetching(folder, Ledger(folder), settings, HttpClient(settings), progress, threading.Event())
    try:
        sizes = known_sizes(missing, fetching.client)
        with explaining_storage("read", folder):
            progress.note(announce(missing, folder, sizes))
        failures = _fetch_all(missing, fetching, sizes, jobs)
    finally:
        fetching.client.close()
        fetching.ledger.save()
    if failures:
        raise _failed(failures, len(missing))


def _fetch_all(
    missing: Sequence[RemoteFile], fetching: Fetching, sizes: Mapping[str, int], jobs: int
) -> list[FileFailure]:
    failures: list[FileFailure] = []
    with _bars(missing, fetching, sizes, jobs) as bar_of:

        def work(file: RemoteFile) -> FileFailure | None:
            try:
                with bar_of(file) as advance:
                    fetch_file(file, fetching, advance)
            except FileFailure as failure:
                return failure
            return None

        outcomes = _one_by_one(work, missing) if jobs == 1 else _side_by_side(work, missing, fetching, jobs)
        # Closed at once, not when they are collected: connections close after the workers have ended, never before.
        with closing(outcomes), closing(_tracked(outcomes, len(missing), fetching.progress)) as shown:
            for failure in shown:
                if failure is None:
                    continue
                failures.append(failure)
                if failure.is_about_network or len(failures) >= _FAILURES_UNTIL_END:
                    break
    return failures


def _one_by_one(work: Work, missing: Sequence[RemoteFile]) -> Outcomes:
    """Work in this thread, so that Ctrl-C ends it at once."""
    for file in missing:
        yield work(file)


def _side_by_side(work: Work, missing: Sequence[RemoteFile], fetching: Fetching, jobs: int) -> Outcomes:
    """Work in threads. Whatever ends it early, Ctrl-C too, ends them all."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, file) for file in missing]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            fetching.stop.set()
            for future in futures:
                future.cancel()
            fetching.client.interrupt()


def _tracked(outcomes: Outcomes, total: int, progress: Progress) -> Outcomes:
    yield from progress.track(outcomes, label="fetching files", total=total) if total > FEW_FILES else outcomes


@contextmanager
def _bars(
    missing: Sequence[RemoteFile], fetching: Fetching, sizes: Mapping[str, int], jobs: int
) -> Iterator[Callable[[RemoteFile], AbstractContextManager[Advance]]]:
    """What shows bytes: a bar per file; one for all if several come at a time; none if they are many."""

    def arrived(file: RemoteFile) -> int:
        return Part(place_of(file, fetching.folder)).size

    if len(missing) > FEW_FILES:
        yield lambda _: nullcontext(lambda _: None)
    elif jobs == 1 or len(missing) == 1:
        yield lambda file: fetching.progress.transfer(label=file.name, total=sizes.get(file.name), done=arrived(file))
    else:
        total = sum(sizes.values()) if len(sizes) == len(missing) else None
        lock = threading.Lock()
        with fetching.progress.transfer(
            label=f"fetching {len(missing)} files", total=total, done=sum(map(arrived, missing))
        ) as advance:

            def advance_alone(count: int) -> None:
                with lock:
                    advance(count)

            yield lambda _: nullcontext(advance_alone)


def _refuse_duplicates(files: Sequence[RemoteFile]) -> None:
    name, count = Counter(file.name for file in files).most_common(1)[0] if files else ("", 0)
    if count > 1:
        raise UsageError(f"expected distinct names, found {name} {count} times", hint="correct the card")


def _forbidden(missing: Sequence[RemoteFile], folder: Path) -> MissingPrerequisiteError:
    names = ", ".join(file.name for file in missing[:5]) + (", ..." if len(missing) > 5 else "")
    return MissingPrerequisiteError(
        f"{len(missing)} files are not in {folder} or not as expected, and nothing may be fetched offline: {names}",
        hint="run it once with a network, or give a copy you have with --source PATH",
    )


def _failed(failures: Sequence[FileFailure], n_wanted: int) -> LdpbenchError:
    """One error for all that failed, with every reason."""
    first = failures[0]
    reasons = "; ".join(first.reasons)
    message = f"{first.name} could not be fetched: {reasons}"
    if n_wanted > 1:
        message = f"{len(failures)} of {n_wanted} files could not be fetched; {first.name}: {reasons}"
    hint = "run it again later, what has arrived is kept; or give a copy you have with --source PATH"
    if any(failure.is_about_content for failure in failures):
        faults = [f"{failure.name}: {reason}" for failure in failures for reason in failure.reasons]
        return IntegrityError(message, hint=hint, faults=faults)
    others = "".join(f"; {failure.name}: {'; '.join(failure.reasons)}" for failure in failures[1:])
    return MissingPrerequisiteError(message + others, hint=hint)
