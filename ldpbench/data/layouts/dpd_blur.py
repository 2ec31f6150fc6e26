"""Recognising the layouts in which DPD-blur is handed out, and pairing its pictures.

A scene's four pictures carry two different capture numbers: the views and the combined picture that of the source, the
target that of its own. Some packagings keep the names, one may not; sorted positions agree in all of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from ldpbench.data.layouts.dpd_blur_names import NameReader, PictureName
from ldpbench.records import ManifestRow
from ldpbench.records.dataset_card import Role

SPLITS = ("train", "val", "test")
_OFFICIAL_FOLDER = re.compile(r"^(train|val|test)_([clr])$")
_OFFICIAL_ROLES: dict[tuple[str, str], Role] = {
    ("c", "source"): "center",
    ("l", "source"): "left",
    ("r", "source"): "right",
    ("c", "target"): "target",
}
_RESTORMER_ROLES: dict[str, Role] = {"inputC": "center", "inputL": "left", "inputR": "right", "target": "target"}
VIEW_ROLES: tuple[Role, ...] = ("left", "right", "center")


@dataclass(frozen=True)
class SplitFiles:
    """The pictures of one split in one place."""

    layout: str
    split: str
    base: str
    """The folder below which they lie."""
    roles: Mapping[Role, tuple[str, ...]]
    """Paths of each role in natural order."""

    @property
    def count(self) -> int:
        """Pictures in all."""
        return sum(map(len, self.roles.values()))


def natural_key(path: str) -> list[tuple[int, int | str]]:
    """Sorts numbers within names by their value: 2 before 10."""
    parts = re.split(r"(\d+)", PurePosixPath(path).stem)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]


def find_splits(paths: Iterable[str]) -> list[SplitFiles]:
    """Every place that holds pictures of a split in a known layout."""
    places: dict[tuple[str, str, str], dict[Role, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        parts = PurePosixPath(path).parts
        found = _official(parts) or _restormer(parts)
        if found and PurePosixPath(path).suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".tiff"):
            layout, split, base, role = found
            places[layout, split, base][role].append(path)
    return [
        SplitFiles(layout, split, base, {role: tuple(sorted(names, key=natural_key)) for role, names in roles.items()})
        for (layout, split, base), roles in sorted(places.items())
    ]


Found = tuple[str, str, str, Role]
"""Layout, split, base folder, role."""


def _official(parts: Sequence[str]) -> Found | None:
    if len(parts) < 3:
        return None
    folder = _OFFICIAL_FOLDER.match(parts[-3])
    role = _OFFICIAL_ROLES.get((folder[2], parts[-2])) if folder else None
    return ("official", folder[1], "/".join(parts[:-3]), role) if folder and role else None


def _restormer(parts: Sequence[str]) -> Found | None:
    role = _RESTORMER_ROLES.get(parts[-2]) if len(parts) >= 2 else None
    if role is None:
        return None
    above = [part.removesuffix(".zip") for part in parts[:-2]]
    split = next((part for part in reversed(above) if part in SPLITS), None)
    return ("restormer", split, "/".join(parts[:-2]), role) if split else None


@dataclass(frozen=True)
class Matching:
    """Which file is which, or why that cannot be told."""

    places: Mapping[str, str]
    """Manifest path to the path in the source."""
    faults: tuple[str, ...]


Pictures = Mapping[str, PictureName]
"""Paths of one role in natural order, and what their names say."""


def match_split(files: SplitFiles, rows: Sequence[ManifestRow], names: NameReader) -> Matching:
    """Pair the pictures of a split with the manifest.

    By name, if the names hold capture numbers of the set; then a subset can be told apart. Else by sorted position, if
    the number of pictures is right and the views agree in their names. Never by equal or neighbouring numbers, and
    never where a name says that the picture belongs elsewhere: to another split, to a target, or to another view.

    Args:
        files: The split's pictures.
        rows: The manifest's rows of that split.
        names: The reader of names, which knows the whole set.
    """
    wanted: dict[Role, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        wanted[row.role].append(row)
    read = {role: {path: names.read(path) for path in paths} for role, paths in files.roles.items()}
    numbered = [role for role, pictures in read.items() if any(name.owner for name in pictures.values())]
    places: dict[str, str] = {}
    faults: list[str] = _view_faults(files.base, read, numbered)
    unplaced = VIEW_ROLES if faults else ()
    for role, pictures in read.items():
        contradictions = _contradictions(role, pictures)
        if role in numbered:
            sound = {path: name for path, name in pictures.items() if path not in contradictions}
            found, wrong = _by_name(files, role, sound, wanted[role])
        else:
            found, wrong = _by_position(pictures, wanted[role])
            found = {} if contradictions or role in unplaced else found
        places |= found
        faults += [*contradictions.values(), *wrong]
    return Matching(places, tuple(faults))


def _contradictions(role: Role, pictures: Pictures) -> dict[str, str]:
    """Faults of pictures whose own names say that they are something else, as after two folders were exchanged."""
    is_marked = any(name.view == role for name in pictures.values())
    faults: dict[str, str] = {}
    for path, name in pictures.items():
        if name.view not in (None, role):
            faults[path] = f"{path}: its name says {name.view} view, its folder {role}"
        elif name.view is None and is_marked:
            faults[path] = f"{path}: expected a name marked as {role} view, as others in its folder are"
    return faults


def _view_faults(base: str, read: Mapping[Role, Pictures], numbered: Sequence[Role]) -> list[str]:
    """Positions mean the same scene in every view only if all views have the same names."""
    views = {role: pictures for role, pictures in read.items() if role in VIEW_ROLES}
    told = {tuple(name.number for name in pictures.values()) for pictures in views.values()}
    if len(told) < 2 or all(role in numbered for role in views):
        return []
    where = ", ".join(PurePosixPath(next(iter(pictures))).parent.as_posix() for pictures in views.values())
    return [f"{base}: the pictures in {where} do not have the same names"]


def _by_name(
    files: SplitFiles, role: Role, pictures: Pictures, rows: Sequence[ManifestRow]
) -> tuple[dict[str, str], list[str]]:
    """Manifest path to path for files that have the role's own numbers, or those of the scenes; and faults.

    A folder uses one kind of number, the one that more of its files have. The official layout has own numbers only.
    """
    own = {_own_number(row): row.path for row in rows}
    scenes = {row.sample_id.upper(): row.path for row in rows}
    tables = [own] if files.layout == "official" else [own, scenes]
    table = max(tables, key=lambda numbers: sum(name.number in numbers for name in pictures.values()))
    places: dict[str, str] = {}
    faults: list[str] = []
    for path, name in pictures.items():
        wanted = table.get(name.number)
        if name.others:
            faults.append(
                f"{path}: its name holds several capture numbers, {' and '.join((name.number, *name.others))}"
            )
        elif wanted is None:
            what = f"{role} picture" if name.split == files.split else f"picture of the {files.split} split"
            faults.append(f"{path}: not a {what}" + (f", it belongs to {name.owner}" if name.owner else ""))
        elif wanted in places:
            faults.append(f"{path}: by its name the same picture as {places[wanted]}")
        else:
            places[wanted] = path
    return places, faults


def _own_number(row: ManifestRow) -> str:
    return (PurePosixPath(row.path).stem if row.role == "target" else row.sample_id).upper()


def _by_position(pictures: Pictures, rows: Sequence[ManifestRow]) -> tuple[dict[str, str], list[str]]:
    """Manifest path to path in natural order; or why there is no such order."""
    folder = PurePosixPath(next(iter(pictures))).parent
    if len(pictures) != len(rows):
        return {}, [
            f"{folder}: expected {len(rows)} pictures, found {len(pictures)}, and their names are no capture numbers, "
            "so they cannot be paired"
        ]
    alike = [
        f"{folder}: {PurePosixPath(first).name} and {PurePosixPath(second).name} sort alike, so they have no position"
        for first, second in pairwise(pictures)
        if natural_key(pictures[first].number) == natural_key(pictures[second].number)
    ]
    return {} if alike else {row.path: path for row, path in zip(rows, pictures, strict=True)}, alike
