"""DPD-blur and DPD-disp in every packaging: one fingerprint, right pairs, and every way it goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from ldpbench.core.errors import IntegrityError
from ldpbench.core.home import Home
from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.data.png16 import decode, encode
from ldpbench.data.prepare import prepare
from tests import fake_dpd
from tests.fake_dpd import BLUR_ID, DISP_ID, write_tree, write_zip

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "dpd_blur_splits.json").read_text())


@pytest.fixture(scope="module")
def cards(tmp_path_factory) -> Path:
    return fake_dpd.write_cards(tmp_path_factory.mktemp("cards"))


@pytest.fixture(autouse=True)
def _plugin(cards, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(cards))


@pytest.fixture(scope="module")
def whole(cards, tmp_path_factory):
    """The official archive, prepared."""
    root = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDPBENCH_PLUGIN_PATH", str(cards))
        source = write_zip(root / "dd_dp_dataset_canon.zip", fake_dpd.official())
        return prepare(BLUR_ID, Home(root / "home"), source=str(source))


def test_the_manifest_is_the_authors_lists():
    rows = dataset_manifest("dpd-blur")
    assert len(rows) == 2000
    for split, names in GOLDEN.items():
        if split in ("test_indoor", "test_outdoor"):
            group = split.removeprefix("test_")
            found = [row.sample_id for row in rows if row.role == "center" and row.group == group]
            assert sorted(found) == sorted(names)
            continue
        mine = [row for row in rows if row.split == split]
        pairs = [(row.sample_id, Path(row.path).stem) for row in mine if row.role == "target"]
        assert pairs == list(zip(names["source"], names["target"], strict=True))
        assert {row.path for row in mine if row.role == "left"} == {
            f"{split}_l/source/{name}_L.png" for name in names["source"]
        }
    assert load_card("dpd-blur").splits == {"train": 350, "val": 74, "test": 76}


def test_the_official_archive_is_whole_and_exact(whole):
    assert whole.info.complete
    assert whole.info.layout == "official"
    whole.verify()
    sample = whole.split("test")[0]
    row = next(row for row in dataset_manifest("dpd-blur") if row.split == "test" and row.role == "target")
    assert sample.id == row.sample_id
    codes = decode(fake_dpd.blur_files()[row.path], "x")
    np.testing.assert_array_equal(sample.target, codes.astype(np.float32) / np.float32(65535))
    groups = [scene.group for scene in whole.split("test")]
    assert (groups.count("indoor"), groups.count("outdoor")) == (37, 39)
    assert groups[8:14] == ["indoor"] * 6
    assert whole.split("val")[0].group is None


LAYOUTS = {
    "loose": lambda root: write_tree(root, fake_dpd.loose()),
    "ifan": lambda root: write_zip(root / "DPDD.zip", fake_dpd.official("DPDD/")),
    "unpacked": lambda root: write_tree(root / "some" / "where", fake_dpd.official("")),
    "restormer-numbers": fake_dpd.restormer_zips,
    "restormer-published": lambda root: fake_dpd.restormer_zips(root, "published"),
    "restormer-counted": lambda root: fake_dpd.restormer_zips(root, "counted"),
    "restormer-unpacked": lambda root: write_tree(
        root,
        {
            f"Downloads/{path}": data
            for split in GOLDEN
            if "_" not in split
            for path, data in fake_dpd.restormer(split).items()
        },
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_packaging_gives_the_same_set(layout, whole, home, tmp_path):
    LAYOUTS[layout](tmp_path / "source")
    info = prepare(BLUR_ID, home, source=str(tmp_path / "source")).info
    assert info.fingerprint == whole.info.fingerprint
    assert info.layout == ("restormer" if "restormer" in layout else "official")
    agrees = "the archive's indoor and outdoor labels agree with the card's"
    assert (agrees in info.remarks) == ("restormer" in layout)


def test_one_archive_is_enough_for_its_split(whole, home, tmp_path):
    source = write_zip(tmp_path / "test.zip", fake_dpd.restormer("test", labels="txt"))
    info = prepare(BLUR_ID, home, source=str(source), splits=["test"]).info
    assert info.splits["test"] == whole.info.splits["test"]


def test_a_folder_named_only_by_its_archive_will_do(whole, home, tmp_path):
    source = write_zip(tmp_path / "test.zip", fake_dpd.restormer("test", top=False))
    info = prepare(BLUR_ID, home, source=str(source), splits=["test"]).info
    assert info.splits["test"].fingerprint == whole.info.splits["test"].fingerprint


def test_a_subset_with_published_names_lists_what_is_missing(home, tmp_path):
    files = fake_dpd.restormer("test")
    scene = fake_dpd.rows_of("test")[0].sample_id
    del files[f"test/inputL/{scene}.png"]
    write_tree(tmp_path / "source", files)
    with pytest.raises(IntegrityError) as caught:
        prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"])
    assert caught.value.faults == (f"test_l/source/{scene}_L.png: missing",)
    info = prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"], allow_partial=True).info
    assert info.splits["test"].count == 75
    assert not info.splits["test"].complete


def test_a_subset_without_names_cannot_be_paired(home, tmp_path):
    files = fake_dpd.restormer("test", "counted")
    del files["test/target/7.png"]
    write_tree(tmp_path / "source", files)
    with pytest.raises(IntegrityError) as caught:
        prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"], allow_partial=True)
    assert "expected 76 pictures, found 75" in caught.value.faults[0]
    assert "cannot be paired" in caught.value.faults[0]


def _rename(files: fake_dpd.Files, old: str, new: str) -> None:
    files[new] = files.pop(old)


def test_views_with_different_names_are_not_paired_by_position(home, tmp_path):
    files = fake_dpd.restormer("test", "counted")
    _rename(files, "test/inputL/7.png", "test/inputL/77.png")
    write_tree(tmp_path / "source", files)
    with pytest.raises(IntegrityError, match="do not have the same names"):
        prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"])


def test_a_picture_that_is_not_of_the_split_is_named(home, tmp_path):
    files = fake_dpd.restormer("test", "published")
    files["test/target/1P0A9999.png"] = files["test/target/" + Path(fake_dpd.rows_of("test")[3].path).name]
    write_tree(tmp_path / "source", files)
    with pytest.raises(IntegrityError, match=r"target/1P0A9999\.png: not a picture of the test split"):
        prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"])


def test_labels_that_count_from_zero_or_are_no_partition_are_refused(home, tmp_path):
    for number, (labels, sentence) in enumerate(
        (
            (fake_dpd.label_files(offset=0), "count from 0"),
            ({"test/indoor_labels.txt": b"1 2", "test/outdoor_labels.txt": b"2 3"}, "twice|both lists"),
            ({"test/indoor_labels.txt": b"1 2", "test/outdoor_labels.txt": b"3 4"}, "positions 1 to 76"),
            ({"test/indoor_labels.npy": b"junk", "test/outdoor_labels.txt": b"3 4"}, "not a list of positions"),
            ({"test/indoor_labels.txt": b"1.5", "test/outdoor_labels.txt": b"3"}, "whole numbers"),
            ({"test/indoor_labels.txt": b"1 2"}, "the other label file is missing"),
        )
    ):
        root = tmp_path / str(number)
        write_tree(root, fake_dpd.restormer("test", labels=None) | labels)
        with pytest.raises(IntegrityError, match=sentence):
            prepare(BLUR_ID, home, source=str(root), splits=["test"])


def test_other_labels_than_the_cards_are_taken_and_told(home, tmp_path):
    labels = {
        "test/indoor_labels.txt": " ".join(map(str, range(1, 38))).encode(),
        "test/outdoor_labels.txt": " ".join(map(str, range(38, 77))).encode(),
    }
    write_tree(tmp_path / "source", fake_dpd.restormer("test", labels=None) | labels)
    prepared = prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"])
    assert "the archive's labels were taken; the card's differ for " in prepared.info.remarks[0]
    assert prepared.split("test")[0].group == "indoor"


def test_an_index_that_contradicts_the_lists_is_named(home, tmp_path):
    files = fake_dpd.loose()
    lines = files["config/combined/val/metadata.jsonl"].decode().splitlines()
    first, second = json.loads(lines[0]), json.loads(lines[1])
    first["target_file_name"], second["target_file_name"] = second["target_file_name"], first["target_file_name"]
    files["config/combined/val/metadata.jsonl"] = "\n".join([json.dumps(first), json.dumps(second), "{}"]).encode()
    write_tree(tmp_path / "source", files)
    with pytest.raises(IntegrityError) as caught:
        prepare(BLUR_ID, home, source=str(tmp_path / "source"))
    assert len(caught.value.faults) == 3
    assert "metadata.jsonl line 1: pairs 1P0A" in caught.value.faults[0]


def _eight_bit(data: bytes) -> bytes:
    return encode((decode(data, "x") >> 8).astype(np.uint8))


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_eight_bit, "expected 16-bit codes, found 8-bit"),
        (lambda data: encode(decode(data, "x")[:-1].copy()), "expected 12x8 px, found 12x7"),
        (lambda data: encode(decode(data, "x")[..., 0].copy()), r"expected 3 channel\(s\), found 1"),
        (lambda data: data[:-15], "truncated"),
        (_flipped, "checksum of its IDAT chunk"),
        (lambda data: b"<!doctype html><html>quota</html>", "web page"),
        (lambda data: b"", "empty"),
    ],
)
def test_a_spoiled_picture_is_named_although_nobody_published_checksums(home, tmp_path, spoil, sentence):
    files = fake_dpd.restormer("test", "published")
    name = f"test/inputR/{fake_dpd.rows_of('test')[20].sample_id}_R.png"
    files[name] = spoil(files[name])
    source = write_zip(tmp_path / "test.zip", files)
    with pytest.raises(IntegrityError, match=sentence) as caught:
        prepare(BLUR_ID, home, source=str(source), splits=["test"])
    assert f"test.zip/{name}: " in caught.value.message
    assert not home.datasets.exists() or not list(home.datasets.iterdir())


def test_two_copies_of_a_split_are_told(home, tmp_path):
    write_tree(tmp_path / "source", fake_dpd.restormer("test"))
    write_zip(tmp_path / "source" / "test.zip", fake_dpd.restormer("test"))
    info = prepare(BLUR_ID, home, source=str(tmp_path / "source"), splits=["test"]).info
    assert any("the test split was found twice" in remark for remark in info.remarks)


def test_nothing_known_is_a_sentence(home, tmp_path):
    write_tree(tmp_path / "source", {"holiday/1.png": b"x"})
    for dataset in (BLUR_ID, DISP_ID):
        with pytest.raises(IntegrityError, match="holds n") as caught:
            prepare(dataset, home, source=str(tmp_path / "source"))
        assert caught.value.hint


@pytest.mark.parametrize("packed", [False, True])
def test_dpd_disp_has_maps_and_no_target(home, tmp_path, packed):
    files = {f"DPD_disp/{path.replace('.TIF', '.tif')}": data for path, data in fake_dpd.disp_files().items()}
    source = write_zip(tmp_path / "x.zip", files) if packed else write_tree(tmp_path / "x", files)
    prepared = prepare(DISP_ID, home, source=str(source))
    assert prepared.info.complete
    sample = prepared.split("test")[4]
    assert (sample.id, sample.target) == ("005", None)
    codes = decode(fake_dpd.disp_files()["005_D.TIF"], "x")
    np.testing.assert_array_equal(sample.disparity, codes.astype(np.float32) / np.float32(255))
    assert sample.center is not None


def test_the_repositorys_examples_are_not_the_set(home, tmp_path):
    write_tree(tmp_path / "x", {"Qualitative/0001_L.png": b"x", "Quantitative/0101_R.png": b"x"})
    with pytest.raises(IntegrityError) as caught:
        prepare(DISP_ID, home, source=str(tmp_path / "x"))
    assert "examples of the authors' repository" in caught.value.hint


def test_a_map_of_another_depth_and_a_cut_jpeg_are_named(home, tmp_path):
    import cv2

    files = dict(fake_dpd.disp_files())
    files["003_D.TIF"] = cv2.imencode(".tif", np.zeros((8, 12), np.uint16))[1].tobytes()
    files["004_L.jpg"] = files["004_L.jpg"][:-80]
    write_tree(tmp_path / "x", files)
    with pytest.raises(IntegrityError) as caught:
        prepare(DISP_ID, home, source=str(tmp_path / "x"))
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["003_D.TIF", "004_L.jpg"]
    assert "8-bit codes, found 16-bit" in caught.value.faults[0]
    assert "truncated" in caught.value.faults[1]


def test_deblurring_on_dpd_disp_is_refused_in_a_sentence(home, tmp_path, ldpbench):
    write_tree(tmp_path / "x", fake_dpd.disp_files())
    assert ldpbench("prepare", DISP_ID, "--source", str(tmp_path / "x")).returncode == 0
    ended = ldpbench("evaluate", "--dataset", DISP_ID)
    assert ended.returncode == 2
    assert "has no sharp picture" in ended.stderr
    assert ended.stderr.count("\n") == 1


def moved(files, change):
    """The files under other paths: ``change`` maps a path below the archive's top to another one."""
    top = "dd_dp_dataset_canon/dd_dp_dataset_png/"
    return {top + change(path.removeprefix(top)): content for path, content in files.items()}


