"""Pictures that any other program made, scored like those of our own methods."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_bytes, sha256_document
from ldpbench.core.names import ID_PATTERN
from ldpbench.core.progress import Progress
from ldpbench.data.sample import Sample
from ldpbench.evaluation.deblurring import Keeping, Made, Reading, score_image
from ldpbench.evaluation.predictions import SUFFIXES, decode
from ldpbench.evaluation.reading import read_as
from ldpbench.evaluation.scoring import prepare_targets
from ldpbench.methods.find import find_methods
from ldpbench.methods.map_methods import map_method_names
from ldpbench.records import MethodRef, Protocol
from ldpbench.records.baseline import InputView
from ldpbench.records.run import OUTPUTS_ONLY

_IMAGE_LIKE = (*SUFFIXES, ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".exr")
"""Files that somebody may have meant as pictures; others, such as a README, are nobody's fault."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """A folder of pictures and what to call their maker.

    Args:
        folder: One picture for each scene, named by the scene's id.
        name: The id of the method.
        title: For people; None for the name.
        inputs: The views that it was given.
        allow_partial: Accept that pictures are missing; the run is partial then and not ranked.
    """

    folder: Path
    name: str
    title: str | None = None
    inputs: tuple[InputView, ...] = ("left", "right")
    allow_partial: bool = False


@dataclass(frozen=True, kw_only=True)
class OutputFolder:
    """The same, checked: every picture was decoded once, and fits its scene as far as the card tells."""

    ref: MethodRef
    files: dict[str, Path]
    """By id of the scene."""


def open_outputs(
    asked: Outputs, ids: Sequence[str], sizes: tuple[int, int], channels: int, progress: Progress
) -> OutputFolder:
    """Check a folder of pictures, all faults at once.

    Args:
        asked: The folder and its maker's name.
        ids: Of all scenes that are to be scored.
        sizes: Height and width of the scenes in pixels; either may be the longer one.
        channels: 1 or 3.
        progress: Where to report, and to say what is odd but no fault.

    Raises:
        UsageError: If the name is not one, or is that of another method.
        MissingPrerequisiteError: If the folder is not there, or pictures are missing.
        IntegrityError: If pictures are damaged, of another size, or there are two of one scene.
    """
    _demand_name(asked.name)
    files = _found(asked, ids, progress)
    faults, hashes, shallow = [], [], 0
    for name, path in progress.track(files.items(), label=f"checking {asked.folder}", total=len(files)):
        with explaining_storage("read", path):
            data = path.read_bytes()
        hashes.append([name, sha256_bytes(data)])
        try:
            image = decode(data, str(path))
        except LdpbenchError as error:
            faults.append(error.message)
            continue
        if sorted(image.shape[:2]) != sorted(sizes) or image.shape[2] != channels:
            faults.append(f"{path}: expected {sizes[1]}x{sizes[0]}x{channels}, found {_size(image.shape)}")
        shallow += path.suffix.lower() != ".npy" and _has_8_bits(data, path)
    if faults:
        raise IntegrityError(
            f"{len(faults)} of {len(files)} pictures in {asked.folder} cannot be scored: {faults[0]}",
            hint="see docs/predictions.md for what is expected",
            faults=faults,
        )
    if shallow:
        progress.warn(f"{shallow} of {len(files)} pictures have 8 bits: rounding costs up to 0.04 dB at 38 dB")
    ref = MethodRef(
        id=asked.name,
        version="1",
        title=asked.title or asked.name,
        kind=OUTPUTS_ONLY,
        inputs=asked.inputs,
        code_sha256=sha256_document(hashes),
    )
    return OutputFolder(ref=ref, files=files)


def _demand_name(name: str) -> None:
    if not re.fullmatch(ID_PATTERN, name):
        raise UsageError(f"--method-name {name!r}: expected small letters, digits and dashes", hint="such as my-net-2")
    if name in find_methods() or name in map_method_names():
        raise UsageError(
            f"--method-name {name}: a method of that name is installed", hint="choose another name for these pictures"
        )


def _found(asked: Outputs, ids: Sequence[str], progress: Progress) -> dict[str, Path]:
    """The picture of every scene that has one."""
    if not asked.folder.is_dir():
        raise MissingPrerequisiteError(f"{asked.folder} is not a folder", hint="give the folder with the pictures")
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(asked.folder.iterdir()):
        if path.is_file() and path.suffix.lower() in _IMAGE_LIKE:
            by_stem.setdefault(path.stem, []).append(path)
    twice = [name for name in ids if len(by_stem.get(name, [])) > 1]
    if twice:
        faults = [f"{name}: {', '.join(path.name for path in by_stem[name])}" for name in twice]
        raise IntegrityError(
            f"{asked.folder} has several pictures of {len(twice)} scenes: {faults[0]}", hint="keep one", faults=faults
        )
    missing = [name for name in ids if name not in by_stem]
    if missing and (not asked.allow_partial or len(missing) == len(ids)):
        raise MissingPrerequisiteError(
            f"{asked.folder} has no picture of {len(missing)} of {len(ids)} scenes: {', '.join(missing[:5])}"
            f"{', ...' if len(missing) > 5 else ''}",
            hint=f"name them by the scene, such as {ids[0]}.png, or accept that with --allow-partial",
        )
    others = sorted(by_stem.keys() - set(ids))
    if others:
        progress.warn(f"{len(others)} pictures in {asked.folder} are of no scene of the split: {', '.join(others[:5])}")
    return {name: by_stem[name][0] for name in ids if name in by_stem}


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}x{shape[2]}"


def _has_8_bits(data: bytes, path: Path) -> bool:
    from ldpbench.data import png16

    return png16.decode(data, str(path)).dtype.itemsize == 1


def score_output(
    outputs: OutputFolder, sample: Sample, protocols: tuple[Protocol, ...], reading: Reading, keeping: Keeping
) -> Made:
    """Score the picture of one scene.

    Raises:
        MissingPrerequisiteError: If there is none.
        IntegrityError: If it is not of the scene's size.
        MethodError: If it has values that are not finite.
    """
    path = outputs.files.get(sample.id)
    if path is None:
        raise MissingPrerequisiteError(f"there is no picture of {sample.id}", hint="add it, and run the command again")
    with explaining_storage("read", path):
        image = decode(path.read_bytes(), str(path))
    read = read_as(sample, *reading)
    if image.shape != read.left.shape:
        raise IntegrityError(f"{path}: expected {_size(read.left.shape)}, found {_size(image.shape)}")
    return score_image(image, read, prepare_targets(read, protocols), protocols, keeping)
