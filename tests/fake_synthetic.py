"""Made-up sources of the two synthetic sets: real names, sizes and codes, invented pictures."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from ldpbench.core.resources import shipped_root
from ldpbench.data.pfm import write_pfm
from ldpbench.data.png16 import encode

NYU_FRAMES = 1449
NYU_SIZE = (640, 480)
SYNTHIA_SIZE = (1920, 1080)
SEQUENCES = tuple(f"SEQ{number}" for number in range(1, 7))
_MATLAB_HEAD = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."


def colour_picture(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Blocks of random colour, uint8 (H, W, 3). ``size`` is (W, H)."""
    width, height = size
    coarse = np.random.default_rng(seed).integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


def depth_plane(seed: int, size: tuple[int, int], near_m: float = 0.8, far_m: float = 8.0) -> np.ndarray:
    """A slanted floor with a box in front, metres, float32 (H, W)."""
    width, height = size
    depth = np.broadcast_to(np.linspace(far_m, near_m, height)[:, None], (height, width)).astype(np.float32)
    left = (seed * 7) % max(width // 2, 1)
    depth[height // 4 : height // 2, left : left + width // 4] = near_m
    return depth


def nyu_frame(number: int, size: tuple[int, int] = NYU_SIZE) -> tuple[np.ndarray, np.ndarray]:
    """What ``write_nyu_mat`` puts into a frame, as pictures: colour (H, W, 3) and depth (H, W)."""
    return colour_picture(number, size), depth_plane(number, size)


def write_nyu_mat(
    path: Path,
    frames: Iterable[int] = (1, 2, 1001, 1350),
    *,
    count: int = NYU_FRAMES,
    size: tuple[int, int] = NYU_SIZE,
    changes: Mapping[int, np.ndarray] | None = None,
) -> Path:
    """Write a MATLAB 7.3 file with the names and axes of NYU's labelled subset.

    Args:
        path: Where.
        frames: Numbers, from 1, of the frames to fill; all others are plain grey, 3 m away, and take no space.
        count: Frames in all.
        size: (W, H) of a frame.
        changes: Depth (H, W) to use instead, by frame number.
    """
    width, height = size
    with h5py.File(path, "w", userblock_size=512) as file:
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": 1}
        images = file.create_dataset(
            "images", (count, 3, width, height), "u1", chunks=(1, 3, width, height), fillvalue=128, **packed
        )
        depths = file.create_dataset("depths", (count, width, height), "<f4", chunks=(1, width, height), fillvalue=3.0)
        file.create_dataset("rawDepths", (count, width, height), "<f4", chunks=(1, width, height), fillvalue=0.0)
        for number in (number for number in frames if number <= count):
            colour, depth = nyu_frame(number, size)
            images[number - 1] = colour.transpose(2, 1, 0)
            depths[number - 1] = (changes or {}).get(number, depth).T
    with path.open("r+b") as stream:
        stream.write(_MATLAB_HEAD.ljust(512, b" "))
    return path


def write_ddd_tree(root: Path, numbers: Mapping[str, Iterable[int]], size: tuple[int, int] = NYU_SIZE) -> Path:
    """Write the tree of the authors' script: for each folder such as ``training`` the files of some numbers."""
    for folder, those in numbers.items():
        for number in those:
            for seed, name in enumerate(("dp/{:04d}_l.png", "dp/{:04d}_r.png", "gt/{:04d}_m.png")):
                _write(root / "NYU" / folder / name.format(number), encode(colour_picture(10 * number + seed, size)))
            _write(root / "NYU" / folder / f"disp/{number:04d}_dm.pfm", write_pfm(depth_plane(number, size)))
    return root


def depth_codes(depth_m: np.ndarray) -> np.ndarray:
    """SYNTHIA's 24-bit codes of a depth, uint8 (H, W, 3), red lowest."""
    codes = np.round(depth_m.astype(np.float64) / 1000 * (2**24 - 1)).astype(np.int64)
    return np.stack([(codes >> shift) & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)


def write_synthia_sf(
    root: Path,
    frames: int = 1,
    size: tuple[int, int] = (96, 64),
    *,
    sequences: Iterable[str] = SEQUENCES,
    flat: bool = False,
) -> Path:
    """Write sequences in SYNTHIA-SF's folders.

    Args:
        root: Where.
        frames: Frames of each sequence.
        size: (W, H).
        sequences: Their names.
        flat: Whether each frame has one depth only, which renders fast.
    """
    for place, name in enumerate(sequences):
        for frame in range(frames):
            seed = 100 * place + frame
            depth = np.full(size[::-1], 6.0 + place) if flat else depth_plane(seed, size, 1.5, 60.0)
            _write(root / name / "RGBLeft" / f"{frame:07d}.png", encode(colour_picture(seed, size)))
            _write(root / name / "DepthLeft" / f"{frame:07d}.png", encode(depth_codes(depth)))
            _write(root / name / "RGBRight" / f"{frame:07d}.png", b"not needed, not read")
    return root


def write_rdpd_tree(root: Path, frames: int = 1, size: tuple[int, int] = (96, 64)) -> Path:
    """Write the tree of the authors' script, whole: 30 sequences, those of SEQ3 as both val and test."""
    top = root / "dd_dp_dataset_synth_vid"
    for number in range(1, 31):
        for split in ("val", "test") if number % 6 == 3 else ("train",):
            for frame in range(frames):
                for seed, place in enumerate(("l/source", "r/source", "c/source", "c/target")):
                    picture = colour_picture(1000 * number + 10 * frame + seed, size)
                    _write(top / f"{split}_{place}" / f"seq_{number:03d}" / f"{frame:07d}.png", encode(picture))
    return root


def write_card(root: Path, shipped: str, new_id: str, **changes: Any) -> Path:
    """A plugin root with a card like a shipped one; the root."""
    card = yaml.safe_load((shipped_root() / "datasets_cards" / shipped / "card.yaml").read_text(encoding="utf-8"))
    folder = root / "datasets_cards" / new_id
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(yaml.safe_dump({**card, "id": new_id, **changes}), encoding="utf-8")
    return root


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
