"""The base of all records, and reading one from YAML with errors that name file and key."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def validation_sentence(error: ValidationError) -> str:
    """All faults of a record on one line: ``key: what is wrong``."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'the document'}: {fault['msg']}" for fault in error.errors()
    )


def load_yaml_document(path: Path) -> Any:
    """Read one YAML file.

    Raises:
        MissingPrerequisiteError: If the file cannot be read.
        UsageError: If it is not YAML.
    """
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(
            f"{path} is not valid YAML: {' '.join(str(error).split())}", hint="correct the file"
        ) from error


def load_yaml_record(path: Path, record: type[R]) -> R:
    """Read one YAML record.

    Raises:
        MissingPrerequisiteError: If the file cannot be read.
        UsageError: If it is not YAML or not a valid record; every wrong key is named.
    """
    try:
        return record.model_validate(load_yaml_document(path))
    except ValidationError as error:
        raise UsageError(
            f"{path} is not a valid {record.__name__}: {validation_sentence(error)}", hint="correct the file"
        ) from error
