"""Roots that hold cards, baselines and templates, and the door through which plugin folders are loaded.

A root is a folder with any of ``datasets_cards/``, ``baselines/`` and ``leaderboard/``. The shipped root comes
first, then packages that declare the entry point group ``ldpbench.plugins``, then the folders named in
``LDPBENCH_PLUGIN_PATH``. What ships with ldpbench goes through the same door as everybody else's.
"""

import importlib.metadata
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from ldpbench.core.errors import MethodError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_bytes

PLUGIN_PATH_VARIABLE = "LDPBENCH_PLUGIN_PATH"
PLUGIN_GROUP = "ldpbench.plugins"


@cache
def shipped_root() -> Path:
    """The folder that holds the shipped ``datasets_cards``, ``baselines`` and ``leaderboard``.

    Raises:
        MissingPrerequisiteError: If neither the installed copy nor a checkout is there.
    """
    package = Path(__file__).resolve().parent.parent
    installed = package / "_shipped"
    if installed.is_dir():
        return installed
    checkout = package.parent
    project = checkout / "pyproject.toml"
    if project.is_file() and 'name = "ldpbench"' in project.read_text(encoding="utf-8"):
        return checkout
    raise MissingPrerequisiteError(
        f"the shipped records are neither in {installed} nor in {checkout}",
        hint="the installation is incomplete: install ldpbench again",
    )


def plugin_roots() -> list[Path]:
    """Roots of installed plugin packages and of the folders in ``LDPBENCH_PLUGIN_PATH``, in that order.

    Raises:
        UsageError: If a folder of the plugin path does not exist.
    """
    roots: list[Path] = []
    for entry in sorted(importlib.metadata.entry_points(group=PLUGIN_GROUP), key=lambda found: found.name):
        spec = importlib.util.find_spec(entry.value)
        roots.extend(Path(place) for place in (spec.submodule_search_locations or [] if spec else []))
    for text in filter(None, os.environ.get(PLUGIN_PATH_VARIABLE, "").split(os.pathsep)):
        folder = Path(text).expanduser().absolute()
        if not folder.is_dir():
            raise UsageError(
                f"{PLUGIN_PATH_VARIABLE} names {folder}, which is not a folder", hint="correct the variable"
            )
        roots.append(folder)
    return roots


def record_folders(kind: str, record_name: str) -> dict[str, Path]:
    """All folders of one kind that hold a record, by id.

    Args:
        kind: ``"datasets_cards"`` or ``"baselines"``.
        record_name: The record's file name, such as ``"card.yaml"``.

    Raises:
        UsageError: If two roots use the same id.
    """
    found: dict[str, Path] = {}
    for root in [shipped_root(), *plugin_roots()]:
        for record in sorted((root / kind).glob(f"*/{record_name}")):
            folder = record.parent
            if folder.name in found:
                raise UsageError(
                    f"two folders use the id {folder.name!r}: {found[folder.name]} and {folder}",
                    hint="rename one of them",
                )
            found[folder.name] = folder
    return found


def load_folder_package(folder: Path) -> ModuleType:
    """Import a plugin folder's ``__init__.py`` as a package, so that its relative imports work.

    Raises:
        MethodError: If the folder has no ``__init__.py`` or its import fails.
    """
    init = folder / "__init__.py"
    if not init.is_file():
        raise MethodError(f"{folder} has no __init__.py", hint="a plugin folder needs one with a build() function")
    name = f"ldpbench_plugin_{folder.name.replace('-', '_')}_{sha256_bytes(str(folder).encode())[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise MethodError(f"{init} cannot be imported", hint="check that it is a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise MethodError(f"importing {init} failed: {type(error).__name__}: {error}", hint="fix the plugin") from error
    return module
