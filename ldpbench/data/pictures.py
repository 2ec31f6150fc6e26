"""Pictures for people: 8-bit, display encoded, from values of any encoding."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.data.png16 import to_codes
from ldpbench.data.sample import Sample

Picture = NDArray[np.uint8]


def display_picture(values: NDArray[np.float32], sample: Sample) -> Picture:
    """Values of a sample's pictures as display codes.

    Linear values are divided by the white level and encoded by a square root, the domain in which the PixelDP ground
    truth was made; sRGB values are display codes already.

    Args:
        values: float (H, W, C).
        sample: Whose encoding and white level to use.

    Returns:
        uint8 (H, W) for one channel, else (H, W, 3).
    """
    shown = values if sample.encoding == "srgb" else np.sqrt(np.clip(values / sample.white_level, 0.0, 1.0))
    codes = to_codes(shown, 8).astype(np.uint8)
    return codes[:, :, 0] if codes.shape[2] == 1 else codes


def blur_map_picture(blur_map: NDArray[np.float32]) -> Picture:
    """A blur map as colours, (H, W, 3): blue nearer, white in focus, red farther for a signed map; else dark to bright.

    Pixels without ground truth are grey.
    """
    known = np.isfinite(blur_map)
    values = np.where(known, blur_map, 0.0)
    if (values < 0).any():
        reach = max(float(np.abs(values).max()), 1.0)
        share = values / reach
        red, blue = 1.0 + np.minimum(share, 0.0), 1.0 - np.maximum(share, 0.0)
        colours = np.stack([red, np.minimum(red, blue), blue], axis=2)
        picture = to_codes(colours, 8).astype(np.uint8)
    else:
        codes = to_codes(values / max(float(values.max()), 1e-6), 8).astype(np.uint8)
        picture = np.ascontiguousarray(cv2.applyColorMap(codes, cv2.COLORMAP_VIRIDIS)[:, :, ::-1]).astype(np.uint8)
    picture[~known] = 128
    return picture


def sample_pictures(sample: Sample) -> dict[str, Picture]:
    """Every picture a sample has, for a page: ``blurry``, ``left``, ``right``, ``target``, ``blur_map``."""
    pictures = {"blurry": sample.center_view, "left": sample.left, "right": sample.right, "target": sample.target}
    shown = {name: display_picture(values, sample) for name, values in pictures.items() if values is not None}
    if sample.blur_map is not None:
        shown["blur_map"] = blur_map_picture(sample.blur_map)
    return shown
