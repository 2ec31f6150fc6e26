"""DPD-blur and DPD-disp: a picture that lies where it does not belong is named and never paired."""

import io
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import IntegrityError
from ldpbench.core.progress import SILENT
from ldpbench.data.adapter import Collection, load_adapter
from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.data.layouts.dpd_blur import find_splits, match_split
from ldpbench.data.layouts.dpd_blur_labels import read_labels
from ldpbench.data.layouts.dpd_blur_names import NameReader
from ldpbench.data.prepare import prepare
from ldpbench.data.tree import Tree, TreeFile
from tests import fake_dpd

Files = dict[str, bytes]
MANIFEST = dataset_manifest("dpd-blur")
LEFT, RIGHT, CENTER, TARGET = "test/inputL", "test/inputR", "test/inputC", "test/target"
SOURCES = {
    split: [row.sample_id for row in MANIFEST if (row.split, row.role) == (split, "center")]
    for split in ("train", "val", "test")
}
TARGETS = {
    split: [Path(row.path).stem for row in MANIFEST if (row.split, row.role) == (split, "target")] for split in SOURCES
}


def tree_of(files: Mapping[str, bytes]) -> Tree:
    return Tree(
        "made-up", {path: TreeFile(len(data), "", lambda data=data: io.BytesIO(data)) for path, data in files.items()}
    )


def collected(dataset: str, files: Mapping[str, bytes]) -> Collection:
    manifest = dataset_manifest(dataset)
    return load_adapter(dataset).collect(load_card(dataset), manifest, tree_of(files), device="cpu", progress=SILENT)


def blur_faults(files: Mapping[str, bytes]) -> tuple[str, ...]:
    return collected("dpd-blur", files).faults


def swapped(files: Mapping[str, bytes], one: str, other: str) -> Files:
    """The same files with two folders exchanged."""
    names = {one: other, other: one}
    return {
        re.sub(rf"\b({one}|{other})/", lambda found: f"{names[found[1]]}/", path): data for path, data in files.items()
    }


def renamed(files: Mapping[str, bytes], folder: str, names: list[str]) -> Files:
    """The same files, those of one folder under other names, in order."""
    mine = [path for path in files if Path(path).parent.as_posix() == folder]
    fresh = dict(zip(mine, names, strict=True))
    return {f"{folder}/{fresh[path]}.png" if path in fresh else path: data for path, data in files.items()}


@pytest.mark.parametrize("names", ["published", "counted"])
def test_a_sound_set_has_no_fault(names):
    assert blur_faults(fake_dpd.restormer("test", names)) == ()


def test_swapped_view_folders_are_told_by_the_marks():
    official = {path: data for path, data in fake_dpd.official("").items() if path.startswith("test_")}
    for files, left in ((fake_dpd.restormer("test", "published"), "inputL"), (official, "test_l/source")):
        right = left.replace("L", "R").replace("_l", "_r")
        found = collected("dpd-blur", swapped(files, left, right))
        assert len(found.faults) == 2 * 76
        assert not found.scenes
        first = SOURCES["test"][0]
        assert any(
            fault.endswith(f"{left}/{first}_R.png: its name says right view, its folder left") for fault in found.faults
        )


@pytest.mark.parametrize("name", ["7_R", "7_r", "7_C"])
def test_a_mark_counts_in_counted_names_too(name):
    files = fake_dpd.restormer("test", "counted")
    files[f"{LEFT}/{name}.png"] = files.pop(f"{LEFT}/7.png")
    faults = blur_faults(files)
    assert len(faults) == 1
    assert faults[0].startswith(f"{LEFT}/{name}.png: its name says ")


def test_a_marked_view_among_the_targets_is_named():
    files = fake_dpd.restormer("test", "numbers")
    scene = SOURCES["test"][3]
    files[f"{TARGET}/{scene}_L.png"] = files.pop(f"{TARGET}/{scene}.png")
    assert blur_faults(files) == (f"{TARGET}/{scene}_L.png: its name says left view, its folder target",)


