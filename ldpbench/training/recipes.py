"""Named recipes and how a configuration comes about: recipe < network of the zoo < YAML file < ``--set``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.networks.zoo import zoo_config, zoo_names
from ldpbench.records.base import validation_sentence
from ldpbench.training.config import TrainConfig

_FOLDER = Path(__file__).parent / "recipes"
DEFAULT_RECIPE = "1x24g"


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
) -> TrainConfig:
    """The configuration that a command line means.

    Args:
        what: A network of the zoo, or a YAML file with fields of a ``TrainConfig``; its ``network`` may be a name of
            the zoo, and its ``recipe`` names what it starts from.
        recipe_name: The recipe, before what the file says.
        changes: Fields given as options of their own.
        assignments: ``key=value``, the key with dots for what lies deeper and numbers for list entries; the value in
            YAML.

    Raises:
        UsageError: For an unknown name, an unknown key or a value that does not fit; every fault is named.
    """
    path = Path(what)
    given = _read(path) if path.suffix in (".yaml", ".yml") else {"network": what}
    name = recipe_name or given.get("recipe", DEFAULT_RECIPE)
    document = {**recipe(str(name)), **given, **dict(changes or {}), "recipe": name}
    if isinstance(document.get("network"), str):
        document["network"] = _zoo(document["network"], is_file=path.suffix in (".yaml", ".yml"))
    for assignment in assignments:
        _assign(document, assignment)
    try:
        return TrainConfig.model_validate(document)
    except ValidationError as error:
        raise UsageError(
            f"the training configuration is not valid: {validation_sentence(error)}",
            hint="`ldpbench train plan NAME` prints a whole one",
        ) from error


def _zoo(name: str, *, is_file: bool) -> dict[str, Any]:
    if name not in zoo_names() and not is_file and Path(name).exists():
        raise UsageError(f"{name} is neither a network nor a .yaml file", hint=f"networks: {', '.join(zoo_names())}")
    return zoo_config(name).model_dump(mode="json")


def _read(path: Path) -> dict[str, Any]:
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}", hint="correct it") from error
    if not isinstance(document, dict):
        raise UsageError(
            f"{path}: expected a mapping of fields, found {type(document).__name__}", hint="see docs/train.md"
        )
    return document


def _assign(document: dict[str, Any], assignment: str) -> None:
    """Set one value deep inside a document."""
    key, equals, text = assignment.partition("=")
    if not equals:
        raise UsageError(f"--set {assignment}: expected key=value", hint="such as --set global_batch=8")
    steps = key.strip().split(".")
    place: Any = document
    try:
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place[step]
        last: Any = int(steps[-1]) if isinstance(place, list) else steps[-1]
        if isinstance(place, list):
            place[last]  # an index that is not there is an error, not an addition
        place[last] = yaml.safe_load(text)
    except (KeyError, IndexError, ValueError, TypeError, yaml.YAMLError) as error:
        raise UsageError(
            f"--set {assignment}: there is no {key!r} in the configuration", hint="`ldpbench train plan NAME` prints it"
        ) from error
