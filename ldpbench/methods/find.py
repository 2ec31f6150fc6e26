"""Methods as plugin folders: finding their records, without importing any method's code."""

from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_folder
from ldpbench.core.names import unknown_name
from ldpbench.core.resources import record_folders
from ldpbench.networks.checkpoint_record import is_checkpoint
from ldpbench.records import BaselineRecord, read_records
from ldpbench.records.baseline import RECORD_FILE


@dataclass(frozen=True)
class FoundMethod:
    """A method and where its code lies."""

    record: BaselineRecord
    folder: Path

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a network of ours with its weights, and no code."""
        return is_checkpoint(self.folder)

    @property
    def code_sha256(self) -> str:
        """SHA-256 over the folder's sources or the checkpoint's record: a method whose code changed is another one."""
        return sha256_folder(self.folder, (".py", ".yaml", *((".json",) if self.is_checkpoint else ())))


def find_methods() -> dict[str, FoundMethod]:
    """Every installed method by id, the variants of a folder one by one.

    Raises:
        UsageError: If a record is not valid, or two methods have one id; file and key are named.
    """
    found: dict[str, FoundMethod] = {}
    for _, folder in sorted(record_folders("baselines", RECORD_FILE).items()):
        for method in methods_in(folder):
            other = found.setdefault(method.record.id, method)
            if other is not method:
                raise UsageError(
                    f"two methods are called {method.record.id!r}: one in {other.folder}, one in {folder}",
                    hint="rename a variant",
                )
    return found


def methods_in(folder: Path) -> list[FoundMethod]:
    """The methods of one plugin folder or checkpoint folder, the default one first.

    Raises:
        UsageError: If the record is not valid or does not bear the folder's name.
    """
    records = read_records(folder)
    if records[0].id != folder.name and not is_checkpoint(folder):
        raise UsageError(
            f"{folder / RECORD_FILE} says id {records[0].id!r}, its folder says {folder.name!r}",
            hint="make them equal",
        )
    return [FoundMethod(record, folder) for record in records]


def find_method(id_or_path: str | Path) -> FoundMethod:
    """The method of an id, or of a path that holds a record; ``path:variant`` names one of its variants.

    Raises:
        UsageError: If no method is called that.
    """
    installed = find_methods()
    text = str(id_or_path)
    if text in installed:
        return installed[text]
    path, variant = Path(text).expanduser(), None
    if not path.is_dir() and ":" in text:
        head, _, variant = text.rpartition(":")
        path = Path(head).expanduser()
    if (path / RECORD_FILE).is_file():
        return _variant(methods_in(path.absolute()), variant)
    if path.is_dir():
        raise UsageError(f"{path} is not a method: it has no {RECORD_FILE}", hint="see docs/add-a-method.md")
    raise unknown_name("method", text, installed)


def _variant(methods: list[FoundMethod], name: str | None) -> FoundMethod:
    named = {method.record.variant: method for method in methods}
    if name is None:
        return methods[0]
    if name not in named:
        raise unknown_name("variant", name, [str(known) for known in named if known])
    return named[name]
