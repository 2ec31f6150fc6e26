"""A made-up set of tiny 16-bit pictures with a card and manifest of its own, of any size."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ldpbench.core.hashing import sha256_bytes
from ldpbench.data.png16 import encode

SET_ID = "many"
ROLES = ("left", "right", "target")
SIDE_PX = 8


def picture(seed: int) -> bytes:
    """A tiny 16-bit RGB PNG."""
    return encode(np.random.default_rng(seed).integers(0, 65536, (SIDE_PX, SIDE_PX, 3), dtype=np.uint16))


def write_many(root: Path, splits: Mapping[str, int], *, with_sums: bool = True, **card: Any) -> Path:
    """Write ``root/source`` and ``root/plugin``; the plugin root.

    Args:
        root: Where.
        splits: Scenes of each split.
        with_sums: Whether the manifest has sizes and checksums.
        card: Other values for the card's fields.
    """
    rows: list[dict[str, Any]] = []
    for split, count in splits.items():
        for scene in range(count):
            for role in ROLES:
                data = picture(len(rows))
                path = f"set/{split}/{role}/{scene:03d}.png"
                (root / "source" / path).parent.mkdir(parents=True, exist_ok=True)
                (root / "source" / path).write_bytes(data)
                sums = {"bytes": len(data), "sha256": sha256_bytes(data)} if with_sums else {"bytes": "", "sha256": ""}
                facts = {"split": split, "sample_id": f"{split}-{scene:03d}", "role": role}
                rows.append({"path": path, **sums, **facts, "bits": 16, "width_px": SIDE_PX, "height_px": SIDE_PX})
    folder = root / "plugin" / "datasets_cards" / SET_ID
    folder.mkdir(parents=True)
    document = {
        "schema": 1,
        "id": SET_ID,
        "version": "1",
        "title": "Many",
        "summary": "Made up.",
        "licence": "CC0-1.0",
        "redistribution": "yes",
        "access": "manual",
        "manual_steps": "Ask nobody.",
        "adapter": "plain",
        "views": ["left", "right"],
        "channels": 3,
        "bits": 16,
        "encoding": "srgb",
        "width_px": SIDE_PX,
        "height_px": SIDE_PX,
        "splits": dict(splits),
        "tasks": ["deblur"],
        "content": "files",
        "protocols": [{"id": "srgb", "title": "sRGB", "why": "Made up.", "metrics": ["psnr"]}],
    }
    (folder / "card.yaml").write_text(yaml.safe_dump(document | card, sort_keys=False))
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return root / "plugin"