def test_swapped_view_folders_are_named(tmp_path):
    swap = {"test_l": "test_r", "test_r": "test_l"}

    def exchange(path):
        folder, _, rest = path.partition("/")
        return f"{swap.get(folder, folder)}/{rest}"

    source = write_zip(tmp_path / "swapped.zip", moved(fake_dpd.official(), exchange))
    with pytest.raises(IntegrityError) as caught:
        prepare(BLUR_ID, Home(tmp_path / "home"), source=str(source))
    told = "\n".join(caught.value.faults)
    assert "_R.png: its name says right view, its folder left" in told
    assert "_L.png: its name says left view, its folder right" in told
    assert not (tmp_path / "home" / "datasets" / BLUR_ID).exists()


def test_another_splits_pictures_in_the_right_number_are_not_paired_by_position(tmp_path):
    files = fake_dpd.official()
    top = "dd_dp_dataset_canon/dd_dp_dataset_png/"
    train = sorted(path for path in files if path.startswith(f"{top}train_c/target/"))
    test = sorted(path for path in files if path.startswith(f"{top}test_c/target/"))
    wrong = {path: content for path, content in files.items() if path not in test}
    wrong |= {f"{top}test_c/target/{Path(path).name}": files[path] for path in train[: len(test)]}
    source = write_zip(tmp_path / "mixed.zip", wrong)
    with pytest.raises(IntegrityError) as caught:
        prepare(BLUR_ID, Home(tmp_path / "home"), source=str(source))
    told = "\n".join(caught.value.faults)
    assert "not a picture of the test split, it belongs to the targets of the train split" in told


def test_targets_among_the_views_are_named(tmp_path):
    files = fake_dpd.official()
    top = "dd_dp_dataset_canon/dd_dp_dataset_png/"
    targets = sorted(path for path in files if path.startswith(f"{top}test_c/target/"))
    wrong = {path: content for path, content in files.items() if not path.startswith(f"{top}test_c/source/")}
    wrong |= {f"{top}test_c/source/{Path(path).name}": files[path] for path in targets}
    source = write_zip(tmp_path / "targets.zip", wrong)
    with pytest.raises(IntegrityError) as caught:
        prepare(BLUR_ID, Home(tmp_path / "home"), source=str(source))
    assert "it belongs to the targets of the test split" in "\n".join(caught.value.faults)
