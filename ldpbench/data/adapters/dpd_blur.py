"""DPD-blur (DPDD): 500 Canon scenes of Abuolaim and Brown (ECCV 2020), 16-bit, in four packagings.

The official archive, IFAN's and the loose tree share one layout; Restormer's three archives have another.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ldpbench.core.errors import IntegrityError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection
from ldpbench.data.adapters.plain import Plain
from ldpbench.data.layouts.by_manifest import collect_placed
from ldpbench.data.layouts.dpd_blur import SplitFiles, find_splits, match_split
from ldpbench.data.layouts.dpd_blur_labels import label_fault, pair_faults, read_labels
from ldpbench.data.layouts.dpd_blur_names import NameReader
from ldpbench.data.layouts.twins import twin_faults
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow

LABELLED_SPLIT = "test"


class DpdBlur(Plain):
    """The adapter. The pictures are ordinary 16-bit sRGB codes, so they are decoded as such."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """Find the splits in whatever packaging, pair their pictures, and compare what labels and indices say."""
        del card, device, progress
        assert tree is not None, "the card is not of a generated set"
        found = find_splits(tree.files)
        if not found:
            raise IntegrityError(
                f"{tree.name} holds neither pictures in folders such as test_l/source nor in folders such as "
                "test/inputL",
                hint="give the folder or archive of any packaging that `ldpbench datasets info dpd-blur` lists",
            )
        rows: dict[str, list[ManifestRow]] = defaultdict(list)
        for row in manifest:
            rows[row.split].append(row)
        places: dict[str, str] = {}
        faults: list[str] = []
        remarks: list[str] = []
        chosen = _fullest(found, remarks)
        unpaired: set[str] = set()
        names = NameReader(manifest)
        for files in chosen:
            matching = match_split(files, rows[files.split], names)
            places |= matching.places
            faults += matching.faults
            if matching.faults:
                unpaired.add(files.split)
        faults += twin_faults(tree, places.values())
        facts, label_faults, label_remarks = _labelled(tree, rows[LABELLED_SPLIT])
        faults += label_faults + pair_faults(tree, {split: _pairs(part) for split, part in rows.items()})
        remarks += label_remarks
        collection = collect_placed(
            tree, manifest, places, layout="+".join(sorted({files.layout for files in chosen})), facts=facts
        )
        return Collection(
            scenes=collection.scenes,
            layout=collection.layout,
            leftovers=collection.leftovers,
            # Where pairing failed, what seems to be missing is only what could not be paired.
            missing=tuple(gap for gap in collection.missing if gap.split not in unpaired),
            faults=tuple(faults),
            remarks=tuple(remarks),
        )


def _fullest(found: Sequence[SplitFiles], remarks: list[str]) -> list[SplitFiles]:
    """Of several copies of a split the one with most pictures, then the one nearest to the top."""
    chosen: dict[str, SplitFiles] = {}
    for files in sorted(found, key=lambda place: (-place.count, place.base.count("/"), place.base)):
        if files.split in chosen:
            remarks.append(
                f"the {files.split} split was found twice; taken from {chosen[files.split].base or 'the top'}, "
                f"not from {files.base or 'the top'}"
            )
        chosen.setdefault(files.split, files)
    return list(chosen.values())


def _pairs(rows: Sequence[ManifestRow]) -> dict[str, str]:
    return {row.sample_id: PurePosixPath(row.path).stem for row in rows if row.role == "target"}


Facts = dict[tuple[str, str], Mapping[str, object]]


def _labelled(tree: Tree, rows: Sequence[ManifestRow]) -> tuple[Facts, list[str], list[str]]:
    """The groups that the archive's own label arrays give, with faults and remarks."""
    try:
        found = read_labels(tree)
    except ValueError as error:
        return {}, [str(error)], []
    if not found:
        return {}, [], []
    scenes = [row for row in rows if row.role == "center"]  # in the order of the ascending source numbers
    paths = ", ".join(path for path, _ in found.values())
    if len(found) < 2:
        return {}, [f"{paths}: the other label file is missing"], []
    fault = label_fault({group: positions for group, (_, positions) in found.items()}, len(scenes))
    if fault:
        return {}, [f"{paths}: {fault}"], []
    groups = {scenes[position - 1].sample_id: group for group, (_, numbers) in found.items() for position in numbers}
    differing = [row.sample_id for row in scenes if row.group not in (None, groups[row.sample_id])]
    if not differing:
        return {}, [], ["the archive's indoor and outdoor labels agree with the card's"]
    facts: Facts = {(LABELLED_SPLIT, scene): {"group": group} for scene, group in groups.items()}
    return facts, [], [f"the archive's labels were taken; the card's differ for {', '.join(differing)}"]


ADAPTER = DpdBlur()
