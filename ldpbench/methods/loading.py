"""Methods as plugin folders: finding their records, and building the method behind one."""

from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.core.hashing import sha256_folder
from ldpbench.core.names import unknown_name
from ldpbench.core.resources import load_folder_package, record_folders
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.methods.protocol import Deblurrer
from ldpbench.networks.checkpoint_record import is_checkpoint
from ldpbench.networks.checkpoint_record import read_record as read_checkpoint_record
from ldpbench.records import BaselineRecord, MethodRef, load_yaml_record

RECORD_FILE = "baseline.yaml"


@dataclass(frozen=True)
class LoadedMethod:
    """A method that is ready to run."""

    record: BaselineRecord
    deblurrer: Deblurrer
    code_sha256: str


def method_ref(record: BaselineRecord, folder: Path, code_sha256: str) -> MethodRef:
    """What a run record says of a method, known before its code is imported or its weights are read."""
    return MethodRef(
        id=record.id,
        version=record.version,
        title=record.title,
        kind=record.kind,
        inputs=record.inputs,
        code_sha256=code_sha256,
        weights_sha256=read_checkpoint_record(folder).weights.sha256 if is_checkpoint(folder) else None,
        parameters=record.parameters,
    )


def _read_record(folder: Path) -> BaselineRecord:
    record = load_yaml_record(folder / RECORD_FILE, BaselineRecord)
    if record.id != folder.name and not is_checkpoint(folder):
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
    """SHA-256 over a folder's sources or its checkpoint's record: a method whose code changed is another method."""
    return sha256_folder(folder, (".py", ".yaml", *((".json",) if is_checkpoint(folder) else ())))


def load_method(id_or_path: str | Path, *, device: str = "cpu", inference: Inference = WHOLE) -> LoadedMethod:
    """Build a method: from its checkpoint, or by importing its folder's code.

    Args:
        id_or_path: An id, a plugin folder or a checkpoint folder.
        device: Where a checkpoint's network runs.
        inference: How a checkpoint's network sees a picture.

    Raises:
        UsageError: If no method is called that or its record is not valid.
        MethodError: If it cannot be imported or built, or contradicts its record.
        MissingPrerequisiteError: If something it needs is not there.
        IntegrityError: If a checkpoint is damaged.
    """
    folder = method_folder(id_or_path)
    record = _read_record(folder)
    deblurrer = (
        _from_checkpoint(folder, device, inference) if is_checkpoint(folder) else _from_code(folder, record, inference)
    )
    if deblurrer.inputs != record.inputs:
        raise MethodError(
            f"{record.id}: its code wants {deblurrer.inputs}, its record says {record.inputs}", hint="make them equal"
        )
    return LoadedMethod(record, deblurrer, method_code_sha256(folder))


def _from_checkpoint(folder: Path, device: str, inference: Inference) -> Deblurrer:
    from ldpbench.methods.checkpoint import load_network_method

    return load_network_method(folder, device=device, inference=inference)


def _from_code(folder: Path, record: BaselineRecord, inference: Inference) -> Deblurrer:
    if inference != WHOLE:
        raise UsageError(f"{record.id} works on whole pictures only", hint="leave --tile and --tlc out")
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
    return deblurrer
