"""Where a prepared dataset can be pushed to: the Hugging Face Hub, or anything that fsspec writes to."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from ldpbench.core.errors import MissingPrerequisiteError, StorageError, UsageError

HUB_PREFIX = "hf://datasets/"
PUSHED_FILE = ".ldpbench-pushed.json"
_CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class Upload:
    """One file to push."""

    name: str
    """Its path in the target, with forward slashes."""
    path: Path
    size: int
    sha256: str


class Target(ABC):
    """A place that files are pushed to, one by one. A file is never half there."""

    name: str

    @abstractmethod
    def has(self, upload: Upload) -> bool:
        """Whether the very same file is there already."""

    @abstractmethod
    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        """Push one file; tell how many bytes went."""


def open_target(target: str, *, private: bool, revision: str | None) -> Target:
    """The target that a user named: ``user/name`` or ``hf://datasets/user/name``, else a folder or fsspec URI.

    Raises:
        UsageError: If it is none of these.
        MissingPrerequisiteError: If it cannot be reached or written.
    """
    repository = target.removeprefix(HUB_PREFIX)
    is_name = "://" not in target and target.count("/") == 1 and not target.startswith(("/", ".", "~"))
    if target.startswith(HUB_PREFIX) or (is_name and not Path(target).exists()):
        return HubTarget(repository.rstrip("/"), private=private, revision=revision)
    if private or revision is not None:
        raise UsageError(f"--private and --revision are for the Hub, found target {target}", hint="leave them out")
    return FsspecTarget(target)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


class HubTarget(Target):
    """A dataset repository of the Hugging Face Hub, made if need be. The token is the environment's or the login's."""

    def __init__(self, repository: str, *, private: bool, revision: str | None) -> None:
        import huggingface_hub

        self.name = f"{HUB_PREFIX}{repository}"
        self._repository = repository
        self._revision = revision
        self._api = huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="ldpbench")
        # Visibility of a repository that exists is its owner's business, so it is set only when asked for.
        self._call(
            "create", self._api.create_repo, repository, repo_type="dataset", private=private or None, exist_ok=True
        )

    def _call(self, action: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Exception as error:
            # The client raises errors of its own, of its HTTP library and of the system; all mean it did not work.
            raise MissingPrerequisiteError(
                f"cannot {action} {self.name}: {_reason(error)}",
                hint="check the name, the network and the token (HF_TOKEN or `hf auth login`); run it again to go on",
            ) from error

    def has(self, upload: Upload) -> bool:
        """By the checksum that the Hub keeps of large files. It keeps none of small ones: they are pushed again."""
        found = self._call(
            "look at",
            self._api.get_paths_info,
            self._repository,
            [upload.name],
            repo_type="dataset",
            revision=self._revision,
        )
        return any(getattr(getattr(info, "lfs", None), "sha256", None) == upload.sha256 for info in found)

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        """Push one file as one commit."""
        self._call(
            f"push {upload.name} to",
            self._api.upload_file,
            path_or_fileobj=str(upload.path),
            path_in_repo=upload.name,
            repo_id=self._repository,
            repo_type="dataset",
            revision=self._revision,
            commit_message=f"Add {upload.name}",
        )
        advance(upload.size)


class FsspecTarget(Target):
    """A folder, or anything that fsspec writes to. A list of what was pushed lies in it."""

    def __init__(self, uri: str) -> None:
        self.name = uri
        try:
            path = str(Path(uri).expanduser().absolute()) if "://" not in uri else uri
            self._fs, root = fsspec.core.url_to_fs(path)
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"{uri} is no target: {error}", hint="give user/name, a folder or an fsspec URI"
            ) from error
        self._root = root.rstrip("/")
        self._pushed: dict[str, Any] = self._read_list()

    def _read_list(self) -> dict[str, Any]:
        place = f"{self._root}/{PUSHED_FILE}"
        try:
            found = json.loads(self._fs.cat_file(place)) if self._fs.exists(place) else {}
        except (OSError, ValueError):
            return {}  # without the list everything is pushed again, which is only slower
        return found if isinstance(found, dict) else {}

    def has(self, upload: Upload) -> bool:
        """By the list of what was pushed and the size of what is there."""
        place = f"{self._root}/{upload.name}"
        known = self._pushed.get(upload.name) == {"bytes": upload.size, "sha256": upload.sha256}
        return known and bool(self._fs.exists(place)) and self._fs.size(place) == upload.size

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        """Write one file in one step and note it in the list."""
        try:
            with upload.path.open("rb") as source:
                self._write(upload.name, iter(lambda: source.read(_CHUNK_BYTES), b""), advance)
            self._pushed[upload.name] = {"bytes": upload.size, "sha256": upload.sha256}
            self._write(PUSHED_FILE, iter([json.dumps(self._pushed, sort_keys=True).encode()]), lambda _: None)
        except Exception as error:
            # Every filesystem raises errors of its own kind; all mean that the file did not arrive.
            raise StorageError(
                f"cannot write {upload.name} to {self.name}: {_reason(error)}",
                hint="check the place and your rights there; run it again to go on",
            ) from error

    def _write(self, name: str, chunks: Any, advance: Callable[[int], None]) -> None:
        place = f"{self._root}/{name}"
        self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
        # A transaction lets the file appear only when it is whole, in the way each filesystem knows.
        with self._fs.transaction, self._fs.open(place, "wb") as stream:
            for chunk in chunks:
                stream.write(chunk)
                advance(len(chunk))
