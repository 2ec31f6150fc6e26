"""The scene that everything is timed on, at any size, the same on every machine."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.data.sample import Sample
from ldpbench.simulation.sample_set import PLANS, SampleScene, render_scene


def mirrored_scene(height_px: int, width_px: int) -> Sample:
    """The sample set's first scene, continued by its mirror images to the size that is wanted.

    A pair mirrored left to right has its views exchanged, so the whole is what a dual-pixel camera could have seen.

    Returns:
        Three channels, with a blur map: the blur radius in px.
    """
    scene = _scene()
    left, right, center = (
        plane.astype(np.float32) / np.float32(255) for plane in (scene.left, scene.right, scene.center)
    )
    radius = np.abs(scene.coc).astype(np.float32)
    return Sample(
        id=f"{width_px}x{height_px}",
        dataset="cost",
        split="scene",
        left=_continued(left, right, height_px, width_px),
        right=_continued(right, left, height_px, width_px),
        center=_continued(center, center, height_px, width_px),
        blur_map=_continued(radius, radius, height_px, width_px),
        bits=8,
        encoding="srgb",
        regions={},
    )


@lru_cache(maxsize=1)
def _scene() -> SampleScene:
    return render_scene(PLANS[0])


def _continued(view: NDArray[Any], other: NDArray[Any], height_px: int, width_px: int) -> NDArray[Any]:
    """A view beside the mirror image of the other one, that above its own image upside down, and so on."""
    row = np.concatenate([view, other[:, ::-1]], axis=1)
    block = np.concatenate([row, row[::-1]], axis=0)
    rows, columns = np.arange(height_px) % block.shape[0], np.arange(width_px) % block.shape[1]
    return np.ascontiguousarray(block[np.ix_(rows, columns)])
