"""Which kind of file this is, told from its content alone; the ending of a name proves nothing."""

from pathlib import Path
from typing import Final, Literal

from ldpbench.core.errors import IntegrityError
from ldpbench.data.picture_files import looks_like_html
from ldpbench.networks.weights.faults import shown
from ldpbench.networks.weights.torch_tar import looks_like_tar
from ldpbench.networks.weights.zips import Archive

Kind = Literal["torch-zip", "torch-legacy", "torch-tar", "safetensors", "keras", "tensorlayer"]

HEAD_BYTES: Final = 1024
_GIVE = "give the file with the weights"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP, _EMPTY_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_LFS = b"version https://git-lfs"
_FOREIGN: Final = (
    (b"\x1f\x8b", "is compressed (gzip)", "unpack it first"),
    (b"\xfd7zXZ", "is compressed (xz)", "unpack it first"),
    (b"BZh", "is compressed (bzip2)", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed (zstd)", "unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive", "unpack it and give the weights inside"),
    (b"Rar!", "is a RAR archive", "unpack it and give the weights inside"),
    (b"\x93NUMPY", "is a single NumPy array", "give the npz or the checkpoint with all of them"),
    (b"\x89PNG", "is a picture", _GIVE),
    (b"\xff\xd8\xff", "is a picture", _GIVE),
    (b"%PDF", "is a PDF document", _GIVE),
)
_WEIGHTS_ENDINGS = (".pth", ".pt", ".pkl", ".ckpt", ".pytorch", ".tar", ".safetensors", ".h5", ".hdf5", ".npz", ".bin")


def demand_weights(head: bytes, path: Path) -> None:
    """Refuse a file whose first bytes already say that it holds no weights.

    Args:
        head: The first ``HEAD_BYTES``.
        path: The file, for messages.

    Raises:
        IntegrityError: If it is empty, a web page, a pointer, or of a format that holds no weights.
    """
    if not head:
        raise IntegrityError(f"{path} is empty", hint="fetch the file again")
    if _first_kind(head) is not None:
        return
    if looks_like_html(head):
        raise IntegrityError(
            f"{path} is a web page (HTML), not weights: the download was redirected, refused or warned of",
            hint="open the address in a browser, confirm there, and save the file itself",
        )
    if head.startswith(_LFS):
        raise IntegrityError(
            f"{path} is a Git LFS pointer, not the file that it points to",
            hint="run `git lfs pull` in that repository, or download the file from its page",
        )
    for start, what, hint in _FOREIGN:
        if head.startswith(start):
            raise IntegrityError(f"{path} {what}, expected weights", hint=hint)
    raise IntegrityError(
        f"{path} is none of the files that hold weights: expected a torch checkpoint, safetensors, Keras HDF5 or "
        f"TensorLayer npz, found a file that starts with {head[:8].hex(' ')}",
        hint=_GIVE,
    )


def _first_kind(head: bytes) -> Kind | Literal["zip"] | None:
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return "zip"
    if head.startswith(_HDF5):
        return "keras"
    if head[8:9] == b"{" and head[4:8] == bytes(4):
        return "safetensors"  # before the others: a header's length may look like any of their starts
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "torch-legacy"
    if looks_like_tar(head):
        return "torch-tar"
    return None


def kind_of(data: bytes, path: Path) -> Kind:
    """The kind of a whole file that ``demand_weights`` let pass.

    Raises:
        IntegrityError: If it is an archive or a pickle of something else.
    """
    kind = _first_kind(data[:HEAD_BYTES])
    assert kind is not None, "demand_weights refused it"
    return _kind_of_zip(data, path) if kind == "zip" else kind


def _kind_of_zip(data: bytes, path: Path) -> Kind:
    names = Archive(data, path).names
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return "torch-zip"
    if names and all(name.endswith(".npy") for name in names):
        return "tensorlayer"
    if {"config.json", "model.weights.h5"} <= set(names):
        raise IntegrityError(
            f"{path} is a model of Keras 3 (.keras), which does not name its arrays",
            hint="load it in Keras and save the model as .h5 with Keras 2 (tf_keras)",
        )
    likely = [name for name in names if name.lower().endswith(_WEIGHTS_ENDINGS)]
    inside = ", ".join(map(shown, (likely or list(names))[:8])) or "nothing"
    raise IntegrityError(
        f"{path} is an archive, not weights; it holds {inside}",
        hint=f"unpack it and give {shown(likely[0])}" if likely else _GIVE,
    )
