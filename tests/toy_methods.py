"""Plugin folders made up for tests."""

from pathlib import Path

import yaml


def write_method(root: Path, method_id: str, body: str, *, attributes: str = "", **record: object) -> Path:
    """Write ``root/baselines/<id>`` whose ``restore`` has the given body; returns the folder.

    The body sees left, right, center, blur_map, torch, os and self; ``attributes`` go into the class.
    """
    folder = root / "baselines" / method_id
    folder.mkdir(parents=True)
    fields = {
        "schema": 1,
        "id": method_id,
        "version": "1",
        "title": method_id,
        "summary": "Made up for a test.",
        "kind": "reference",
        "inputs": ["left", "right"],
        "licence_code": "Apache-2.0",
    } | record
    (folder / "baseline.yaml").write_text(yaml.safe_dump(fields))
    extra = "".join(f"    {line}\n" for line in attributes.splitlines())
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    (folder / "__init__.py").write_text(
        "import os\nimport torch\nfrom ldpbench.api import Deblurrer, SizeRule\n\n\n"
        f"class Method(Deblurrer):\n    inputs = {tuple(fields['inputs'])!r}\n{extra}\n"
        f"    def restore(self, *, left, right, center, blur_map):\n{lines}\n\n"
        "def build():\n    return Method()\n"
    )
    return folder


def write_network(root: Path, method_id: str = "toy-net", **record: object) -> Path:
    """Write ``root/baselines/<id>``: a network of one convolution, with a variant for both views and one for one.

    It adds its answer to the centre; 16 entries of its state dict are the convolution's kernel, so weights are easily
    made up. Fields in ``record`` go into the record beside ``variants``.
    """
    folder = root / "baselines" / method_id
    folder.mkdir(parents=True)
    common = {
        "schema": 1,
        "id": method_id,
        "version": "1",
        "title": "Toy",
        "summary": "Made up for a test.",
        "kind": "network",
        "licence_code": "MIT",
        "size": {"multiple_of": 4, "minimum_px": 8},
        "inference": {"default": "whole", "supported": ["whole", "tiled", "windows", "crop"]},
    }
    published = {"name": "toy.pth", "uris": ["https://example.org/toy.pth"], "licence": "MIT"}
    variants = {
        "dual": {
            "title": "Toy (dual)",
            "inputs": ["left", "right"],
            "options": {"channels": 6, "width": 4},
            "parameters": 331,
            "weights": [published],
        },
        "single": {
            "title": "Toy (single)",
            "inputs": ["center"],
            "options": {"channels": 3, "width": 4},
            "weights": [{**published, "name": "single.pth"}],
        },
    }
    fields = common | {"variants": variants} | record
    (folder / "baseline.yaml").write_text(yaml.safe_dump(fields, sort_keys=False))
    (folder / "__init__.py").write_text(_NETWORK)
    return folder


_NETWORK = """
import torch
from torch import nn
from ldpbench.api import NetworkMethod


class Net(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x):
        if any(side % 4 for side in x.shape[-2:]):
            raise RuntimeError("expected multiples of 4")
        return x[:, -3:] + self.last(torch.relu(self.first(x)))


def build_network(channels=6, width=4):
    return Net(channels, width)


def infer_options(shapes):
    first = shapes.get("first.weight", ())
    return {"channels": first[1], "width": first[0]} if len(first) == 4 else None


class Toy(NetworkMethod):
    def restore(self, *, left, right, center, blur_map):
        given = [view for view in (left, right, center) if view is not None]
        return self.network(torch.cat(given, dim=1))


def build(network, record):
    return Toy(network, record)
"""
