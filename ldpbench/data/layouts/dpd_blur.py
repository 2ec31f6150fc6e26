"""Recognising the layouts in which DPD-blur is handed out, and pairing its pictures.

A scene's four pictures carry two different capture numbers: the views and the combined picture that of the source, the
target that of its own. Some packagings keep the names, one may not; sorted positions agree in all of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

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
_SUFFIX = re.compile(r"_[LRCB]$")
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


def capture_numbers(rows: Sequence[ManifestRow]) -> dict[str, str]:
    """Every capture number of the whole set, and whose it is: a number belongs to the views or to a target."""
    return {
        _number(row.path): f"the {'targets' if row.role == 'target' else 'views'} of the {row.split} split"
        for row in rows
    }


def match_split(files: SplitFiles, rows: Sequence[ManifestRow], numbers: Mapping[str, str]) -> Matching:
    """Pair the pictures of a split with the manifest.

    By name, if the names are capture numbers; then a subset can be told apart. Else by sorted position, if the number
    of pictures is right and the views agree in their names. Never by equal or neighbouring numbers, and never where a
    name says that the picture belongs elsewhere: to another split, to a target, or to the other view.

    Args:
        files: The split's pictures.
        rows: The manifest's rows of that split.
        numbers: Those of ``capture_numbers``.
    """
    wanted: dict[Role, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        wanted[row.role].append(row)
    places: dict[str, str] = {}
    faults: list[str] = []
    by_position: dict[Role, tuple[str, ...]] = {}
    for role, paths in files.roles.items():
        named, strangers = _by_name(paths, wanted[role])
        contradictions = _contradictions(role, paths)
        faults += contradictions
        if len(strangers) == len(paths) and not contradictions and not any(_number(path) in numbers for path in paths):
            by_position[role] = paths
            continue
        places |= named
        faults += [_out_of_place(path, files.split, numbers) for path in strangers]
    return Matching(*_with_positions(files, wanted, by_position, places, faults))


def _contradictions(role: Role, paths: Sequence[str]) -> list[str]:
    """Pictures whose own names say that they are the other view, as after two folders were exchanged."""
    said: dict[str, Role] = {"_L": "left", "_R": "right"}
    meant = {path: said.get(PurePosixPath(path).stem[-2:]) for path in paths}
    return [
        f"{path}: its name says {meaning} view, its folder {role}"
        for path, meaning in meant.items()
        if meaning is not None and meaning != role
    ]


def _out_of_place(path: str, split: str, numbers: Mapping[str, str]) -> str:
    owner = numbers.get(_number(path))
    return f"{path}: not a picture of the {split} split" + (f", it belongs to {owner}" if owner else "")


def _by_name(paths: Sequence[str], rows: Sequence[ManifestRow]) -> tuple[dict[str, str], list[str]]:
    """Files whose names are the role's own numbers, or those of the scenes; and files whose names are neither."""
    own = {_number(row.path): row.path for row in rows}
    scenes = {row.sample_id: row.path for row in rows}
    numbers = {path: _number(path) for path in paths}
    # The 1000 numbers are all distinct, so a name can never mean two pictures.
    table = max((own, scenes), key=lambda names: sum(number in names for number in numbers.values()))
    named: dict[str, str] = {}
    strangers: list[str] = []
    for path, number in numbers.items():
        if number in table and table[number] not in named:
            named[table[number]] = path
        else:
            strangers.append(path)
    return named, strangers


def _number(path: str) -> str:
    return _SUFFIX.sub("", PurePosixPath(path).stem)


def _with_positions(
    files: SplitFiles,
    wanted: Mapping[Role, Sequence[ManifestRow]],
    by_position: Mapping[Role, tuple[str, ...]],
    places: dict[str, str],
    faults: list[str],
) -> tuple[dict[str, str], tuple[str, ...]]:
    stems = {role: [_number(path) for path in paths] for role, paths in by_position.items() if role in VIEW_ROLES}
    if len({tuple(names) for names in stems.values()}) > 1:
        where = ", ".join(PurePosixPath(by_position[role][0]).parent.name for role in stems)
        return places, (*faults, f"{files.base}: the pictures in {where} do not have the same names")
    for role, paths in by_position.items():
        folder = str(PurePosixPath(paths[0]).parent)
        if len(paths) != len(wanted[role]):
            faults.append(
                f"{folder}: expected {len(wanted[role])} pictures, found {len(paths)}, and their names are no capture "
                "numbers, so they cannot be paired"
            )
            continue
        places |= {row.path: path for row, path in zip(wanted[role], paths, strict=True)}
    return places, tuple(faults)
