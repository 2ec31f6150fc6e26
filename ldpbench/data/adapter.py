"""What an adapter is: the one place that knows a publisher's layouts and what its codes mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from ldpbench.core.errors import UsageError
from ldpbench.core.progress import Progress
from ldpbench.data.sample import Sample
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

STORED_ROLES: tuple[Role, ...] = ("left", "right", "center", "target", "blur_map", "disparity", "depth")
"""The roles that become columns of the prepared dataset, in column order."""

EVERY_SPLIT = "-"
"""The split of files that belong to the whole set, such as calibration."""


@dataclass(frozen=True, kw_only=True)
class StoredSample:
    """One scene as it is stored: the original encoded bytes of every file."""

    id: str
    split: str
    files: Mapping[Role, bytes]
    facts: Mapping[str, object] = field(default_factory=dict)
    """What else is known of the scene, JSON-like."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One scene that a source holds, before it is read or rendered."""

    id: str
    split: str
    load: Callable[[], StoredSample]
    """Reads or renders it. Called once, possibly on another thread."""
    promised: Mapping[Role, ManifestRow] = field(default_factory=dict)
    """What each file must be; the paths are those in the source. Empty for rendered scenes."""
    content: Mapping[Role, str] = field(default_factory=dict)
    """SHA-256 of each file's content as a fingerprint takes it, where an earlier preparation recorded it."""
    size: int
    """Bytes of its files; an estimate for rendered scenes."""


@dataclass(frozen=True)
class Missing:
    """Something of the whole set that the source does not have."""

    split: str
    """The split that lacks it, or ``EVERY_SPLIT``."""
    what: str
    """A file or scene, in words."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What a source holds, found out from names and headers; nothing is read, rendered or written yet."""

    scenes: tuple[Scene, ...]
    layout: str
    """The layout that was recognised."""
    calibration: Mapping[str, ManifestRow] = field(default_factory=dict)
    """Files that belong to the set and not to a scene, by name; the paths are those in the source."""
    leftovers: tuple[ManifestRow, ...] = ()
    """Files that are there of scenes that are not whole. They are checked and not stored."""
    missing: tuple[Missing, ...] = ()
    """Everything of the whole set that is not there."""
    faults: tuple[str, ...] = ()
    """What is wrong already, one line each. Any fault refuses the source."""
    whole: Mapping[str, int] = field(default_factory=dict)
    """Number of scenes of each split, where the card leaves it open and the source settles it."""
    remarks: tuple[str, ...] = ()
    """What the user should know and the record should keep."""


class Adapter(Protocol):
    """Reads one dataset."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """Recognise the layout by its content and list every scene, everything missing and every fault.

        Args:
            card: The dataset's card.
            manifest: The publisher's files; empty where there is no list.
            tree: The source's files; None for a set that is generated from nothing.
            device: Where a set that is simulated is rendered, ``cpu`` or ``cuda``.
            progress: Where to report.

        Raises:
            IntegrityError: If no known layout is found; what was looked for is named.
        """
        ...

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Decode one scene.

        Raises:
            ImageError: If a file is not what the card promises.
        """
        ...


def file_scene(tree: Tree, rows: Mapping[Role, ManifestRow], *, facts: Mapping[str, object] | None = None) -> Scene:
    """A scene whose files lie in a tree.

    Args:
        tree: The source.
        rows: What each file must be, its path being that in the tree.
        facts: What else is known of the scene, JSON-like.
    """
    first = next(iter(rows.values()))

    def load() -> StoredSample:
        files = {role: tree.read(row.path) for role, row in rows.items()}
        return StoredSample(id=first.sample_id, split=first.split, files=files, facts=facts or {})

    size = sum(tree.files[row.path].size for row in rows.values())
    return Scene(id=first.sample_id, split=first.split, load=load, promised=rows, size=size)


def load_adapter(name: str) -> Adapter:
    """The adapter that a card names.

    Raises:
        UsageError: If there is none of that name.
    """
    try:
        module = import_module(f"ldpbench.data.adapters.{name.replace('-', '_')}")
    except ModuleNotFoundError as error:
        raise UsageError(f"no adapter is called {name!r}", hint="correct the card's `adapter`") from error
    return cast(Adapter, module.ADAPTER)
