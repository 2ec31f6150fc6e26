"""What of a dataset is wanted: all of it, some splits, or a few scenes of each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.data.adapter import EVERY_SPLIT, Collection, Missing
from ldpbench.records import DatasetCard, ManifestRow


@dataclass(frozen=True)
class Selection:
    """What is wanted.

    Args:
        splits: Names of splits, in the card's order.
        max_scenes: At most so many scenes of each split; None for all.
    """

    splits: tuple[str, ...]
    max_scenes: int | None = None

    @classmethod
    def of(cls, card: DatasetCard, splits: Sequence[str], max_scenes: int | None) -> "Selection":
        """The selection a user asked for; no split means all.

        Raises:
            UsageError: If a split is unknown or the number is below 1.
        """
        if max_scenes is not None and max_scenes < 1:
            raise UsageError(f"--max-scenes: expected at least 1, found {max_scenes}")
        wanted = set()
        for name in splits or card.splits:
            split = card.split_name(name)
            if split is None:
                raise unknown_name(f"split of {card.id}", name, [*card.splits, *card.aliases])
            wanted.add(split)
        return cls(tuple(split for split in card.splits if split in wanted), max_scenes)

    def rows(self, manifest: Iterable[ManifestRow]) -> tuple[ManifestRow, ...]:
        """The files that are needed for it."""
        seen: dict[str, dict[str, None]] = {}
        kept = []
        for row in manifest:
            if row.role == "calibration":
                kept.append(row)
            elif row.split in self.splits:
                scenes = seen.setdefault(row.split, {})
                if self.max_scenes is None or row.sample_id in scenes or len(scenes) < self.max_scenes:
                    scenes[row.sample_id] = None
                    kept.append(row)
        return tuple(kept)

    def apply(self, collection: Collection) -> Collection:
        """The collection without what is not wanted; what was left out of a wanted split counts as missing.

        Scenes are put into the card's order of splits.
        """
        taken: Counter[str] = Counter()
        scenes = []
        for scene in sorted(collection.scenes, key=lambda scene: self._rank(scene.split)):
            if scene.split in self.splits:
                taken[scene.split] += 1
                if self.max_scenes is None or taken[scene.split] <= self.max_scenes:
                    scenes.append(scene)
        missing = [gap for gap in collection.missing if gap.split in (*self.splits, EVERY_SPLIT)]
        if self.max_scenes is not None:
            # Gaps beyond the scenes that were asked for do not matter, and those within them cannot be told apart.
            missing = [gap for gap in missing if gap.split == EVERY_SPLIT or taken[gap.split] < self.max_scenes]
        return replace(collection, scenes=tuple(scenes), missing=tuple(missing))

    def left_out(self, collection: Collection) -> tuple[Missing, ...]:
        """What ``apply`` leaves out of the wanted splits because only so many scenes were asked for."""
        counts = Counter(scene.split for scene in collection.scenes)
        return tuple(
            Missing(split, f"{counts[split] - self.max_scenes} more scenes of {split}: not asked for")
            for split in self.splits
            if self.max_scenes is not None and counts[split] > self.max_scenes
        )

    def _rank(self, split: str) -> int:
        return self.splits.index(split) if split in self.splits else len(self.splits)
