"""What an adapter is: the one place that knows a publisher's layout and what its codes mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from ldpbench.core.errors import UsageError
from ldpbench.core.progress import Progress
from ldpbench.data.sample import Sample
from ldpbench.data.source import FileSource
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

STORED_ROLES: tuple[Role, ...] = ("left", "right", "center", "target", "blur_map", "depth")
"""The roles that become columns of the prepared dataset, in column order."""


@dataclass(frozen=True, kw_only=True)
class StoredSample:
    """One scene as it is stored: the original encoded bytes of every file."""

    id: str
    split: str
    files: Mapping[Role, bytes]
    facts: Mapping[str, object] = field(default_factory=dict)
    """What else is known of the scene, JSON-like."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What a source holds, before anything is written."""

    samples: Iterator[StoredSample]
    calibration: Mapping[str, bytes]
    """Files that belong to the set and not to a scene, by name."""
    n_samples: int
    missing: tuple[str, ...]
    """Every file or scene of the whole set that the source does not have, in words."""
    source: str
    """Where it came from, for the record."""


class Adapter(Protocol):
    """Reads one dataset."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        files: FileSource | None,
        *,
        allow_partial: bool,
        progress: Progress,
    ) -> Collection:
        """Find and verify every file, and list every fault at once.

        Args:
            card: The dataset's card.
            manifest: The publisher's files; empty for a generated set.
            files: Where they are; None for a generated set.
            allow_partial: Accept a subset.
            progress: Where to report.

        Raises:
            IntegrityError: If a file is altered, or is missing and ``allow_partial`` is off.
            MissingPrerequisiteError: If the source cannot be reached.
        """
        ...

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Decode one scene.

        Raises:
            ImageError: If a file is not what the card promises.
        """
        ...


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
