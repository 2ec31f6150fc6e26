"""DPD-disp: 100 Canon scenes of Punnappurath et al. (ICCP 2020) with a depth-like map and no sharp picture."""

from pathlib import PurePosixPath

from ldpbench.core.errors import IntegrityError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection
from ldpbench.data.adapters.plain import Plain
from ldpbench.data.layouts.by_manifest import collect_placed
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow

_EXAMPLES = ("Qualitative", "Quantitative")
"""Folders of the authors' repository with a few PNG triples and no map."""


class DpdDisp(Plain):
    """The adapter. Files are told by their names alone, in any folder and with endings in any case."""

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
        wanted = {row.path.lower(): row.path for row in manifest}
        places: dict[str, str] = {}
        copies: list[str] = []
        for path in sorted(tree.files, key=lambda name: (name.count("/"), name)):
            row_path = wanted.get(PurePosixPath(path).name.lower().replace(".jpeg", ".jpg").replace(".tiff", ".tif"))
            if row_path and row_path in places:
                copies.append(path)
            elif row_path:
                places[row_path] = path
        if not places:
            raise IntegrityError(
                f"{tree.name} holds none of the {len(manifest)} files of {card.id}, such as {manifest[0].path}",
                hint=_what_it_is(tree),
            )
        found = collect_placed(tree, manifest, places, layout="flat")
        remarks = (f"{len(copies)} further copies of files were left aside, such as {copies[0]}",) if copies else ()
        return Collection(
            scenes=found.scenes,
            layout=found.layout,
            leftovers=found.leftovers,
            missing=found.missing,
            remarks=remarks,
        )


def _what_it_is(tree: Tree) -> str:
    if any(part in _EXAMPLES for path in tree.files for part in PurePosixPath(path).parts):
        return "these are the examples of the authors' repository, which have no map; the set is a download of its own"
    if len(tree.files) == 1:
        return "if this is an archive of another kind than zip, unpack it yourself and give the folder with --source"
    return "give the folder or zip archive that holds 001_L.jpg and so on"


ADAPTER = DpdDisp()
