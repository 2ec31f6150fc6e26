"""A new method's folder, from a skeleton that runs as it is."""

import re
from pathlib import Path
from string import Template
from typing import Literal, get_args

from ldpbench.core.atomic import explaining_storage, replacing_folder
from ldpbench.core.errors import UsageError
from ldpbench.core.names import ID_PATTERN
from ldpbench.methods.find import find_methods

SkeletonKind = Literal["network", "training-free"]
_SKELETONS = Path(__file__).parent / "skeleton"
_SUFFIX = ".template"


def new_method(method_id: str, folder: Path, kind: SkeletonKind = "network") -> list[Path]:
    """Write the folder of a new method. Either all of it is there afterwards, or nothing.

    Args:
        method_id: Its id: small letters, digits and dashes.
        folder: The folder to write, which bears the id as its name.
        kind: Which skeleton.

    Returns:
        The files, in the order of their names.

    Raises:
        UsageError: If the id is none or taken, the folder exists or has another name, or there is no such skeleton.
        StorageError: If it cannot be written.
    """
    if re.fullmatch(ID_PATTERN, method_id) is None:
        raise UsageError(
            f"{method_id!r} is no id: expected small letters, digits and single dashes", hint="such as my-net"
        )
    if kind not in get_args(SkeletonKind):
        raise UsageError(f"no skeleton is called {kind!r}", hint=f"known: {', '.join(get_args(SkeletonKind))}")
    if folder.name != method_id:
        raise UsageError(f"{folder} does not bear the id {method_id!r}", hint=f"name it {folder.parent / method_id}")
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} exists already", hint="choose another id or place, or delete it")
    taken = find_methods().get(method_id)
    if taken is not None:
        raise UsageError(f"{method_id!r} is a method already, in {taken.folder}", hint="choose another id")
    names = {"id": method_id, "title": method_id.replace("-", " ").capitalize()}
    with explaining_storage("write", folder), replacing_folder(folder) as fresh:
        for template in sorted((_SKELETONS / kind).glob(f"*{_SUFFIX}")):
            text = Template(template.read_text(encoding="utf-8")).substitute(names)
            (fresh / template.name.removesuffix(_SUFFIX)).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())
