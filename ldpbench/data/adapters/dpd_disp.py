"""DPD-disp: 100 Canon scenes of Punnappurath et al. (ICCP 2020) with a depth-like map and no sharp picture."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ldpbench.core.errors import IntegrityError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection
from ldpbench.data.adapters.plain import Plain
from ldpbench.data.layouts.by_manifest import collect_placed
from ldpbench.data.layouts.twins import twin_faults
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

_EXAMPLES = ("Qualitative", "Quantitative")
"""Folders of the authors' repository with a few PNG triples and no map."""
_NUMBERED = re.compile(r"\d{3}_[lrb]\.jpg|\d{3}_d\.tif")
"""The shape of the set's names, in lower case."""
_VIEW_FOLDERS: Mapping[Role, str] = {
    "left": "left l inputl input_l test_l",
    "right": "right r inputr input_r test_r",
    "center": "center centre inputb inputc test_c",
}
_FOLDERS = {folder: role for role, folders in _VIEW_FOLDERS.items() for folder in folders.split()}
"""Folders of one view, in lower case. Others, such as `disparity`, may well hold the whole set."""


class DpdDisp(Plain):
    """The adapter. Files are told by their names, in any folder that does not contradict them."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """The flat set: NNN_B, NNN_L and NNN_R as JPEG and NNN_D as TIFF."""
        del device, progress
        assert tree is not None, "the card is not of a generated set"
        places, copies, faults = _find(tree, manifest)
        if not places:
            raise IntegrityError(
                f"{tree.name} holds none of the {len(manifest)} files of {card.id}, such as {manifest[0].path}",
                hint=_what_it_is(tree),
            )
        found = collect_placed(tree, manifest, places, layout="flat")
        pictures = [places[row.path] for row in manifest if row.path in places and row.role != "disparity"]
        remarks = (f"{len(copies)} further copies of files were left aside, such as {copies[0]}",) if copies else ()
        return Collection(
            scenes=found.scenes,
            layout=found.layout,
            leftovers=found.leftovers,
            missing=found.missing,
            faults=(*faults, *twin_faults(tree, pictures)),
            remarks=remarks,
        )


def _find(tree: Tree, manifest: Sequence[ManifestRow]) -> tuple[dict[str, str], list[str], list[str]]:
    """Manifest path to the path in the source, the one nearest to the top; copies of such files; and faults."""
    wanted = {row.path.lower(): row for row in manifest}
    places: dict[str, str] = {}
    copies: list[str] = []
    faults: list[str] = []
    for path in sorted(tree.files, key=lambda name: (name.count("/"), name)):
        name = PurePosixPath(path).name.lower().replace(".jpeg", ".jpg").replace(".tiff", ".tif")
        row = wanted.get(name)
        if row is None:
            if _NUMBERED.fullmatch(name):
                faults.append(f"{path}: not a file of the set, whose scenes are {_span(manifest)}")
        elif row.path not in places:
            places[row.path] = path
            faults += _contradiction(path, row.role)
        elif _is_rival(tree, path, places[row.path]):
            faults.append(f"{path}: by its name the same picture as {places[row.path]}, and another file")
        else:
            copies.append(path)
    return places, copies, faults


def _span(manifest: Sequence[ManifestRow]) -> str:
    scenes = sorted(row.sample_id for row in manifest)
    return f"{scenes[0]} to {scenes[-1]}"


def _contradiction(path: str, role: Role) -> list[str]:
    """The fault of a file in a folder of another role, as after two folders were exchanged."""
    folder = PurePosixPath(path).parent.name
    said = _FOLDERS.get(folder.lower())
    return [f"{path}: its name says {role}, its folder {said}"] if said not in (None, role) else []


def _is_rival(tree: Tree, path: str, taken: str) -> bool:
    """Whether another file as near to the top has the same name, so that neither is the one to take."""
    return path.count("/") == taken.count("/") and not _are_same(tree, path, taken)


def _are_same(tree: Tree, first: str, second: str) -> bool:
    return tree.files[first].size == tree.files[second].size and tree.read(first) == tree.read(second)


def _what_it_is(tree: Tree) -> str:
    if any(part in _EXAMPLES for path in tree.files for part in PurePosixPath(path).parts):
        return "these are the examples of the authors' repository, which have no map; the set is a download of its own"
    if len(tree.files) == 1:
        return "if this is an archive of another kind than zip, unpack it yourself and give the folder with --source"
    return "give the folder or zip archive that holds 001_L.jpg and so on"


ADAPTER = DpdDisp()
