"""Methods as plugin folders: finding their records, and building the method behind one."""

from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.core.hashing import sha256_folder
from ldpbench.core.names import unknown_name
from ldpbench.core.resources import load_folder_package, record_folders
from ldpbench.methods.protocol import Deblurrer
from ldpbench.records import BaselineRecord, MethodRef, load_yaml_record

RECORD_FILE = "baseline.yaml"


@dataclass(frozen=True)
class LoadedMethod:
    """A method that is ready to run."""

    record: BaselineRecord
    deblurrer: Deblurrer
    code_sha256: str

    @property
    def ref(self) -> MethodRef:
        """What a run record says of it."""
        return method_ref(self.record, self.code_sha256)


def method_ref(record: BaselineRecord, code_sha256: str) -> MethodRef:
    """What a run record says of a method, known before its code is imported."""
    return MethodRef(
        id=record.id,
        version=record.version,
        title=record.title,
        kind=record.kind,
        inputs=record.inputs,
        code_sha256=code_sha256,
        parameters=record.parameters,
    )


def _read_record(folder: Path) -> BaselineRecord:
    record = load_yaml_record(folder / RECORD_FILE, BaselineRecord)
    if record.id != folder.name:
        raise UsageError(
            f"{folder / RECORD_FILE} says id {record.id!r}, its folder says {folder.name!r}", hint="make them equal"
        )
    return record


def baseline_folders() -> dict[str, Path]:
    """The plugin folder of every method, by id."""
    return record_folders("baselines", RECORD_FILE)


def baseline_records() -> dict[str, BaselineRecord]:
    """Every method's record by id, read without importing any method's code.

    Raises:
        UsageError: If a record is not valid; file and key are named.
    """
    return {name: _read_record(folder) for name, folder in sorted(baseline_folders().items())}


def method_folder(id_or_path: str | Path) -> Path:
    """The plugin folder behind an id, or behind a path that holds a record.

    Raises:
        UsageError: If no method is called that.
    """
    folders = baseline_folders()
    if str(id_or_path) in folders:
        return folders[str(id_or_path)]
    path = Path(id_or_path).expanduser()
    if (path / RECORD_FILE).is_file():
        return path.absolute()
    if path.is_dir():
        raise UsageError(f"{path} is not a method: it has no {RECORD_FILE}", hint="see docs/add-a-method.md")
    raise unknown_name("method", str(id_or_path), folders)


def method_code_sha256(folder: Path) -> str:
    """SHA-256 over a plugin folder's sources: a method whose code changed is another method."""
    return sha256_folder(folder)


def load_method(id_or_path: str | Path) -> LoadedMethod:
    """Import a method's folder and build it.

    Raises:
        UsageError: If no method is called that or its record is not valid.
        MethodError: If it cannot be imported or built, or contradicts its record.
    """
    folder = method_folder(id_or_path)
    record = _read_record(folder)
    module = load_folder_package(folder)
    build = getattr(module, "build", None)
    if not callable(build):
        raise MethodError(f"{folder / '__init__.py'} has no build() function", hint="add one that returns a Deblurrer")
    deblurrer = build()
    if not isinstance(deblurrer, Deblurrer):
        raise MethodError(
            f"build() of {record.id} returned {type(deblurrer).__name__}, expected a Deblurrer",
            hint="derive it from ldpbench.api.Deblurrer",
        )
    if deblurrer.inputs != record.inputs:
        raise MethodError(
            f"{record.id}: its code wants {deblurrer.inputs}, its record says {record.inputs}", hint="make them equal"
        )
    return LoadedMethod(record, deblurrer, method_code_sha256(folder))
