"""Finding one photograph in two places, which no name tells."""

from collections import defaultdict
from collections.abc import Iterable

from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.data.tree import Tree


def twin_faults(tree: Tree, paths: Iterable[str]) -> list[str]:
    """Name every file that is byte for byte an earlier one: no two photographs are ever the same.

    Only files of equal size are read, and photographs hardly ever have one size.

    Args:
        tree: The source.
        paths: The files that will be pictures of the set.
    """
    by_size: dict[int, list[str]] = defaultdict(list)
    for path in sorted(paths):
        by_size[tree.files[path].size].append(path)
    faults: list[str] = []
    for size, alike in by_size.items():
        if size and len(alike) > 1:  # an empty file is called that when it is read
            faults += _same(tree, alike)
    return faults


def _same(tree: Tree, paths: Iterable[str]) -> list[str]:
    first: dict[str, str] = {}
    faults: list[str] = []
    for path in paths:
        try:
            digest = sha256_bytes(tree.read(path))
        except IntegrityError:
            continue  # a damaged file is named with all the others when the set is read
        earlier = first.setdefault(digest, path)
        if earlier != path:
            faults.append(f"{path}: byte for byte the same file as {earlier}")
    return faults