@pytest.mark.parametrize(
    ("folder", "numbers", "owner"),
    [
        (LEFT, SOURCES["train"][:76], "the views of the train split"),
        (LEFT, TARGETS["test"], "the targets of the test split"),
        (CENTER, TARGETS["train"][:76], "the targets of the train split"),
        (TARGET, SOURCES["train"][:76], "the views of the train split"),
        (TARGET, TARGETS["train"][:76], "the targets of the train split"),
    ],
)
@pytest.mark.parametrize("shape", ["{}", "copy of {} (1)", "{}-small"])
def test_a_whole_folder_of_other_capture_numbers_is_never_paired_by_position(folder, numbers, owner, shape):
    files = renamed(fake_dpd.restormer("test", "counted"), folder, [shape.format(number) for number in numbers])
    found = collected("dpd-blur", files)
    assert not found.scenes
    told = [fault for fault in found.faults if fault.startswith(f"{folder}/{shape.format(numbers[0])}.png: ")]
    assert len(told) == 1
    assert told[0].endswith(f", it belongs to {owner}")


def test_every_view_folder_of_another_split_is_told():
    """Restormer's val archive under the name of test, filled up to the right number."""
    names = [*SOURCES["val"], *SOURCES["train"][:2]]
    files = fake_dpd.restormer("test", "counted")
    for folder in (LEFT, RIGHT, CENTER, TARGET):
        files = renamed(files, folder, names)
    found = collected("dpd-blur", files)
    assert not found.scenes
    assert len(found.faults) == 4 * 76


def test_the_official_layouts_targets_have_numbers_of_their_own():
    files = {path: data for path, data in fake_dpd.official("").items() if path.startswith("test_")}
    faults = blur_faults(renamed(files, "test_c/target", SOURCES["test"]))
    assert faults[0] == (
        f"test_c/target/{SOURCES['test'][0]}.png: not a target picture, it belongs to the views of the test split"
    )
    assert len(faults) == 76


def test_a_target_among_the_views_and_a_train_picture_in_test_are_named():
    files = fake_dpd.restormer("test", "published")
    scene, target, train = SOURCES["test"][0], TARGETS["test"][5], SOURCES["train"][9]
    files[f"{CENTER}/{target}.png"] = files.pop(f"{CENTER}/{scene}.png")
    files[f"{LEFT}/{train}_L.png"] = fake_dpd.restormer("train", "published")[f"train/inputL/{train}_L.png"]
    assert sorted(blur_faults(files)) == [
        f"{CENTER}/{target}.png: not a center picture, it belongs to the targets of the test split",
        f"{LEFT}/{train}_L.png: not a picture of the test split, it belongs to the views of the train split",
    ]


@pytest.mark.parametrize("extra", ["{}_l.png", "{}_L.jpg", "{}_L (1).png"])
def test_a_number_that_comes_twice_is_named(extra):
    files = fake_dpd.restormer("test", "published")
    again = f"{LEFT}/{extra.format(SOURCES['test'][4])}"
    files[again] = b"another"
    faults = blur_faults(files)
    assert len(faults) == 1
    assert "by its name the same picture as" in faults[0]
    assert again in faults[0]


def test_a_picture_without_the_mark_of_its_folder_is_named():
    files = fake_dpd.restormer("test", "published")
    scene = SOURCES["test"][8]
    files[f"{LEFT}/{scene}.png"] = files.pop(f"{LEFT}/{scene}_L.png")
    assert blur_faults(files) == (
        f"{LEFT}/{scene}.png: expected a name marked as left view, as others in its folder are",
    )


def test_a_name_with_two_capture_numbers_is_named():
    files = fake_dpd.restormer("test", "counted")
    pairs = [f"{source}_{target}" for source, target in zip(SOURCES["test"], TARGETS["test"], strict=True)]
    faults = blur_faults(renamed(files, TARGET, pairs))
    assert len(faults) == 76
    assert f"{SOURCES['test'][0]} and {TARGETS['test'][0]}" in " and ".join(faults)


