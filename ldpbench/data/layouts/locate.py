"""Finding a publisher's tree inside whatever folder the user has, by content and not by folder names."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ldpbench.records import ManifestRow
from ldpbench.records.dataset_card import Role


def place_manifest(paths: Iterable[str], manifest: Sequence[ManifestRow]) -> dict[str, str]:
    """Where the manifest's files lie: manifest path to the path in the source, for those that are there.

    The publisher's tree may lie at any depth of the source, and the source may be a folder inside the publisher's tree.
    If several places hold such a tree, the one with most files counts, then the one nearest to the top.

    Args:
        paths: All paths of the source.
        manifest: The publisher's files.
    """
    by_name: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for path in paths:
        parts = PurePosixPath(path).parts
        by_name[parts[-1]].append(parts)
    votes: Counter[tuple[tuple[str, ...], int]] = Counter()
    for row in manifest:
        wanted = PurePosixPath(row.path).parts
        for parts in by_name.get(wanted[-1], ()):
            if parts[-len(wanted) :] == wanted:
                votes[parts[: -len(wanted)], 0] += 1
            elif wanted[-len(parts) :] == parts:
                votes[(), len(wanted) - len(parts)] += 1
    if not votes:
        return {}
    prefix, depth = max(votes, key=lambda place: (votes[place], -place[1], -len(place[0]), place[0]))
    present = {parts for found in by_name.values() for parts in found}
    placed = {row.path: (*prefix, *PurePosixPath(row.path).parts[depth:]) for row in manifest}
    return {path: "/".join(parts) for path, parts in placed.items() if parts in present}


def located(row: ManifestRow, path: str) -> ManifestRow:
    """A manifest row with the file's path in the source."""
    return row.model_copy(update={"path": path})


def by_scene(manifest: Iterable[ManifestRow]) -> dict[tuple[str, str], dict[Role, ManifestRow]]:
    """The rows of each scene by (split, id) and role, in the manifest's order, calibration left out."""
    scenes: dict[tuple[str, str], dict[Role, ManifestRow]] = {}
    for row in manifest:
        if row.role != "calibration":
            scenes.setdefault((row.split, row.sample_id), {})[row.role] = row
    return scenes
