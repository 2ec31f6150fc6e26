"""DDD-syn: 5000 training and 500 test pairs that Pan et al. (CVPR 2021) rendered from NYU Depth v2.

Nobody hands the pictures out. They are rendered here from the authors' source file, or taken as the authors' script
wrote them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

import torch

from ldpbench.core.errors import IntegrityError, UsageError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection, Missing, Scene, StoredSample
from ldpbench.data.adapters.plain import unit_pictures
from ldpbench.data.layouts.by_manifest import collect_placed
from ldpbench.data.layouts.locate import place_manifest
from ldpbench.data.layouts.nyu import NyuFrames
from ldpbench.data.layouts.rendered import batch_of, png_of
from ldpbench.data.pfm import read_pfm, write_pfm
from ldpbench.data.sample import Sample
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role
from ldpbench.simulation.ddd import DDD_CAMERAS, simulate_ddd

SCENE_BYTES = 2_700_000
"""About what one scene's files take: three pictures and a plane of float32."""


@dataclass(frozen=True)
class Part:
    """The scenes of one parameter set.

    Args:
        folder: Their folder in the published layout.
        split: Their split.
        camera: The parameter set's name in ``DDD_CAMERAS``.
        frames: Numbers of their NYU frames, counted from 1.
        offset: A file's number is the frame's number plus this.
        suffix: What the authors' list of test scenes adds to the number, because two folders use the same ones.
        group: The group of scenes, where the split has groups.
    """

    folder: str
    split: str
    camera: str
    frames: range
    offset: int
    suffix: str = ""
    group: str | None = None

    def file_number(self, frame: int) -> str:
        """The number in the file names of the published layout."""
        return f"{frame + self.offset:04d}"

    def scene_id(self, frame: int) -> str:
        """The scene's id, unique in the whole set."""
        return self.file_number(frame) + self.suffix

    def facts(self, frame: int) -> dict[str, object]:
        """What is known of the scene, beside its group."""
        return {"parameter_set": self.camera.removeprefix("ddd/"), "nyu_frame": frame}


PARTS = (
    *(Part("training", "train", f"ddd/train{number}", range(1, 1001), 1000 * number) for number in range(5)),
    Part("testing", "test", "ddd/test", range(1001, 1351), 5000, "", "testing"),
    Part("testing1", "test", "ddd/test1", range(1001, 1151), 5000, "_h", "testing1"),
)
"""Where every scene comes from, as in the authors' script and list."""

_FILES: Mapping[Role, str] = {
    "left": "dp/{}_l.png",
    "right": "dp/{}_r.png",
    "target": "gt/{}_m.png",
    "disparity": "disp/{}_dm.pfm",
}
"""The files of a scene in its part's folder."""


class DddSyn:
    """The adapter."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """Scenes to render from NYU's labelled file, or else the files that the authors' script wrote."""
        del manifest
        assert tree is not None, "the card is not of a generated set"
        refused: list[str] = []
        for path in (path for path in tree.files if path.lower().endswith(".mat")):
            try:
                frames = NyuFrames(tree, path, width_px=card.width_px, height_px=card.height_px)
            except IntegrityError as error:
                refused.append(error.message)
                continue
            return _rendered(frames, device)
        found = _generated(tree, card)
        if found is None:
            raise IntegrityError(
                refused[0]
                if len(refused) == 1
                else f"{tree.name} holds neither nyu_depth_v2_labeled.mat nor files such as training/dp/0001_l.png",
                hint="give nyu_depth_v2_labeled.mat, or the folder NYU that the authors' script writes",
                faults=refused,
            )
        for reason in refused:
            progress.note(f"not used: {reason}")
        return found

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Codes / 255, and the disparity in px as it is stored."""
        del calibration
        pictures = unit_pictures(stored, card)
        group = stored.facts.get("group")
        return Sample(
            id=stored.id,
            dataset=card.id,
            split=stored.split,
            bits=card.bits,
            encoding=card.encoding,
            left=pictures["left"],
            right=pictures["right"],
            target=pictures["target"],
            disparity=read_pfm(stored.files["disparity"], f"{card.id}/{stored.id} disparity"),
            group=None if group is None else str(group),
            regions={},
        )


def _rendered(frames: NyuFrames, device: str) -> Collection:
    scenes: list[Scene] = []
    missing: list[Missing] = []
    for part in PARTS:
        there = range(part.frames.start, min(part.frames.stop, len(frames) + 1))
        for number in there:
            load = partial(_render, frames, part, number, device)
            scenes.append(Scene(id=part.scene_id(number), split=part.split, load=load, size=SCENE_BYTES))
        if len(there) < len(part.frames):
            first = max(part.frames.start, len(frames) + 1)
            missing.append(Missing(part.split, f"frames {first} to {part.frames[-1]} of NYU for {part.camera}"))
    return Collection(scenes=tuple(scenes), layout="nyu", missing=tuple(missing))


def _render(frames: NyuFrames, part: Part, number: int, device: str) -> StoredSample:
    colour, depth = frames.read(number)
    depth_m = torch.from_numpy(depth)[None].to(device)
    try:
        views = simulate_ddd(batch_of(colour, device), depth_m, DDD_CAMERAS[part.camera])
    except UsageError as error:
        raise IntegrityError(
            f"frame {number} of {frames.where}: {error.message}", hint="fetch the file again"
        ) from error
    files: dict[Role, bytes] = {
        "left": png_of(views.left),
        "right": png_of(views.right),
        "target": png_of(views.target),
        "disparity": write_pfm(views.disparity[0].cpu().numpy()),
    }
    group = {} if part.group is None else {"group": part.group}
    return StoredSample(id=part.scene_id(number), split=part.split, files=files, facts={**group, **part.facts(number)})


def _generated(tree: Tree, card: DatasetCard) -> Collection | None:
    """The files as the authors' script wrote them; None if there are none."""
    # The same file names occur below several folders, so a source inside of one of them cannot be told from another.
    folders = {part.folder for part in PARTS}
    paths = [path for path in tree.files if PurePosixPath(path).parent.parent.name in folders]
    rows = tuple(_rows(card))
    places = place_manifest(paths, rows)
    if not places:
        return None
    facts = {(part.split, part.scene_id(number)): part.facts(number) for part in PARTS for number in part.frames}
    found = collect_placed(tree, rows, places, layout="generated", facts=facts)
    return replace(found, scenes=tuple(_with_canonical_disparity(scene) for scene in found.scenes))


def _rows(card: DatasetCard) -> Iterator[ManifestRow]:
    for part in PARTS:
        for number in part.frames:
            for role, name in _FILES.items():
                is_plane = role == "disparity"
                yield ManifestRow(
                    path=f"{part.folder}/{name.format(part.file_number(number))}",
                    split=part.split,
                    sample_id=part.scene_id(number),
                    role=role,
                    group=part.group,
                    channels=1 if is_plane else card.channels,
                    bits=32 if is_plane else card.bits,
                    width_px=card.width_px,
                    height_px=card.height_px,
                )


def _with_canonical_disparity(scene: Scene) -> Scene:
    """The scene with its PFM written anew, because headers may differ and the fingerprint is that of values."""

    def load() -> StoredSample:
        stored = scene.load()
        values = read_pfm(stored.files["disparity"], scene.promised["disparity"].path)
        return replace(stored, files={**stored.files, "disparity": write_pfm(values)})

    return replace(scene, load=load)


ADAPTER = DddSyn()
