"""A made-up dataset in PixelDP's layout: real file names, sizes and bit depths, invented scenes.

It has a card and a manifest of its own, so everything about preparing such a set can be tried without the real one.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.resources import shipped_root
from ldpbench.data.png16 import encode

SET_ID = "fake-pixeldp"
SCENES = ("001", "002")
HEIGHT_PX, WIDTH_PX = 1512, 2016
GAIN = 0.8
"""How much darker the right view is than the left, everywhere."""


@dataclass(frozen=True)
class FakeSet:
    """Where the made-up set lies."""

    source: Path
    """The publisher's tree."""
    plugin: Path
    """A plugin root that holds the card."""


def _frame(seed: int, low: int, high: int) -> np.ndarray:
    """A smooth 16-bit frame: compresses fast, and is different everywhere."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, size=(HEIGHT_PX // 84, WIDTH_PX // 84))
    return np.kron(coarse, np.ones((84, 84))).astype(np.uint16)


def _files() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for number, scene in enumerate(SCENES):
        light = _frame(number, 0, 9000)
        left, right = light + 1024, np.floor(light * GAIN).astype(np.uint16) + 1024
        left[300, 400], right[300, 400] = 1010, 1020  # below the black level, as in the real set
        peak = float((left[252:1260, 336:1680].astype(float) - 1024).max() / 16383)
        sharp = np.minimum((light[252:1260, 336:1680] / 16383) * 65535, peak * 65535).astype(np.uint16)
        sharp[0, :] = sharp[-1, :] = 0
        sharp[:, 0] = sharp[:, -1] = 0
        defocus = (light[252:1260, 336:1680] // 64).astype(np.uint8)
        files[f"DP_data_pixel_4/{scene}_left.png"] = encode(left)
        files[f"DP_data_pixel_4/{scene}_right.png"] = encode(right)
        files[f"DP_data_pixel_4/gt_all_in_focus_im/{scene}_gt.png"] = encode(sharp)
        files[f"DP_data_pixel_4/gt_defocus_map/{scene}_gt.png"] = encode(defocus)
    sheet = np.full((HEIGHT_PX, WIDTH_PX), 9024, np.uint16)
    files["DP_data_pixel_4/calibration/white_sheet_left.png"] = encode(sheet)
    files["DP_data_pixel_4/calibration/white_sheet_right.png"] = encode(
        (GAIN * 8000 + np.full_like(sheet, 1024)).astype(np.uint16)
    )
    return files


_ROLES = {"gt_all_in_focus_im": "target", "gt_defocus_map": "blur_map", "calibration": "calibration"}


def _manifest_row(path: str, data: bytes) -> dict[str, object]:
    folder, name = path.split("/")[-2:]
    role = _ROLES.get(folder) or ("left" if "left" in name else "right")
    is_view = folder == "DP_data_pixel_4" or role == "calibration"
    return {
        "path": path,
        "bytes": len(data),
        "sha256": sha256_bytes(data),
        "split": "-" if role == "calibration" else "test",
        "sample_id": name if role == "calibration" else name[:3],
        "role": role,
        "bits": 8 if role == "blur_map" else 16,
        "width_px": WIDTH_PX if is_view else 1344,
        "height_px": HEIGHT_PX if is_view else 1008,
    }


def write_fake_pixeldp(folder: Path) -> FakeSet:
    """Write the publisher's tree, and a plugin root with card and manifest."""
    source, card_folder = folder / "source", folder / "plugin" / "datasets_cards" / SET_ID
    files = _files()
    for path, data in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    card_folder.mkdir(parents=True)
    card = yaml.safe_load((shipped_root() / "datasets_cards" / "pixeldp" / "card.yaml").read_text())
    card |= {"id": SET_ID, "title": "Fake", "splits": {"test": len(SCENES)}, "fingerprint": None}
    (card_folder / "card.yaml").write_text(yaml.safe_dump(card))
    rows = [_manifest_row(path, data) for path, data in sorted(files.items())]
    with (card_folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return FakeSet(source, folder / "plugin")