def test_names_that_sort_alike_have_no_position():
    files = fake_dpd.restormer("test", "counted")
    for folder in (LEFT, RIGHT, CENTER):
        files[f"{folder}/07.png"] = files.pop(f"{folder}/9.png")
    found = collected("dpd-blur", files)
    assert not found.scenes
    assert f"{LEFT}: 07.png and 7.png sort alike" in " ".join(found.faults)


def test_views_by_number_and_views_by_position_do_not_mix():
    files = renamed(fake_dpd.restormer("test", "counted"), LEFT, SOURCES["test"])
    found = collected("dpd-blur", files)
    assert not found.scenes
    assert "do not have the same names" in found.faults[0]


def test_numbers_in_other_letters_or_with_words_around_them_are_the_same_numbers():
    files = {
        f"{folder}/test {name.lower()}.png": data
        for (folder, name), data in {
            (Path(path).parent.as_posix(), Path(path).stem): data
            for path, data in fake_dpd.restormer("test", "published", labels=None).items()
        }.items()
    }
    found = collected("dpd-blur", files)
    assert (found.faults, len(found.scenes)) == ((), 76)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_whatever_is_exchanged_nothing_is_paired_wrong(data):
    """Two published names anywhere in the set change places: either both fit, or both are named."""
    first, second = (data.draw(st.sampled_from(MANIFEST), label=label) for label in ("first", "second"))
    moved = {first.path: Path(second.path).name, second.path: Path(first.path).name}
    paths = {(Path(row.path).parent / moved.get(row.path, Path(row.path).name)).as_posix() for row in MANIFEST}
    names = NameReader(MANIFEST)
    rows = {split: [row for row in MANIFEST if row.split == split] for split in SOURCES}
    matchings = [match_split(files, rows[files.split], names) for files in find_splits(paths)]
    faults = [fault for matching in matchings for fault in matching.faults]
    assert len(faults) == (0 if Path(first.path).parent == Path(second.path).parent else 2)
    for matching in matchings:
        assert all(wanted == path for wanted, path in matching.places.items())


TWINS = [
    f"{RIGHT}/{SOURCES['test'][2]}_R.png",
    f"{CENTER}/{SOURCES['test'][2]}.png",
    f"{LEFT}/{SOURCES['test'][6]}_L.png",
    f"{TARGET}/{TARGETS['test'][2]}.png",
]


@pytest.mark.parametrize("twin", TWINS)
def test_pictures_that_are_byte_for_byte_another_are_named(twin):
    files = fake_dpd.restormer("test", "published")
    left = f"{LEFT}/{SOURCES['test'][2]}_L.png"
    files[twin] = files[left]
    first, second = sorted((left, twin))
    assert blur_faults(files) == (f"{second}: byte for byte the same file as {first}",)


def test_a_train_picture_in_test_is_told_by_its_bytes_where_names_say_nothing():
    files = fake_dpd.restormer("test", "counted") | fake_dpd.restormer("train", "counted")
    files["test/target/3.png"] = files["train/target/9.png"]
    assert blur_faults(files) == ("train/target/9.png: byte for byte the same file as test/target/3.png",)


def test_label_files_that_contradict_each_other_are_named():
    files = fake_dpd.label_files() | fake_dpd.label_files("txt")
    assert len(read_labels(tree_of(files))) == 2
    files["test/indoor_labels.txt"] = b"1 2 3"
    with pytest.raises(ValueError, match=r"indoor_labels\.npy and test/indoor_labels\.txt"):
        read_labels(tree_of(files))
    assert any("indoor_labels.txt" in fault for fault in blur_faults(fake_dpd.restormer("test") | files))


def disp_faults(files: Mapping[str, bytes]) -> tuple[str, ...]:
    return collected("dpd-disp", files).faults


