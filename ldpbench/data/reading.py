"""Reading and checking scenes ahead of the writer, a bounded number at a time, in order."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from ldpbench.core.errors import ImageError, IntegrityError
from ldpbench.data.adapter import Scene, StoredSample
from ldpbench.data.content import Content, content_sha256
from ldpbench.data.verify import file_fault
from ldpbench.records.dataset_card import Role

_READ_AHEAD = 2
"""Scenes that wait for the writer, beside those that are being read: enough to hide a slow one."""


@dataclass(frozen=True)
class ReadScene:
    """A scene in memory, and what was found."""

    stored: StoredSample
    sha256: Mapping[Role, str]
    """Of the content, as the fingerprint takes it."""
    faults: tuple[str, ...]


def read_scene(scene: Scene, content: Content, dataset_id: str) -> ReadScene:
    """Load one scene, hash every file once, and compare it with what was promised.

    Args:
        scene: The scene.
        content: What the fingerprint is taken of.
        dataset_id: For the names in errors.
    """
    try:
        stored = scene.load()
    except IntegrityError as error:
        nothing = StoredSample(id=scene.id, split=scene.split, files={})
        return ReadScene(nothing, {}, error.faults or (error.message,))
    hashes: dict[Role, str] = {}
    faults: list[str] = []
    for role, data in stored.files.items():
        row = scene.promised.get(role)
        try:
            hashes[role] = content_sha256(data, f"{dataset_id}/{scene.id} {role}", content)
        except ImageError as error:
            faults.append(error.message)
            continue
        fault = file_fault(row, data, hashes[role] if content == "files" else None) if row else None
        if row and fault:
            faults.append(f"{row.path}: {fault}")
    if scene.content and not faults and hashes != dict(scene.content):
        faults.append(f"{scene.split}/{scene.id}: it is not what its record says")
    return ReadScene(stored, hashes, tuple(faults))


def read_ahead(scenes: Iterable[Scene], content: Content, dataset_id: str, *, jobs: int) -> Iterator[ReadScene]:
    """Read scenes on ``jobs`` threads while the caller writes; in order, never more than a few in memory.

    Reading, hashing, rendering and PNG encoding all run outside Python's lock, so threads are enough.
    """
    waiting = iter(scenes)
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="read") as pool:
        queue: deque[Future[ReadScene]] = deque()
        try:
            for scene in islice(waiting, jobs + _READ_AHEAD):
                queue.append(pool.submit(read_scene, scene, content, dataset_id))
            while queue:
                ready = queue.popleft().result()
                for scene in islice(waiting, 1):
                    queue.append(pool.submit(read_scene, scene, content, dataset_id))
                yield ready
        finally:
            for future in queue:
                future.cancel()
