"""Named recipes and how a configuration comes about: recipe < network of the zoo < YAML file < options < ``--set``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.data.training.patches import PatchRule
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.zoo import zoo_config, zoo_names
from ldpbench.records.base import Record, validation_sentence
from ldpbench.training.config import CropPhase, Stage, TrainConfig
from ldpbench.training.losses.weights import LossWeights

_FOLDER = Path(__file__).parent / "recipes"
DEFAULT_RECIPE = "1x24g"
PRINT_ONE = "`ldpbench train plan NAME --json` prints a whole one"
_YAML = (".yaml", ".yml")
_RECORDS: Mapping[tuple[str, ...], type[Record]] = {
    (): TrainConfig,
    ("network",): NetworkConfig,
    ("patches",): PatchRule,
    ("stages",): Stage,
    ("stages", "loss"): LossWeights,
    ("stages", "crops"): CropPhase,
}


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def recipe(name: str) -> dict[str, Any]:
    """A recipe: every field of a ``TrainConfig`` but the network and the dataset.

    Raises:
        UsageError: If there is none of that name.
    """
    if name not in recipe_names():
        raise unknown_name("recipe", name, recipe_names())
    document: dict[str, Any] = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


def resolve(
    what: str,
    *,
    recipe_name: str | None = None,
    changes: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    fallback: Mapping[str, Any] | None = None,
) -> TrainConfig:
    """The configuration that a command line means.

    Args:
        what: A network of the zoo, or a YAML file with fields of a ``TrainConfig``; its ``network`` may be a name of
            the zoo, and its ``recipe`` names what it starts from.
        recipe_name: The recipe, before what the file says.
        changes: Fields given as options of their own.
        assignments: ``key=value``, the key with dots for what lies deeper and numbers for list entries; the value in
            YAML.
        fallback: Fields for what nobody names.

    Raises:
        UsageError: For an unknown name, an unknown key or a value that does not fit; every fault is named.
        MissingPrerequisiteError: If the file cannot be read.
    """
    path = Path(what)
    given = _read(path) if path.suffix in _YAML else {"network": what}
    name = recipe_name or given.get("recipe", DEFAULT_RECIPE)
    document = {**(fallback or {}), **recipe(str(name)), **given, **(changes or {}), "recipe": name}
    is_file = path.suffix in _YAML
    _name_network(document, is_file=is_file)
    for assignment in assignments:
        _assign(document, assignment)
        _name_network(document, is_file=is_file)
    try:
        return TrainConfig.model_validate(document)
    except ValidationError as error:
        raise UsageError(
            f"the training configuration is not valid: {validation_sentence(error)}", hint=_hint(error)
        ) from error


def _name_network(document: dict[str, Any], *, is_file: bool) -> None:
    """Put the zoo's configuration in the place of a network's name."""
    name = document.get("network")
    if not isinstance(name, str):
        return
    if name not in zoo_names() and not is_file and Path(name).exists():
        raise UsageError(f"{name} is neither a network nor a .yaml file", hint=f"networks: {', '.join(zoo_names())}")
    document["network"] = zoo_config(name).model_dump(mode="json")


def _hint(error: ValidationError) -> str:
    """The closest key for the first one that does not exist; else where to see a whole configuration."""
    for fault in error.errors():
        place, kind = fault["loc"], fault["type"]
        if kind == "missing" and place == ("dataset",):
            return "name it with --dataset"
        if kind == "extra_forbidden" and (record := _record_at(place[:-1])) is not None:
            return _close_key(record, place[-1])
    return PRINT_ONE


def _close_key(record: type[Record], key: str | int) -> str:
    return unknown_name("key", str(key), (field.alias or name for name, field in record.model_fields.items())).hint


def _record_at(place: Sequence[str | int]) -> type[Record] | None:
    """The kind of record at a place of a configuration; numbers count list entries."""
    return _RECORDS.get(tuple(str(step) for step in place if not isinstance(step, int)))


def _read(path: Path) -> dict[str, Any]:
    with explaining_storage("read", path):
        data = path.read_bytes()
    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}", hint="correct it") from error
    if not isinstance(document, dict):
        raise UsageError(
            f"{path}: expected a mapping of fields, found {type(document).__name__}", hint="see docs/train.md"
        )
    return document


def _assign(document: dict[str, Any], assignment: str) -> None:
    """Set one value deep inside a document; what lies on the way there and was not named has its default."""
    key, equals, text = assignment.partition("=")
    key = key.strip()
    if not equals:
        raise UsageError(f"--set {assignment}: expected key=value", hint="such as --set global_batch=8")
    if key == "recipe":
        raise UsageError(f"--set {assignment}: a recipe is where a configuration starts", hint="name it with --recipe")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(
            f"--set {assignment}: the value is not valid YAML: {' '.join(str(error).split())}", hint="put it in quotes"
        ) from error
    steps: list[str | int] = [int(step) if step.isdecimal() else step for step in key.split(".")]
    place: Any = document
    try:
        for depth, step in enumerate(steps[:-1]):
            if isinstance(place, dict) and step not in place:
                place[step] = _default(steps[:depth], step)
            place = place[step]
        if not isinstance(place, dict):
            place[steps[-1]]  # an index that is not there is an error, not an addition
        place[steps[-1]] = value
    except (KeyError, IndexError, TypeError) as error:
        record = _record_at(steps[:depth]) if isinstance(error, KeyError) else None
        raise UsageError(
            f"--set {assignment}: there is no {key!r} in the configuration",
            hint=PRINT_ONE if record is None else _close_key(record, step),
        ) from error


def _default(place: Sequence[str | int], key: str | int) -> Any:
    """What a field has if nobody names it, as plain YAML would hold it.

    Raises:
        KeyError: If there is no such field, or it has no default.
    """
    record = _record_at(place)
    if record is None or key not in record.model_fields:
        raise KeyError(key)
    field = record.model_fields[str(key)]
    if field.is_required():
        raise KeyError(key)
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Record):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value
