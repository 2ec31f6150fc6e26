"""Made-up DPD-blur and DPD-disp sets in every packaging: real folders, file names and counts, tiny invented pictures.

The plugin cards differ from the shipped ones in their ids and in the size of the pictures only.
"""

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from ldpbench.core.resources import shipped_root
from ldpbench.data.cards import dataset_manifest
from ldpbench.data.png16 import encode
from ldpbench.records import ManifestRow

BLUR_ID, DISP_ID = "fake-dpd-blur", "fake-dpd-disp"
WIDTH_PX, HEIGHT_PX = 12, 8
Files = dict[str, bytes]


@cache
def blur_files() -> Mapping[str, bytes]:
    """The official layout: 2000 16-bit RGB PNGs by manifest path."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 65536, (2000, HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint16)
    return {row.path: encode(codes[index]) for index, row in enumerate(dataset_manifest("dpd-blur"))}


@cache
def disp_files() -> Mapping[str, bytes]:
    """The flat layout: 300 JPEGs and 100 single-channel TIFFs."""
    rng = np.random.default_rng(1)
    files: Files = {}
    for row in dataset_manifest("dpd-disp"):
        if row.role == "disparity":
            plane = rng.integers(0, 229, (HEIGHT_PX, WIDTH_PX), dtype=np.uint8)
            # PackBits, as in the one map that the authors released.
            data = cv2.imencode(".tif", plane, [cv2.IMWRITE_TIFF_COMPRESSION, 32773])[1]
        else:
            picture = np.kron(rng.integers(0, 256, (1, 2, 3), dtype=np.uint8), np.ones((8, 6, 1), np.uint8))
            data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        files[row.path] = data.tobytes()
    return files


def rows_of(split: str) -> list[ManifestRow]:
    """The manifest's rows of a split."""
    return [row for row in dataset_manifest("dpd-blur") if row.split == split]


def thinned(files: Mapping[str, bytes], scenes: int) -> Files:
    """The files of the first few scenes of every split, of any packaging that keeps the published names."""
    kept: set[str] = set()
    for split in ("train", "val", "test"):
        ids = list(dict.fromkeys(row.sample_id for row in rows_of(split)))[:scenes]
        kept |= {Path(row.path).stem for row in rows_of(split) if row.sample_id in ids}
    return {path: data for path, data in files.items() if not path.endswith(".png") or Path(path).stem in kept}


def write_cards(root: Path, scenes: int | None = None, **changes: Any) -> Path:
    """A plugin root with both cards for pictures of the made-up size.

    Args:
        root: Where.
        scenes: Only the first few scenes of every split; None for all.
        changes: Other values for fields of both cards.
    """
    for real, fake in (("dpd-blur", BLUR_ID), ("dpd-disp", DISP_ID)):
        source, folder = shipped_root() / "datasets_cards" / real, root / "datasets_cards" / fake
        folder.mkdir(parents=True)
        card = yaml.safe_load((source / "card.yaml").read_text())
        card |= {"id": fake, "width_px": WIDTH_PX, "height_px": HEIGHT_PX} | changes
        if scenes is not None:
            card |= {"splits": dict.fromkeys(card["splits"], scenes), "groups": {}}
        (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
        with (source / "manifest.csv").open(newline="") as stream:
            lines = list(csv.DictReader(stream))
        if scenes is not None:
            first = [row["sample_id"] for split in card["splits"] for row in _firsts(lines, split)[:scenes]]
            lines = [line for line in lines if line["sample_id"] in first]
        with (folder / "manifest.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(lines[0]))
            writer.writeheader()
            writer.writerows(line | {"width_px": WIDTH_PX, "height_px": HEIGHT_PX} for line in lines)
    return root


def _firsts(lines: list[dict[str, str]], split: str) -> list[dict[str, str]]:
    """One line for each scene of a split."""
    return list({line["sample_id"]: line for line in reversed(lines) if line["split"] == split}.values())[::-1]


def official(prefix: str = "dd_dp_dataset_canon/dd_dp_dataset_png/") -> Files:
    """The official archive's members."""
    return {prefix + path: data for path, data in blur_files().items()}


def loose() -> Files:
    """The loose tree with its index."""
    files = official("dd_dp_dataset_png/")
    for split in ("train", "val", "test"):
        pairs = {row.sample_id: row.path for row in rows_of(split) if row.role == "target"}
        lines = [
            json.dumps(
                {
                    "source_file_name": f"../../../dd_dp_dataset_png/{split}_c/source/{source}.png",
                    "target_file_name": f"../../../dd_dp_dataset_png/{target}",
                }
            )
            for source, target in pairs.items()
        ]
        files[f"config/combined/{split}/metadata.jsonl"] = ("\n".join(lines) + "\n").encode()
    return files


_FOLDERS = {"center": "inputC", "left": "inputL", "right": "inputR", "target": "target"}


def restormer(split: str, names: str = "numbers", *, labels: str | None = "npy", top: bool = True) -> Files:
    """The members of one of Restormer's archives.

    Args:
        split: Which one.
        names: ``numbers`` (the source's number everywhere), ``published`` (as in the official layout) or ``counted``
            (1.png, 2.png, ...).
        labels: ``npy``, ``txt`` or None.
        top: Whether the archive has a top folder named like the split.
    """
    files: Files = {}
    seen: dict[str, int] = {}
    for row in rows_of(split):
        seen[row.role] = seen.get(row.role, 0) + 1
        own = Path(row.path).stem
        stem = {"numbers": row.sample_id, "published": own, "counted": str(seen[row.role])}[names]
        files[f"{split}/{_FOLDERS[row.role]}/{stem}.png"] = blur_files()[row.path]
    if split == "test" and labels:
        files |= label_files(labels)
    return files if top else {path.removeprefix(f"{split}/"): data for path, data in files.items()}


def label_files(kind: str = "npy", offset: int = 1) -> Files:
    """The label arrays, counted from ``offset``."""
    scenes = [row for row in rows_of("test") if row.role == "center"]
    files: Files = {}
    for group in ("indoor", "outdoor"):
        positions = [index + offset for index, row in enumerate(scenes) if row.group == group]
        if kind == "txt":
            files[f"test/{group}_labels.txt"] = "\n".join(map(str, positions)).encode()
        else:
            buffer = io.BytesIO()
            np.save(buffer, np.array(positions))
            files[f"test/{group}_labels.npy"] = buffer.getvalue()
    return files


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Pack files as a program on a Mac would, with its junk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("__MACOSX/._junk.png", b"junk")
    return path


def write_tree(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files as a tree."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def restormer_zips(root: Path, names: str = "numbers") -> Path:
    """The three archives in one folder."""
    for split in ("train", "val", "test"):
        write_zip(root / f"{split}.zip", restormer(split, names))
    return root
