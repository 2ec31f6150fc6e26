"""From a folder of pictures to a folder of simulated dual-pixel views."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import ldpbench
from ldpbench.core.atomic import explaining_storage, replacing_folder, write_json
from ldpbench.core.errors import ImageError, IntegrityError, LdpbenchError, MissingPrerequisiteError, UsageError
from ldpbench.core.progress import SILENT, Progress
from ldpbench.core.seeding import derive_seed
from ldpbench.data import depth_files, png16
from ldpbench.data.pictures import Picture, blur_map_picture
from ldpbench.simulation.depth_maps import procedural_depth
from ldpbench.simulation.models import Model, SimulatedViews, simulate

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
RECORD_FILE = "simulation.json"
PREVIEW_FILE = "preview.png"
VIEWS = ("left", "right", "center", "target")
_PREVIEW_ROWS = 4
_PREVIEW_HEIGHT_PX = 240


@dataclass(frozen=True)
class Job:
    """One picture and where its depth comes from."""

    picture: Path
    depth: Path | None
    """None: procedural depth."""


def find_jobs(images: Path, depth: Path | None) -> list[Job]:
    """The pictures of a folder in name order, each with the depth file of the same stem.

    Raises:
        MissingPrerequisiteError: If a folder does not exist or holds nothing to work on.
        UsageError: If two pictures would get the same name.
        IntegrityError: If pictures have no depth file; all of them are listed.
    """
    pictures = _files(images, "--images", PICTURE_SUFFIXES)
    stems = [path.stem for path in pictures]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise UsageError(f"{images} holds several pictures called {', '.join(twice)}", hint="give each its own name")
    if depth is None:
        return [Job(path, None) for path in pictures]
    maps = {path.stem: path for path in _files(depth, "--depth", depth_files.SUFFIXES)}
    lacking = [path.name for path in pictures if path.stem not in maps]
    if lacking:
        raise IntegrityError(
            f"{len(lacking)} of {len(pictures)} pictures have no depth file in {depth}",
            hint=f"name it like the picture, ending in {', '.join(depth_files.SUFFIXES)}; or leave out --depth",
            faults=[f"{name}: no depth file" for name in lacking],
        )
    return [Job(path, maps[path.stem]) for path in pictures]


def _files(folder: Path, option: str, suffixes: Sequence[str]) -> list[Path]:
    if not folder.is_dir():
        raise MissingPrerequisiteError(f"{option} {folder} is not a folder", hint="check the path")
    with explaining_storage("read", folder):
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise MissingPrerequisiteError(f"{option} {folder} holds no file ending in {', '.join(suffixes)}")
    return found


def simulate_folder(
    jobs: Sequence[Job],
    out: Path,
    model: Model,
    *,
    name: str,
    bits: int = 8,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Render every picture and write views, target, blur map, depth, a record and a preview; all or nothing.

    Args:
        jobs: What to render.
        out: The folder to make: ``left/``, ``right/``, ``center/``, ``target/`` and ``depth/`` hold PNGs, ``blur_map/``
            holds float32 ``.npy`` in signed pixels.
        model: How to render.
        name: The model's name for the record.
        bits: Bit depth of the pictures that are written, 8 or 16.
        seed: Decides procedural depth and noise; each picture's own seed is derived from it and its name.
        device: Where to render.
        force: Replace a folder that is not a former result.
        progress: Where to report.

    Returns:
        The record, as in ``simulation.json``.

    Raises:
        UsageError: If ``out`` holds something else and ``force`` is off, or the model does not do ``bits``.
        IntegrityError: If pictures or depth maps cannot be used; all of them are listed.
        StorageError: If the disk is full or not ours.
    """
    if out.exists() and not force and not (out / RECORD_FILE).is_file() and any(out.iterdir()):
        raise UsageError(f"--out {out} holds something that is no former result", hint="choose another, or --force")
    _check_all(jobs, progress)
    record: dict[str, Any] = {
        "schema": 1,
        "ldpbench": ldpbench.__version__,
        "model": name,
        "options": _plain(model),
        "seed": seed,
        "bits": bits,
        "pictures": [],
    }
    previews: list[Picture] = []
    with replacing_folder(out) as fresh:
        for folder in (*VIEWS, "blur_map", "depth"):
            (fresh / folder).mkdir()
        for job in progress.track(jobs, label="rendering pictures", total=len(jobs)):
            codes, depth_m, facts = _load(job, bits, seed)
            views = _render(codes, depth_m, model, seed=derive_seed(seed, job.picture.stem), device=device)
            _write(fresh, job.picture.stem, views, depth_m)
            record["pictures"].append({"name": job.picture.stem, **facts, **_range(views)})
            if len(previews) < _PREVIEW_ROWS:
                previews.append(_preview_row(views))
        png16.write(fresh / PREVIEW_FILE, _stacked(previews))
        write_json(fresh / RECORD_FILE, record)
    return record


