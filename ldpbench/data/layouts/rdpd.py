"""RDPD's published layout: which of its 30 sequences is made how, and the tree that the authors' script writes."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ldpbench.data.adapter import Collection, Missing, Scene, file_scene
from ldpbench.data.layouts.synthia import SEQUENCES, in_natural_order
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

CAMERA_SETS = 5
TEST_SEQUENCE = "SEQ3"
"""Its renderings are both validation and test set; all others are for training."""
CLIP_STARTS: Mapping[int, tuple[int, int]] = {3: (15, 39), 9: (93, 127), 15: (116, 23), 21: (94, 163), 27: (178, 104)}
"""First frames, counted from 0, of the two clips that the authors score in each test sequence; as they told later, for
their own list is not in the release."""
CLIP_FRAMES = 4


@dataclass(frozen=True)
class RdpdSequence:
    """One of the 30 sequences: a source sequence through a camera set.

    Args:
        number: From 1, camera set after camera set.
    """

    number: int

    @property
    def camera_set(self) -> int:
        """The camera set, counted from 0."""
        return (self.number - 1) // len(SEQUENCES)

    @property
    def source_index(self) -> int:
        """The source sequence, counted from 0 in name order. It also decides the kernel."""
        return (self.number - 1) % len(SEQUENCES)

    @property
    def source(self) -> str:
        """The source sequence's name."""
        return SEQUENCES[self.source_index]

    @property
    def split(self) -> str:
        """``train`` or ``test``."""
        return "test" if self.source == TEST_SEQUENCE else "train"

    @property
    def folder(self) -> str:
        """Its folder in the published layout."""
        return f"seq_{self.number:03d}"

    def scene_id(self, frame: str) -> str:
        """The id of a frame of that name."""
        return f"{self.folder}-{frame}"

    def facts(self, position: int) -> dict[str, object]:
        """What is known of a frame.

        Args:
            position: Its place in the sequence, counted from 0.
        """
        starts = [start for start in CLIP_STARTS.get(self.number, ()) if start <= position < start + CLIP_FRAMES]
        clip = {"clip": f"{self.folder}-{starts[0]}"} if starts else {}
        return {"camera_set": self.camera_set, "sequence": self.source, "position": position, **clip}


RDPD_SEQUENCES = tuple(RdpdSequence(number) for number in range(1, CAMERA_SETS * len(SEQUENCES) + 1))

_PATH = re.compile(
    r"(?:(?P<root>.*)/)?(?P<split>train|val|test)_(?P<place>[lrc]/(?:source|target))/seq_(?P<number>\d{3})/(?P<frame>[^/]+)\.png"
)
_PLACES: Mapping[Role, str] = {"left": "l/source", "right": "r/source", "center": "c/source", "target": "c/target"}

_Paths = dict[Role, dict[str, str]]
"""Path of every frame by role and name."""
_Found = dict[tuple[str, int], _Paths]
"""By split and number of the sequence."""


def collect_written(tree: Tree, card: DatasetCard) -> Collection | None:
    """The scenes of the tree that the authors' script writes; None if there is no file of it.

    Args:
        tree: The source.
        card: What the pictures must be.
    """
    found, twice = _find(tree)
    if not found:
        return None
    faults = [*twice, *_misplaced(found), *_differing(tree, found)]
    scenes: list[Scene] = []
    leftovers: list[ManifestRow] = []
    missing: list[Missing] = []
    for sequence in RDPD_SEQUENCES:
        paths = found.get((sequence.split, sequence.number))
        if paths is None:
            missing.append(Missing(sequence.split, f"{sequence.split}_l, _r and _c of {sequence.folder}"))
            continue
        for position, frame in enumerate(_frames(found, sequence.source_index)):
            rows = {
                role: _row(card, sequence, frame, role, paths[role][frame]) for role in _PLACES if frame in paths[role]
            }
            missing += [
                Missing(sequence.split, f"{sequence.split}_{place}/{sequence.folder}/{frame}.png")
                for role, place in _PLACES.items()
                if role not in rows
            ]
            if len(rows) == len(_PLACES):
                scenes.append(file_scene(tree, rows, facts=sequence.facts(position)))
            else:
                leftovers += rows.values()
    return Collection(
        scenes=tuple(scenes),
        layout="generated",
        leftovers=tuple(leftovers),
        missing=tuple(missing),
        faults=tuple(faults),
        whole=whole_counts(scenes, missing),
        remarks=("The tree does not say whether the radial distortion was on when it was written.",),
    )


def whole_counts(scenes: list[Scene], missing: list[Missing]) -> dict[str, int]:
    """Scenes of every split that nothing is missing of: nobody published the numbers, so what is there settles them."""
    splits = dict.fromkeys(sequence.split for sequence in RDPD_SEQUENCES)
    lacking = {gap.split for gap in missing}
    return {split: sum(scene.split == split for scene in scenes) for split in splits if split not in lacking}


def _find(tree: Tree) -> tuple[_Found, list[str]]:
    """The files of the set, at any depth, and every folder that is there twice."""
    found: _Found = defaultdict(lambda: {role: {} for role in _PLACES})
    twice: dict[str, None] = {}
    roles = {place: role for role, place in _PLACES.items()}
    for path in tree.files:
        match = _PATH.fullmatch(path)
        if match and match["place"] in roles:
            frames = found[match["split"], int(match["number"])][roles[match["place"]]]
            first = frames.setdefault(match["frame"], path)
            if first != path:
                folders = (name.rpartition("/")[0] for name in (first, path))
                twice[f"found the same files in {' and in '.join(folders)}"] = None
    return dict(found), list(twice)


def _frames(found: _Found, source_index: int) -> list[str]:
    """Names of the frames of a source sequence: the camera sets and splits must agree on them."""
    names = {
        frame
        for (_, number), paths in found.items()
        if (number - 1) % len(SEQUENCES) == source_index
        for files in paths.values()
        for frame in files
    }
    return in_natural_order(names)


def _misplaced(found: _Found) -> Iterator[str]:
    expected = {sequence.number: sequence.split for sequence in RDPD_SEQUENCES}
    for split, number in sorted(found):
        if number not in expected:
            yield f"{split}: expected seq_001 to seq_{len(RDPD_SEQUENCES):03d}, found seq_{number:03d}"
        elif {"val": "test"}.get(split, split) != expected[number]:
            yield f"{split}: found seq_{number:03d}, which is of {expected[number]}: the sequences are out of order"


def _differing(tree: Tree, found: _Found) -> Iterator[str]:
    """Where validation and test frames are not the same files, as far as names and sizes tell."""
    for (split, number), paths in found.items():
        test = found.get(("test", number))
        if split != "val" or test is None:
            continue
        for role, place in _PLACES.items():
            sizes = [{frame: tree.files[path].size for frame, path in files[role].items()} for files in (paths, test)]
            if sizes[0] != sizes[1]:
                names = in_natural_order(frame for frame, _ in set(sizes[0].items()) ^ set(sizes[1].items()))
                yield (
                    f"val_{place}/seq_{number:03d}: expected the same files as in test_{place}, found another "
                    f"{names[0]}.png, and {len(set(names)) - 1} more"
                )


def _row(card: DatasetCard, sequence: RdpdSequence, frame: str, role: Role, path: str) -> ManifestRow:
    return ManifestRow(
        path=path,
        split=sequence.split,
        sample_id=sequence.scene_id(frame),
        role=role,
        channels=card.channels,
        bits=card.bits,
        width_px=card.width_px,
        height_px=card.height_px,
    )
