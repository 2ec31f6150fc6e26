"""Blur maps kept on disk, each under a key made of everything that decides it.

A file is written beside its place and renamed, so any number of processes may share a folder; two that compute the same
map write the same file. Nothing is ever thrown away but by ``clear``.
"""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator, Image
from ldpbench.core.atomic import explaining_storage, storage_error, write_bytes
from ldpbench.core.hashing import canonical_json
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.sample import Sample

_SUFFIX = ".safetensors"
_FORMAT = 1
"""Part of every key: another format never meets the files of this one."""


_ABOUT = "blur-map"
"""The entry of a file's metadata: a JSON document with the name of the normalisation and a checksum."""


class CacheSize(NamedTuple):
    """What a cache holds, or what was taken out of it."""

    maps: int
    bytes: int


class CachedEstimator(BlurMapEstimator):
    """An estimator that remembers. It gives exactly what the inner one gives, to the last bit.

    Args:
        inner: Who makes the maps.
        folder: Where they are kept; made when the first one is written.
        progress: Where damaged files are reported.
        code_sha256: Of the sources of an estimator whose version nobody vouches for, such as a plugin at work.
    """

    id = "cached"

    def __init__(
        self,
        inner: BlurMapEstimator,
        folder: Path,
        progress: Progress = SILENT,
        *,
        code_sha256: str | None = None,
    ) -> None:
        self.inner = inner
        self.folder = folder
        self._code = {} if code_sha256 is None else {"code": code_sha256}
        self.hits = 0
        """Maps that were found."""
        self.misses = 0
        """Maps that the inner estimator had to make."""
        self._progress = progress

    @property
    def identity(self) -> dict[str, Any]:
        """That of the inner estimator: remembering changes no value."""
        return self.inner.identity

    @property
    def options(self) -> dict[str, Any]:
        """Those of the inner estimator."""
        return self.inner.options

    @property
    def weights_sha256(self) -> str | None:
        """Those of the inner estimator."""
        return self.inner.weights_sha256

    @property
    def parameters(self) -> int | None:
        """Those of the inner estimator."""
        return self.inner.parameters

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """See ``BlurMapEstimator``.

        Raises:
            StorageError: If a map cannot be read or written.
        """
        path = self.path_of(left, right)
        found = self._read(path, left.shape[:2])
        if found is not None:
            self.hits += 1
            return found
        self.misses += 1
        made = self.inner.estimate(left, right)
        write_bytes(path, _encoded(made))
        return made

    def estimate_sample(self, sample: Sample) -> BlurMap:
        """The map of a scene; one that the inner estimator takes from the scene itself is not kept."""
        if type(self.inner).estimate_sample is not BlurMapEstimator.estimate_sample:
            return self.inner.estimate_sample(sample)
        return super().estimate_sample(sample)

    def path_of(self, left: Image, right: Image) -> Path:
        """Where the map of a pair is kept, whether it is there or not."""
        views = [np.ascontiguousarray(view) for view in (left, right)]
        about = {
            "format": _FORMAT,
            "estimator": {**self.inner.identity, **self._code},
            "views": [[view.dtype.str, *view.shape] for view in views],
        }
        digest = hashlib.sha256(canonical_json(about).encode())
        for view in views:
            digest.update(view.data)
        return self.folder / self.inner.id / f"{digest.hexdigest()}{_SUFFIX}"

    def _read(self, path: Path, shape: tuple[int, ...]) -> BlurMap | None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, "read", path) from error
        try:
            return _decoded(data, shape)
        except ValueError as error:
            self._progress.warn(
                f"the cached blur map {path} is damaged and is made again: {' '.join(str(error).split())}"
            )
            return None


def cache_size(folder: Path) -> CacheSize:
    """How much a cache holds."""
    sizes = [path.stat().st_size for path in folder.glob(f"*/*{_SUFFIX}")]
    return CacheSize(len(sizes), sum(sizes))


def clear(folder: Path) -> CacheSize:
    """Throw every map of a cache away and say how much it was. Other files stay.

    Raises:
        StorageError: If a map cannot be removed.
    """
    held = cache_size(folder)
    with explaining_storage("empty", folder):
        for path in folder.glob(f"*/*{_SUFFIX}"):
            path.unlink(missing_ok=True)
    for emptied in [*folder.glob("*/"), folder]:
        with contextlib.suppress(OSError):  # gone already, or not empty because somebody else writes
            emptied.rmdir()
    return held


def _encoded(made: BlurMap) -> bytes:
    planes = {
        name: np.ascontiguousarray(plane, dtype=np.float32)
        for name, plane in (("logits", made.logits), ("probability", made.probability))
    }
    about = {"normalisation": made.normalisation, "sha256": _checksum(planes, made.normalisation)}
    # One entry: the library writes several in any order, and equal maps would become unequal files.
    return bytes(save(planes, metadata={_ABOUT: canonical_json(about)}))


def _decoded(data: bytes, shape: tuple[int, ...]) -> BlurMap:
    """Read a file back.

    Raises:
        ValueError: If it is not what was written.
    """
    try:
        planes = load(data)
        header_bytes = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + header_bytes])
        about = json.loads(header["__metadata__"][_ABOUT])
        is_whole = about["sha256"] == _checksum(planes, about["normalisation"])
    except (KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise ValueError(f"no blur map can be read from it: {error}") from error
    if not is_whole:
        raise ValueError("its checksum is wrong")
    if planes["logits"].shape != shape:
        raise ValueError(f"expected a map of {shape}, found {planes['logits'].shape}")
    return BlurMap(probability=planes["probability"], logits=planes["logits"], normalisation=about["normalisation"])


def _checksum(planes: dict[str, Any], normalisation: str) -> str:
    about = [normalisation, *([name, plane.dtype.str, *plane.shape] for name, plane in sorted(planes.items()))]
    digest = hashlib.sha256(canonical_json(about).encode())
    for name in ("logits", "probability"):
        digest.update(planes[name].tobytes())
    return digest.hexdigest()