def _check_all(jobs: Sequence[Job], progress: Progress) -> None:
    """Open everything before anything is rendered, so that all faults are told at once."""
    faults: list[str] = []
    for job in progress.track(jobs, label="checking pictures", total=len(jobs)):
        try:
            codes = png16.read(job.picture)
            if job.depth is not None:
                metres, _ = depth_files.read_depth(job.depth)
                _demand_size(job, codes.shape, metres.shape)
        except LdpbenchError as error:
            faults.append(error.message)
    if len(faults) == 1:
        raise IntegrityError(faults[0], hint="correct or remove it", faults=faults)
    if faults:
        raise IntegrityError(
            f"{len(faults)} of {len(jobs)} pictures cannot be used", hint="correct or remove them", faults=faults
        )


def _demand_size(job: Job, picture: tuple[int, ...], depth: tuple[int, ...]) -> None:
    if picture[:2] != depth:
        expected, found = (f"{size[1]}x{size[0]} px" for size in (picture, depth))
        raise ImageError(
            f"{job.depth}: expected {expected} as {job.picture.name} has, found {found}",
            hint="resize the depth map",
        )


def _load(job: Job, bits: int, seed: int) -> tuple[NDArray[Any], NDArray[np.float64], dict[str, Any]]:
    """Codes (C, H, W) of the wanted bit depth, metres, and facts."""
    codes = png16.read(job.picture)
    planes = codes[None] if codes.ndim == 2 else codes.transpose(2, 0, 1)
    facts: dict[str, Any] = {"picture": job.picture.name, "width_px": codes.shape[1], "height_px": codes.shape[0]}
    if job.depth is None:
        own = derive_seed(seed, "depth", job.picture.stem)
        metres = procedural_depth(codes.shape[0], codes.shape[1], own)
        facts["depth"] = "procedural"
    else:
        metres, filled = depth_files.read_depth(job.depth)
        facts |= {"depth": job.depth.name, "depth_filled": round(filled, 6)}
    return np.ascontiguousarray(_of_bits(planes, bits)), metres, facts


def _of_bits(codes: NDArray[Any], bits: int) -> NDArray[Any]:
    """Codes of another bit depth: the high byte, or the code repeated, so that white stays white."""
    if codes.dtype == np.uint16 and bits == 8:
        return (codes >> 8).astype(np.uint8)
    if codes.dtype == np.uint8 and bits == 16:
        return codes.astype(np.uint16) * np.uint16(257)
    return codes


def _render(
    codes: NDArray[Any], depth_m: NDArray[np.float64], model: Model, *, seed: int, device: str
) -> SimulatedViews:
    sharp = torch.from_numpy(codes)[None].to(device)
    depth = torch.from_numpy(np.ascontiguousarray(depth_m))[None].to(device)
    views = simulate(sharp, depth, model, seed=seed)
    return SimulatedViews(*(value.cpu() for value in views))


def _write(folder: Path, stem: str, views: SimulatedViews, depth_m: NDArray[np.float64]) -> None:
    with explaining_storage("write", folder):
        for view in VIEWS:
            (folder / view / f"{stem}.png").write_bytes(png16.encode(_picture(getattr(views, view))))
        np.save(folder / "blur_map" / f"{stem}.npy", views.blur_px[0].numpy(), allow_pickle=False)
        millimetres = np.clip(np.floor(depth_m * 1000 + 0.5), 1, 65535).astype(np.uint16)
        (folder / "depth" / f"{stem}.png").write_bytes(png16.encode(millimetres))


def _picture(view: torch.Tensor) -> NDArray[Any]:
    codes = view[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(codes[:, :, 0] if codes.shape[2] == 1 else codes)


def _range(views: SimulatedViews) -> dict[str, float]:
    return {"blur_px_min": float(views.blur_px.min()), "blur_px_max": float(views.blur_px.max())}


def _preview_row(views: SimulatedViews) -> Picture:
    """Left, right, centre and blur map side by side, of a common height."""
    import cv2

    pictures = [_picture(getattr(views, name)) for name in ("left", "right", "center")]
    shown = [_of_bits(codes, 8) for codes in pictures]
    shown = [np.repeat(codes[:, :, None], 3, axis=2) if codes.ndim == 2 else codes for codes in shown]
    shown.append(blur_map_picture(views.blur_px[0].numpy()))
    height, width = shown[0].shape[:2]
    size = (max(1, round(width * _PREVIEW_HEIGHT_PX / height)), _PREVIEW_HEIGHT_PX)
    small = [cv2.resize(codes, size, interpolation=cv2.INTER_AREA) for codes in shown]
    return np.asarray(np.hstack(small), dtype=np.uint8)


def _stacked(rows: Sequence[Picture]) -> Picture:
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.vstack(padded)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    return value
