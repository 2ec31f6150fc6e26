"""Sample pictures of a run: blurry, restored and sharp side by side."""

from pathlib import Path

import numpy as np

from ldpbench.data import png16
from ldpbench.data.pictures import display_picture
from ldpbench.data.sample import Sample
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample

PICTURES_FOLDER = "pictures"
GAP_PX = 4


def draw_comparison(run: Path, deblurrer: Deblurrer, sample: Sample, done: int) -> Path:
    """Write ``pictures/step-NNNNNNNN.png``: the centre view, what the network makes of it, and the target."""
    assert sample.target is not None
    shown = [sample.center_view, restore_sample(deblurrer, sample).image, sample.target]
    panels = [display_picture(values, sample) for values in shown]
    gap = np.full((panels[0].shape[0], GAP_PX, *panels[0].shape[2:]), 255, dtype=np.uint8)
    row = np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=1)
    path = run / PICTURES_FOLDER / f"step-{done:08d}.png"
    png16.write(path, row)
    return path
