"""Decoded scenes where the trainer can reach them at once: on the GPU, in memory, or in files that are mapped."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldpbench.blurmap.estimator import BlurMapEstimator
from ldpbench.core.atomic import explaining_storage, replacing_folder
from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_document
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.sample import Sample
from ldpbench.training.config import CacheWhere

DECODING_THREADS = 4


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene, as it was stored: codes where they are exact, so that 16 bits take 2 bytes and not 4.

    Args:
        pictures: (3 C, H, W): left, right, target. uint8; int16 with the bits of uint16; or float32.
        scale: A value is code / scale, in [0, 1] at the scene's white.
        maps: float16 (2, H, W): blur logits and probability; None where no map is wanted.
    """

    pictures: Tensor
    scale: float
    maps: Tensor | None

    @property
    def bytes(self) -> int:
        """Memory taken."""
        maps = 0 if self.maps is None else self.maps.nbytes
        return int(self.pictures.nbytes + maps)


@dataclass(frozen=True, eq=False)
class Scenes:
    """All scenes of a split."""

    scenes: tuple[Scene, ...]
    device: torch.device
    """Where they lie."""

    @property
    def bytes(self) -> int:
        """Memory taken."""
        return sum(scene.bytes for scene in self.scenes)


def encode_scene(
    sample: Sample, estimator: BlurMapEstimator | None
) -> tuple[NDArray[np.generic], float, Tensor | None]:
    """A sample's pictures as codes with their scale, and its maps.

    Raises:
        UsageError: If the sample has no target.
    """
    if sample.target is None:
        raise UsageError(
            f"{sample.dataset}/{sample.split}/{sample.id} has no target to train towards",
            hint="choose a set with the task deblur",
        )
    values = np.concatenate([view.transpose(2, 0, 1) for view in (sample.left, sample.right, sample.target)])
    codes, scale = _codes(values, sample.bits)
    maps = None
    if estimator is not None:
        blur = estimator.estimate_sample(sample)
        maps = torch.from_numpy(np.stack([blur.logits, blur.probability])).to(torch.float16)
    return codes, scale * sample.white_level, maps


def _codes(values: NDArray[np.float32], bits: int) -> tuple[NDArray[np.generic], float]:
    """The codes that values came from, if every value comes back exactly; else the values themselves."""
    largest = np.float32(2**bits - 1)
    codes = np.rint(values * largest)
    if not np.array_equal((codes / largest).astype(np.float32), values):
        return values, 1.0
    kept = codes.astype(np.uint8) if bits == 8 else codes.astype(np.uint16).view(np.int16)
    return kept, float(largest)


def load_scenes(
    samples: Sequence[Sample],
    estimator: BlurMapEstimator | None,
    *,
    where: CacheWhere,
    device: torch.device,
    folder: Path,
    mark: Sequence[str],
    progress: Progress = SILENT,
) -> Scenes:
    """Decode every scene of a split once.

    Args:
        samples: The split.
        estimator: Of the blur maps; None if none are wanted.
        where: ``gpu``: on ``device``. ``ram``: in memory. ``disk``: in files under ``folder``, which are mapped and
            shared by all processes of a machine; a second run finds them there.
        device: Of the training.
        folder: For ``disk``.
        mark: What names the content of those files: fingerprint, split, estimator.
        progress: Where to report.

    Raises:
        UsageError: If a scene has no target, or ``gpu`` is asked for without one.
        StorageError: If the disk is full.
    """
    if where == "gpu" and device.type != "cuda":
        raise UsageError("cache gpu: the training runs on the CPU", hint="choose the cache `ram`")
    place = device if where == "gpu" else torch.device("cpu")

    if where == "disk":
        load = _on_disk(samples, estimator, folder / sha256_document(list(mark))[:24])
    else:
        load = _in_memory(samples, estimator, place)
    with ThreadPoolExecutor(DECODING_THREADS) as pool:
        jobs = pool.map(load, range(len(samples)))
        scenes = tuple(progress.track(jobs, label="decoding scenes", total=len(samples)))
    return Scenes(scenes, place)


def _in_memory(
    samples: Sequence[Sample], estimator: BlurMapEstimator | None, place: torch.device
) -> Callable[[int], Scene]:
    def load(index: int) -> Scene:
        codes, scale, maps = encode_scene(samples[index], estimator)
        return Scene(torch.from_numpy(codes).to(place), scale, None if maps is None else maps.to(place))

    return load


def _on_disk(samples: Sequence[Sample], estimator: BlurMapEstimator | None, folder: Path) -> Callable[[int], Scene]:
    def load(index: int) -> Scene:
        kept = folder / f"{index:06d}"
        if not kept.is_dir():
            codes, scale, maps = encode_scene(samples[index], estimator)
            with replacing_folder(kept) as fresh:
                np.save(fresh / "pictures.npy", codes)
                np.save(fresh / "scale.npy", np.float64(scale))
                if maps is not None:
                    np.save(fresh / "maps.npy", maps.numpy())
        with explaining_storage("read", kept):
            # Copy-on-write: torch wants writable memory, and nothing is ever written.
            pictures = np.load(kept / "pictures.npy", mmap_mode="c", allow_pickle=False)
            scale = float(np.load(kept / "scale.npy", allow_pickle=False))
            wanted = estimator is not None
            maps_ = np.load(kept / "maps.npy", mmap_mode="c", allow_pickle=False) if wanted else None
        return Scene(torch.from_numpy(pictures), scale, None if maps_ is None else torch.from_numpy(maps_))

    return load
