"""RDPD: 30 sequences that Abuolaim et al. (ICCV 2021) rendered from the six of SYNTHIA-SF with five camera sets.

Nobody hands the pictures out. They are rendered here with the radial distortion that the paper's models were trained
with, or taken as the authors' script wrote them. Validation and test are the same frames and are stored once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError, IntegrityError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection, Missing, Scene, StoredSample
from ldpbench.data.adapters.plain import Plain
from ldpbench.data.layouts.rdpd import RDPD_SEQUENCES, RdpdSequence, collect_written, whole_counts
from ldpbench.data.layouts.rendered import batch_of, png_of
from ldpbench.data.layouts.synthia import Synthia, SynthiaFrame, find_synthia
from ldpbench.data.png16 import decode
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role
from ldpbench.simulation.rdpd import RDPD_SETS, sequence_shape, simulate_rdpd, synthia_depth_m


class Rdpd(Plain):
    """The adapter. What is stored are ordinary pictures, so they are decoded as such."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """Scenes to render from SYNTHIA-SF, or else the files that the authors' script wrote."""
        del manifest, progress
        assert tree is not None, "the card is not of a generated set"
        synthia = find_synthia(tree)
        if synthia is not None:
            return _rendered(synthia, _Renderer(tree, card, device))
        found = collect_written(tree, card)
        if found is None:
            raise IntegrityError(
                f"{tree.name} holds neither pictures in folders such as SEQ1/RGBLeft and SEQ1/DepthLeft nor "
                "in folders such as train_l/source/seq_001",
                hint="give the folder with SEQ1 to SEQ6 of SYNTHIA-SF, or the one that the authors' script writes",
            )
        return found


@dataclass(frozen=True)
class _Renderer:
    """Renders frames of a tree."""

    tree: Tree
    card: DatasetCard
    device: str

    def size(self, frame: SynthiaFrame) -> int:
        """About what the four pictures of a frame take: each as much as the sharp one."""
        return 4 * self.tree.files[frame.colour].size

    def render(self, sequence: RdpdSequence, frame: SynthiaFrame, position: int) -> StoredSample:
        """All pictures of one scene."""
        optics = RDPD_SETS[f"rdpd/set{sequence.camera_set}"]
        depth_m = synthia_depth_m(self._codes(frame.depth))
        views = simulate_rdpd(
            batch_of(self._codes(frame.colour), self.device),
            torch.from_numpy(depth_m)[None].to(self.device),
            optics.camera,
            sequence_shape(sequence.source_index),
            distortion=optics.distortion,
        )
        files: dict[Role, bytes] = {
            "left": png_of(views.left),
            "right": png_of(views.right),
            "center": png_of(views.center),
            "target": png_of(views.target),
        }
        return StoredSample(
            id=sequence.scene_id(frame.name), split=sequence.split, files=files, facts=sequence.facts(position)
        )

    def _codes(self, path: str) -> NDArray[np.uint8]:
        codes = decode(self.tree.read(path), path)
        expected = (self.card.height_px, self.card.width_px, self.card.channels)
        if codes.dtype != np.uint8 or codes.shape != expected:
            raise ImageError(
                f"{path}: expected uint8 {expected}, found {codes.dtype} {codes.shape}", hint="fetch the file again"
            )
        return codes.astype(np.uint8, copy=False)


def _rendered(synthia: Synthia, renderer: _Renderer) -> Collection:
    scenes = [
        Scene(
            id=sequence.scene_id(frame.name),
            split=sequence.split,
            load=partial(renderer.render, sequence, frame, position),
            size=renderer.size(frame),
        )
        for sequence in RDPD_SEQUENCES
        for position, frame in enumerate(synthia.sequences.get(sequence.source, ()))
    ]
    splits = {sequence.source: sequence.split for sequence in RDPD_SEQUENCES}
    missing = [Missing(splits[source], what) for source, what in synthia.missing.items()]
    return Collection(
        scenes=tuple(scenes),
        layout="synthia",
        missing=tuple(missing),
        faults=synthia.faults,
        whole=whole_counts(scenes, missing),
        remarks=tuple(_remarks(synthia)),
    )


def _remarks(synthia: Synthia) -> Iterator[str]:
    counts = ", ".join(f"{name} {len(frames)}" for name, frames in synthia.sequences.items())
    yield f"Nobody published the number of frames of SYNTHIA-SF, so it cannot be checked. Found: {counts or 'none'}."
    for name, frames in synthia.sequences.items():
        numbers = [int(frame.name) for frame in frames if frame.name.isdigit()]
        if numbers and len(numbers) == len(frames) < numbers[-1] - numbers[0] + 1:
            yield f"The numbers of {name}'s frames have gaps between {frames[0].name} and {frames[-1].name}."


ADAPTER = Rdpd()