def test_dpd_disp_in_folders_that_agree_is_sound():
    folders = {"L": "left", "R": "Right", "B": "center", "D": "disparity"}
    files = {f"{folders[path[4]]}/{path}": data for path, data in fake_dpd.disp_files().items()}
    found = collected("dpd-disp", files)
    assert (found.faults, found.remarks, len(found.scenes)) == ((), (), 100)


@pytest.mark.parametrize(("left", "right"), [("left", "right"), ("L", "R"), ("inputL", "inputR"), ("test_l", "test_r")])
def test_dpd_disp_in_swapped_folders_is_told(left, right):
    folders = {"L": right, "R": left, "B": ".", "D": "."}
    files = {f"x/{folders[path[4]]}/{path}": data for path, data in fake_dpd.disp_files().items()}
    found = collected("dpd-disp", files)
    assert len(found.faults) == 200
    assert f"x/{left}/001_R.jpg: its name says right, its folder left" in found.faults


def test_dpd_disp_may_lie_whole_in_a_folder_called_disparity():
    found = collected("dpd-disp", {f"disparity/{path}": data for path, data in fake_dpd.disp_files().items()})
    assert (found.faults, len(found.scenes)) == ((), 100)


def test_dpd_disp_two_files_of_one_name_must_be_the_same_file():
    files = dict(fake_dpd.disp_files())
    files["001_L.jpeg"] = files["001_L.jpg"]
    files["small/002_L.jpg"] = b"a smaller one"
    found = collected("dpd-disp", files)
    assert found.faults == ()
    assert found.remarks[0].startswith("2 further copies of files were left aside")
    flipped = bytes(code ^ 1 for code in files["001_L.jpg"])
    for data in (flipped, b"shorter"):
        files["001_L.jpeg"] = data
        assert disp_faults(files) == ("001_L.jpg: by its name the same picture as 001_L.jpeg, and another file",)


def test_dpd_disp_a_number_beyond_the_set_is_named():
    files = fake_dpd.disp_files() | {"101_L.jpg": b"x", "000_D.tif": b"y", "Qualitative/0001_L.png": b"z"}
    assert sorted(fault.split(":")[0] for fault in disp_faults(files)) == ["000_D.tif", "101_L.jpg"]


def test_dpd_disp_byte_identical_pictures_are_named_and_flat_maps_are_not():
    files = dict(fake_dpd.disp_files())
    files["005_D.TIF"] = files["006_D.TIF"]
    assert disp_faults(files) == ()
    files["005_R.jpg"] = files["005_L.jpg"]
    files["007_B.jpg"] = files["008_B.jpg"]
    faults = disp_faults(files)
    assert len(faults) == 2
    assert faults[0] == "005_R.jpg: byte for byte the same file as 005_L.jpg"


@pytest.mark.parametrize("dataset", [fake_dpd.BLUR_ID, fake_dpd.DISP_ID])
def test_prepare_refuses_and_leaves_nothing(dataset, home, tmp_path, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(fake_dpd.write_cards(tmp_path / "cards")))
    if dataset == fake_dpd.BLUR_ID:
        files = swapped(fake_dpd.restormer("test", "published"), "inputL", "inputR")
        fault = "its name says right view, its folder left"
    else:
        files = dict(fake_dpd.disp_files())
        files["005_R.jpg"] = files["005_L.jpg"]
        fault = "005_R.jpg: byte for byte the same file as 005_L.jpg"
    fake_dpd.write_tree(tmp_path / "source", files)
    for allow_partial in (False, True):
        with pytest.raises(IntegrityError, match="are not what|byte for byte") as caught:
            prepare(dataset, home, source=str(tmp_path / "source"), splits=["test"], allow_partial=allow_partial)
        assert caught.value.faults[0].endswith(fault)
    assert not home.datasets.exists() or not list(home.datasets.iterdir())


def test_damaged_and_empty_files_are_left_to_the_check_of_every_file():
    files = fake_dpd.restormer("test", "published")
    scene = SOURCES["test"][0]
    files[f"{LEFT}/{scene}_L.png"] = files[f"{RIGHT}/{scene}_R.png"] = b""
    assert blur_faults(files) == ()
