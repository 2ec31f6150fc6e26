"""Collecting a set whose every file is named by its manifest."""

from collections.abc import Iterable, Mapping, Sequence

from ldpbench.core.errors import IntegrityError
from ldpbench.data.adapter import EVERY_SPLIT, Collection, Missing, Scene, file_scene
from ldpbench.data.layouts.locate import by_scene, located, place_manifest
from ldpbench.data.tree import Tree
from ldpbench.records import ManifestRow


def collect_by_manifest(tree: Tree, manifest: Sequence[ManifestRow], *, layout: str) -> Collection:
    """Everything the manifest names that the tree has. A scene counts only when all of its files are there.

    Args:
        tree: The source.
        manifest: The publisher's files, in the publisher's layout.
        layout: That layout's name.

    Raises:
        IntegrityError: If not a single file of the manifest is there.
    """
    places = place_manifest(tree.files, manifest)
    if not places:
        example = manifest[0].path
        raise IntegrityError(
            f"{tree.name} holds none of the {len(manifest)} files of the set, such as {example}",
            hint="give the folder or archive that holds the publisher's tree",
        )
    return collect_placed(tree, manifest, places, layout=layout)


def collect_placed(
    tree: Tree,
    manifest: Iterable[ManifestRow],
    places: Mapping[str, str],
    *,
    layout: str,
    facts: Mapping[tuple[str, str], Mapping[str, object]] | None = None,
) -> Collection:
    """The collection of a manifest whose files were found.

    Args:
        tree: The source.
        manifest: The publisher's files.
        places: Manifest path to the path in the tree, for the files that are there.
        layout: The layout's name.
        facts: What else is known of each scene, by split and id; scenes also get the manifest's group.
    """
    rows = list(manifest)
    scenes: list[Scene] = []
    leftovers: list[ManifestRow] = []
    for key, roles in by_scene(rows).items():
        there = {role: located(row, places[row.path]) for role, row in roles.items() if row.path in places}
        if len(there) < len(roles):
            leftovers += there.values()
            continue
        group = next(iter(roles.values())).group
        known = {**({"group": group} if group else {}), **((facts or {}).get(key) or {})}
        scenes.append(file_scene(tree, there, facts=known))
    return Collection(
        scenes=tuple(scenes),
        layout=layout,
        calibration={
            row.path.rsplit("/", 1)[-1]: located(row, places[row.path])
            for row in rows
            if row.role == "calibration" and row.path in places
        },
        leftovers=tuple(leftovers),
        missing=tuple(
            Missing(EVERY_SPLIT if row.role == "calibration" else row.split, row.path)
            for row in rows
            if row.path not in places
        ),
    )
