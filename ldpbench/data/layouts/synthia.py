"""SYNTHIA-SF: six rendered sequences of colour pictures with 24-bit depth codes, in the publisher's folders.

``SEQk/RGBLeft/0000000.png`` goes with the file of the same name and place in ``SEQk/DepthLeft``.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ldpbench.data.tree import Tree

SEQUENCES = tuple(f"SEQ{number}" for number in range(1, 7))
"""In the order that decides what is made of each."""
COLOUR, DEPTH = "RGBLeft", "DepthLeft"

_Folders = dict[str, dict[str, str]]
"""Folder to the files in it: name without ending to path."""


@dataclass(frozen=True)
class SynthiaFrame:
    """One frame: its name without ending, and the paths of its two files."""

    name: str
    colour: str
    depth: str


@dataclass(frozen=True)
class Synthia:
    """What a tree holds of the six sequences."""

    sequences: Mapping[str, tuple[SynthiaFrame, ...]]
    """Frames of every whole sequence, in order."""
    missing: Mapping[str, str]
    """What is not there of the others, by sequence."""
    faults: tuple[str, ...]


def find_synthia(tree: Tree) -> Synthia | None:
    """The sequences of a tree, at any depth; None if there is no folder with a publisher's name.

    Args:
        tree: The source.
    """
    found = _folders(tree)
    if not found:
        return None
    faults = [_stray(name, found[name]) for name in sorted(set(found) - set(SEQUENCES))]
    sequences: dict[str, tuple[SynthiaFrame, ...]] = {}
    missing: dict[str, str] = {}
    for name in SEQUENCES:
        kinds = found.get(name, {})
        lacking = [kind for kind in (COLOUR, DEPTH) if kind not in kinds]
        twice = [f"{name}/{kind}: found in {' and in '.join(kinds[kind])}" for kind in kinds if len(kinds[kind]) > 1]
        if lacking:
            missing[name] = name if len(lacking) == 2 else f"{name}/{lacking[0]}"
        elif twice:
            faults += twice
        else:
            colour, depth = (next(iter(kinds[kind].values())) for kind in (COLOUR, DEPTH))
            faults += _unpaired(name, colour, depth)
            both = in_natural_order(set(colour) & set(depth))
            sequences[name] = tuple(SynthiaFrame(frame, colour[frame], depth[frame]) for frame in both)
    return Synthia(sequences, missing, tuple(faults))


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Names sorted so that numbers in them count as numbers."""
    return sorted(names, key=lambda name: ([_rank(part) for part in re.split(r"([0-9]+)", name) if part], name))


def _rank(part: str) -> tuple[bool, int, str]:
    return (False, int(part), "") if part[0] in "0123456789" else (True, 0, part)


def _folders(tree: Tree) -> dict[str, dict[str, _Folders]]:
    """Pictures by sequence, kind and folder."""
    found: dict[str, dict[str, _Folders]] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for text in tree.files:
        path = PurePosixPath(text)
        if path.suffix.lower() == ".png" and path.parent.name in (COLOUR, DEPTH) and len(path.parts) > 2:
            found[path.parts[-3]][path.parent.name][str(path.parent)][path.stem] = text
    return found


def _stray(name: str, kinds: Mapping[str, _Folders]) -> str:
    folder = PurePosixPath(next(iter(next(iter(kinds.values()))))).parent
    return (
        f"{folder}: expected {SEQUENCES[0]} to {SEQUENCES[-1]} only, found {name}; a sequence's place in the list of "
        "folders decides its camera sets and kernel, so another folder would shift those behind it"
    )


def _unpaired(sequence: str, colour: Mapping[str, str], depth: Mapping[str, str]) -> list[str]:
    """Frames that have only one of the two files. Pairs go by position, so one gap would shift all behind it."""
    return [
        f"{sequence}/{kind}/{name}.png: missing, but {sequence}/{other} has it"
        for kind, other, lacks in (
            (DEPTH, COLOUR, set(colour) - set(depth)),
            (COLOUR, DEPTH, set(depth) - set(colour)),
        )
        for name in in_natural_order(lacks)
    ]
