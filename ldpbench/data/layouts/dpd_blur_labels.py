"""What a DPD-blur archive may say of its own pairs and groups, compared with the published lists."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from ldpbench.data.tree import Tree

LABEL_FILES = {"indoor": "indoor_labels", "outdoor": "outdoor_labels"}
_SUFFIXES = (".npy", ".txt")


def read_labels(tree: Tree) -> dict[str, tuple[str, list[int]]]:
    """The label arrays in a tree: group to (path, positions as they stand there), for those that are there.

    Raises:
        ValueError: If a file is not a list of integers, or two files of one group do not say the same.
    """
    found: dict[str, tuple[str, list[int]]] = {}
    for group, stem in LABEL_FILES.items():
        paths = [path for path in tree.files if PurePosixPath(path).stem == stem and path.endswith(_SUFFIXES)]
        said = {path: _positions(path, tree.read(path)) for path in paths}
        for path, positions in said.items():
            if sorted(positions) != sorted(said[paths[0]]):
                raise ValueError(f"{paths[0]} and {path}: expected the same positions in both")
        if paths:
            path = min(paths, key=lambda name: (_SUFFIXES.index(PurePosixPath(name).suffix), len(name), name))
            found[group] = (path, said[path])
    return found


def _positions(path: str, data: bytes) -> list[int]:
    try:
        if path.endswith(".npy"):
            values = np.load(io.BytesIO(data), allow_pickle=False).ravel()
        else:
            values = np.array(data.decode().replace(",", " ").split(), dtype=np.float64)
    except (ValueError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a list of positions: {error}") from error
    whole = values.astype(np.int64)
    if not np.issubdtype(values.dtype, np.number) or (whole != values).any():
        raise ValueError(f"{path}: expected whole numbers, found {values.dtype}")
    return [int(value) for value in whole]


def label_fault(labels: Mapping[str, Sequence[int]], count: int) -> str | None:
    """Why two lists are not a partition of the positions 1 to ``count``, or None if they are."""
    every = sorted(position for positions in labels.values() for position in positions)
    if every == list(range(1, count + 1)):
        return None
    if every == list(range(count)):
        return "the labels count from 0, expected from 1"
    if len(set(every)) < len(every):
        return "a position is in both lists or twice in one"
    return f"expected the positions 1 to {count} once each, found {len(every)} from {every[:1]} to {every[-1:]}"


def pair_faults(tree: Tree, pairs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Where an index that comes with the loose tree contradicts the published pairs.

    Args:
        tree: The source; its ``config/combined/<split>/metadata.jsonl`` are read, if they are there.
        pairs: For each split, source number to target number.
    """
    faults = []
    for path in tree.files:
        parts = PurePosixPath(path).parts
        if len(parts) < 3 or parts[-1] != "metadata.jsonl" or parts[-3] != "combined" or parts[-2] not in pairs:
            continue
        for number, line in enumerate(tree.read(path).decode(errors="replace").splitlines(), start=1):
            fault = _line_fault(line, pairs[parts[-2]])
            if fault:
                faults.append(f"{path} line {number}: {fault}")
    return faults


def _line_fault(line: str, pairs: Mapping[str, str]) -> str | None:
    if not line.strip():
        return None
    try:
        entry = json.loads(line)
        source, target = (PurePosixPath(entry[key]).stem for key in ("source_file_name", "target_file_name"))
    except (ValueError, KeyError, TypeError):
        return "expected JSON with source_file_name and target_file_name"
    if pairs.get(source) == target:
        return None
    return f"pairs {source} with {target}, expected {pairs.get(source, 'no such source')}"
