"""NYU Depth v2, the labelled subset: colour and in-filled depth of 1449 frames in one MATLAB file.

The file is of MATLAB 7.3, which is HDF5. MATLAB counts axes the other way round: its (480, 640, 3, 1449) is
(1449, 3, 640, 480) here.

Source: Silberman et al., ECCV 2012.
"""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import h5py
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.atomic import explaining_storage, storage_error
from ldpbench.core.errors import IntegrityError, LdpbenchError, StorageError
from ldpbench.data.picture_files import looks_like_html
from ldpbench.data.tree import Tree

_HINT = "fetch nyu_depth_v2_labeled.mat again, or give its path with --source"
_HEAD_BYTES = 512
_COPY_BYTES = 1 << 20


class NyuFrames:
    """The frames of one file, read one at a time, so that memory holds only those in use.

    It stays open as long as the object lives.

    Args:
        tree: Where the file lies.
        path: Its path there.
        width_px: Width of every frame.
        height_px: Height of every frame.

    Raises:
        IntegrityError: If it is not the labelled subset; the message says what it is instead.
        StorageError: If it cannot be read.
    """

    def __init__(self, tree: Tree, path: str, *, width_px: int, height_px: int) -> None:
        self.where = f"{path} in {tree.name}"
        # HDF5 allows one thread at a time, and a frame is two reads of one stream.
        self._lock = threading.Lock()
        stream = _seekable(tree, path)
        try:
            with explaining_storage("read", Path(self.where)):
                head = stream.read(_HEAD_BYTES)
            with _explaining(self.where, _kind(head)):
                file = h5py.File(stream, "r")
        except BaseException:
            stream.close()
            raise
        weakref.finalize(self, _close, file, stream)
        with _explaining(self.where, "its variables cannot be read"):
            self._images = self._dataset(file, "images", np.uint8, (3, width_px, height_px))
            self._depths = self._dataset(file, "depths", np.float32, (width_px, height_px))
        if len(self._images) != len(self._depths):
            raise self._fault(f"expected one depth map a picture, found {len(self._depths)} for {len(self._images)}")

    def __len__(self) -> int:
        return len(self._images)

    def read(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """One frame.

        Args:
            number: Its number, counted from 1 as in MATLAB.

        Returns:
            Colour, uint8 (H, W, 3), and depth in metres, float32 (H, W).

        Raises:
            IntegrityError: If the file is damaged there.
            StorageError: If it cannot be read.
        """
        with self._lock, _explaining(self.where, f"frame {number} is damaged"):
            colour, depth = self._images[number - 1], self._depths[number - 1]
        return np.ascontiguousarray(colour.transpose(2, 1, 0)), np.ascontiguousarray(depth.T)

    def _dataset(self, file: h5py.File, name: str, dtype: type, frame: tuple[int, ...]) -> h5py.Dataset:
        names = sorted(file)
        found = file[name] if name in names else None
        if not isinstance(found, h5py.Dataset):
            raise self._fault(f"expected the variables images and depths, found {', '.join(names) or 'nothing'}")
        if found.dtype != dtype or found.shape is None or found.shape[1:] != frame:
            wanted = f"{np.dtype(dtype)} (frames, {', '.join(map(str, frame))})"
            raise self._fault(f"expected {name} to be {wanted}, found {found.dtype} {found.shape}")
        return found

    def _fault(self, what: str) -> IntegrityError:
        return IntegrityError(f"{self.where}: {what}", hint=_HINT)


def _seekable(tree: Tree, path: str) -> BinaryIO:
    """The file as a stream in which jumping is cheap."""
    if not any(part.lower().endswith(".zip") for part in PurePosixPath(path).parts[:-1]):
        return tree.open(path)
    # A jump back in a compressed file means unpacking it from its start, so it is unpacked once.
    with ExitStack() as undo:
        unpacked = undo.enter_context(tempfile.TemporaryFile())
        try:
            with tree.open(path) as packed:
                shutil.copyfileobj(packed, unpacked, _COPY_BYTES)
            unpacked.seek(0)
        except OSError as error:
            raise StorageError(
                f"cannot unpack {path} in {tree.name} to {tempfile.gettempdir()}: {error.strerror or error}",
                hint="unpack it yourself and give the .mat file, or let TMPDIR name a folder on a larger disk",
            ) from error
        undo.pop_all()
    return cast(BinaryIO, unpacked)


def _kind(head: bytes) -> str:
    """What a file that is not HDF5 is, from its first bytes."""
    if not head:
        return "the file is empty"
    if looks_like_html(head):
        return "it is a web page (HTML), not a MATLAB file: the download was redirected or refused"
    if head.startswith(b"MATLAB 5.0"):
        return "expected a file of MATLAB 7.3 (HDF5), found one of MATLAB 5 to 7"
    return "expected a file of MATLAB 7.3 (HDF5), found a damaged one or another kind"


@contextmanager
def _explaining(where: str, what: str) -> Iterator[None]:
    """Turn the errors of HDF5 and of the stream below it into ours."""
    try:
        yield
    except LdpbenchError:
        raise
    except Exception as error:  # h5py chooses the type by HDF5's error number
        if isinstance(error, OSError) and error.errno is not None:
            raise storage_error(error, "read", Path(where)) from error
        raise IntegrityError(f"{where}: {what} ({' '.join(str(error).split())})", hint=_HINT) from error


def _close(file: h5py.File, stream: BinaryIO) -> None:
    file.close()
    stream.close()
