"""DDD-syn from NYU's file and from the tree of the authors' script, and every way either is not what it should be."""

import io
import json
import shutil
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import datasets
import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from ldpbench.core.errors import IntegrityError, StorageError
from ldpbench.core.progress import SILENT
from ldpbench.data import png16
from ldpbench.data.adapter import Collection, StoredSample
from ldpbench.data.adapters import ddd_syn
from ldpbench.data.cards import load_card
from ldpbench.data.hugging_face import stored_sample
from ldpbench.data.layouts import nyu
from ldpbench.data.pfm import read_pfm, write_pfm
from ldpbench.data.prepare import prepare
from ldpbench.data.prepared import PreparedDataset, open_prepared
from ldpbench.data.tree import Tree, TreeFile, open_tree
from ldpbench.simulation.ddd import DDD_CAMERAS, simulate_ddd
from tests.fake_synthetic import colour_picture, depth_plane, nyu_frame, write_card, write_ddd_tree, write_nyu_mat

SMALL = (96, 72)
"""Large enough for the crop of the largest camera."""


@pytest.fixture(scope="module")
def mat(tmp_path_factory) -> Path:
    """NYU's file with 1449 frames of the real size."""
    return write_nyu_mat(tmp_path_factory.mktemp("nyu") / "nyu_depth_v2_labeled.mat")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A plugin card for small frames, and parts of two frames each: 10 training and 3 test scenes."""
    frames = {"train": range(1, 3), "testing": range(3, 5), "testing1": range(3, 4)}
    parts = tuple(replace(part, frames=frames.get(part.folder, frames["train"])) for part in ddd_syn.PARTS)
    monkeypatch.setattr(ddd_syn, "PARTS", parts)
    size = {"width_px": SMALL[0], "height_px": SMALL[1]}
    root = write_card(tmp_path / "plugin", "ddd-syn", "tiny", splits={"train": 10, "test": 3}, groups={}, **size)
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(root))


@pytest.fixture
def tiny_mat(tiny, tmp_path) -> Path:
    return write_nyu_mat(tmp_path / "nyu.mat", range(1, 5), count=4, size=SMALL)


def collect(source: Path) -> Collection:
    return ddd_syn.ADAPTER.collect(load_card("ddd-syn"), (), open_tree(str(source)), device="cpu", progress=SILENT)


def test_every_scene_has_its_number(mat):
    found = collect(mat)
    assert found.layout == "nyu"
    assert not found.missing
    assert not found.faults
    by_split = {split: [scene.id for scene in found.scenes if scene.split == split] for split in ("train", "test")}
    assert by_split["train"] == [f"{number:04d}" for number in range(1, 5001)]
    assert by_split["test"] == [str(number) for number in range(6001, 6351)] + [f"{n}_h" for n in range(6001, 6151)]
    card = load_card("ddd-syn")
    assert card.splits == {split: len(ids) for split, ids in by_split.items()}
    groups = Counter({part.group: len(part.frames) for part in ddd_syn.PARTS if part.split == "test"})
    assert card.groups == {"test": dict(groups)}


def test_axes_are_turned_back(mat):
    frames = nyu.NyuFrames(open_tree(str(mat)), mat.name, width_px=640, height_px=480)
    assert len(frames) == 1449
    for number in (1, 1350):
        for found, expected in zip(frames.read(number), nyu_frame(number), strict=True):
            assert found.flags.c_contiguous
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
    assert frames.read(7)[1].max() == 3.0


@pytest.mark.parametrize(
    ("scene_id", "frame", "camera", "facts"),
    [
        ("3002", 2, "ddd/train3", {"parameter_set": "train3", "nyu_frame": 2}),
        ("6001", 1001, "ddd/test", {"parameter_set": "test", "nyu_frame": 1001, "group": "testing"}),
        ("6001_h", 1001, "ddd/test1", {"parameter_set": "test1", "nyu_frame": 1001, "group": "testing1"}),
    ],
)
def test_a_scene_is_what_the_simulator_makes_of_its_frame(mat, scene_id, frame, camera, facts):
    stored = next(scene for scene in collect(mat).scenes if scene.id == scene_id).load()
    colour, depth = nyu_frame(frame)
    sharp = torch.from_numpy(colour).permute(2, 0, 1)[None]
    expected = simulate_ddd(sharp, torch.from_numpy(depth)[None], DDD_CAMERAS[camera])
    for role in ("left", "right", "target"):
        picture = getattr(expected, role)[0].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(png16.decode(stored.files[role], role), picture)
    np.testing.assert_array_equal(read_pfm(stored.files["disparity"], "disparity"), expected.disparity[0].numpy())
    assert stored.facts == facts
    sample = ddd_syn.ADAPTER.decode(stored, {}, load_card("ddd-syn"))
    assert (sample.encoding, sample.bits, sample.center, sample.group) == ("srgb", 8, None, facts.get("group"))
    np.testing.assert_array_equal(sample.target, png16.to_unit(picture))
    np.testing.assert_array_equal(sample.disparity, expected.disparity[0].numpy())
    assert sample.disparity.min() > 0


def test_a_near_point_lies_farther_right_in_the_left_view(tmp_path):
    """The sign that all sets of the benchmark share: x_left - x_right = k - 1 for what is near."""
    colour, depth = np.zeros((480, 640, 3), np.uint8), np.full((480, 640), 8, np.float32)
    depth[200:280, 200:400] = 1
    colour[200:280, 298:302] = 255
    path = write_nyu_mat(tmp_path / "nyu.mat", [], count=1001)
    with h5py.File(path, "r+") as file:
        file["images"][1000], file["depths"][1000] = colour.transpose(2, 1, 0), depth.T
    stored = next(scene for scene in collect(path).scenes if scene.id == "6001_h").load()
    columns = {
        role: np.average(np.arange(640), weights=png16.decode(stored.files[role], role)[230:250].sum(axis=(0, 2)))
        for role in ("left", "right", "target")
    }
    side = np.floor(read_pfm(stored.files["disparity"], "disparity")[230, 300])
    zoom = 640 / 601
    assert side > 5
    assert columns["left"] - columns["right"] == pytest.approx((side - 1) * zoom, abs=0.6)
    assert columns["left"] - columns["target"] == pytest.approx((side - 1) / 2 * zoom, abs=0.4)


def test_the_command_line_prepares_the_shipped_card(ldpbench, home, tmp_path):
    source = write_nyu_mat(tmp_path / "fake.mat", count=1)
    refused = ldpbench("prepare", "ddd-syn", "--source", str(source))
    assert refused.returncode == 4
    assert "frames 2 to 1000 of NYU for ddd/train0" in refused.stderr
    ended = ldpbench("prepare", "ddd-syn", "--source", str(source), "--allow-partial", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)
    assert "partial-5-of-5500-" in ended.stdout
    assert "frames 1001 to 1150 of NYU for ddd/test1" in ended.stdout
    prepared = open_prepared(home, "ddd-syn")
    assert prepared.split("train").ids == ("0001", "1001", "2001", "3001", "4001")
    prepared.verify()


def stored_scenes(prepared: PreparedDataset, split: str) -> list[StoredSample]:
    """What was stored of a split, as the adapter gets it."""
    return [stored_sample(row) for row in datasets.load_from_disk(str(prepared.folder))[split]]


def test_threads_packing_and_layout_do_not_change_the_fingerprint(tiny_mat, home, tmp_path):
    prepared = prepare("tiny", home, source=str(tiny_mat), jobs=1)
    assert prepared.info.complete
    expected = prepared.info.fingerprint
    assert len(expected) == 64
    assert prepared.samples("test")[2].group == "testing1"
    zipped = tmp_path / "nyu.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tiny_mat, "data/nyu.mat")
    tree = as_the_authors_script_writes(prepared, tmp_path / "written")
    for source in (str(tiny_mat), str(zipped), tiny_mat.as_uri(), str(tree), str(tree / "NYU")):
        again = prepare("tiny", home, source=source, jobs=3)
        assert again.info.fingerprint == expected
        assert again.samples("test")[2].group == "testing1"
    assert again.info.layout == "generated"
    assert [stored_sample(row).facts for row in again._splits["train"]][-1] == {
        "nyu_frame": 2,
        "parameter_set": "train4",
    }


def as_the_authors_script_writes(prepared: PreparedDataset, root: Path) -> Path:
    """The prepared pictures in the published tree, the PFM header spelled another way."""
    for split in prepared.info.splits:
        for stored in stored_scenes(prepared, split):
            folder = root / "NYU" / str(stored.facts.get("group", "training"))
            number = stored.id.removesuffix("_h")
            for role, name in (("left", "dp/{}_l.png"), ("right", "dp/{}_r.png"), ("target", "gt/{}_m.png")):
                path = folder / name.format(number)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(stored.files[role])
            disparity = stored.files["disparity"].replace(b"\n-1\n", b"\n-1.000000\n", 1)
            (folder / "disp").mkdir(exist_ok=True)
            (folder / "disp" / f"{number}_dm.pfm").write_bytes(disparity)
    return root


def test_a_file_with_too_few_frames_gives_a_marked_subset(tiny, home, tmp_path):
    source = write_nyu_mat(tmp_path / "nyu.mat", range(1, 4), count=3, size=SMALL)
    with pytest.raises(IntegrityError) as caught:
        prepare("tiny", home, source=str(source))
    assert caught.value.faults == ("frames 4 to 4 of NYU for ddd/test: missing",)
    info = prepare("tiny", home, source=str(source), allow_partial=True).info
    assert {split: (part.count, part.complete) for split, part in info.splits.items()} == {
        "train": (10, True),
        "test": (2, False),
    }
    assert info.fingerprint.startswith("partial-12-of-13-")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Not found</body></html>")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def old_matlab(path: Path) -> None:
    savemat(path, {"images": np.zeros((2, 2)), "depths": np.zeros((2, 2))})


def other_variables(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.move("depths", "Depths")


def a_group(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.move("images", "old")
        file.create_group("images")


def not_turned(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["images"]
        file["images"] = np.zeros((4, 72, 96, 3), np.uint8)


def double_precision(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["depths"]
        file["depths"] = np.ones((4, *SMALL))


def nothing_in_it(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["images"]
        file["images"] = h5py.Empty("u1")


def damaged_table(path: Path) -> None:
    with h5py.File(path) as file:
        address = h5py.h5o.get_info(file["images"].id).addr
    with path.open("r+b") as stream:
        stream.seek(512 + address)  # HDF5 counts from behind MATLAB's own head
        stream.write(b"\xff" * 64)


def unequal(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["depths"]
        file["depths"] = np.ones((3, *SMALL), np.float32)


FAULTS = [
    (truncated, "found a damaged one or another kind (Unable to synchronously open file (truncated file"),
    (a_web_page, "it is a web page (HTML)"),
    (empty, "the file is empty"),
    (old_matlab, "found one of MATLAB 5 to 7"),
    (other_variables, "expected the variables images and depths, found Depths, images, rawDepths"),
    (a_group, "expected the variables images and depths"),
    (not_turned, "expected images to be uint8 (frames, 3, 96, 72), found uint8 (4, 72, 96, 3)"),
    (double_precision, "expected depths to be float32 (frames, 96, 72), found float64 (4, 96, 72)"),
    (nothing_in_it, "expected images to be uint8 (frames, 3, 96, 72), found uint8 None"),
    (damaged_table, "its variables cannot be read ("),
    (unequal, "expected one depth map a picture, found 3 for 4"),
]


@pytest.mark.parametrize(("spoil", "sentence"), FAULTS, ids=[spoil.__name__ for spoil, _ in FAULTS])
def test_another_file_in_its_place_is_named(tiny_mat, home, spoil, sentence):
    spoil(tiny_mat)
    with pytest.raises(IntegrityError) as caught:
        prepare("tiny", home, source=str(tiny_mat), allow_partial=True)
    assert caught.value.message.startswith("nyu.mat in ")
    assert sentence in caught.value.message
    assert "nyu_depth_v2_labeled.mat" in caught.value.hint
    assert not home.datasets.exists() or not any(home.datasets.iterdir())


def test_another_file_inside_an_archive_is_named(tiny, home, tmp_path):
    with zipfile.ZipFile(tmp_path / "nyu.zip", "w") as archive:
        archive.writestr("data/nyu.mat", "<html><body>Not found</body></html>")
    with pytest.raises(IntegrityError, match=r"nyu\.zip/data/nyu\.mat in .*: it is a web page"):
        prepare("tiny", home, source=str(tmp_path / "nyu.zip"))


def test_a_full_temporary_folder_is_a_sentence(tiny_mat, home, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with zipfile.ZipFile(tmp_path / "nyu.zip", "w") as archive:
        archive.write(tiny_mat, "nyu.mat")
    monkeypatch.setattr(nyu.shutil, "copyfileobj", fail)
    with pytest.raises(StorageError, match="cannot unpack nyu.zip/nyu.mat in .*: No space left on device") as caught:
        prepare("tiny", home, source=str(tmp_path / "nyu.zip"))
    assert "TMPDIR" in caught.value.hint


def test_nothing_of_the_set_is_a_sentence(tiny, home, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(IntegrityError, match="holds neither nyu_depth_v2_labeled.mat nor files such as training/dp"):
        prepare("tiny", home, source=str(tmp_path / "empty"), allow_partial=True)
    for name in ("a.mat", "b.mat"):
        a_web_page(tmp_path / "empty" / name)
    with pytest.raises(IntegrityError, match="holds neither") as caught:
        prepare("tiny", home, source=str(tmp_path / "empty"))
    assert len(caught.value.faults) == 2


def test_other_mat_files_beside_it_do_no_harm(tiny_mat, home):
    old_matlab(tiny_mat.with_name("accelData.mat"))
    folder = tiny_mat.parent / "source"
    folder.mkdir()
    for path in tiny_mat.parent.glob("*.mat"):
        shutil.move(path, folder)
    assert prepare("tiny", home, source=str(folder)).info.complete


@pytest.mark.parametrize(("value", "found"), [(0.0, "0.0 to"), (-1.0, "-1.0 to"), (np.nan, "nan"), (np.inf, "to inf")])
@pytest.mark.parametrize("allow_partial", [False, True])
def test_a_depth_that_cannot_be_is_named_with_its_frame(tiny, home, tmp_path, value, found, allow_partial):
    depth = depth_plane(2, SMALL)
    depth[5, 7] = value
    source = write_nyu_mat(tmp_path / "nyu.mat", range(1, 5), count=4, size=SMALL, changes={2: depth})
    with pytest.raises(IntegrityError) as caught:
        prepare("tiny", home, source=str(source), allow_partial=allow_partial)
    assert len(caught.value.faults) == 5, "once for each of the five training sets"
    for fault in caught.value.faults:
        assert "frame 2 of nyu.mat in " in fault
        assert found in fault


def test_a_damaged_frame_is_named(tiny, home, tmp_path):
    path = write_nyu_mat(tmp_path / "nyu.mat", range(1, 5), count=4, size=SMALL)
    with h5py.File(path) as file:
        chunk = file["images"].id.get_chunk_info_by_coord((1, 0, 0, 0))
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset + chunk.size // 2)  # h5py counts from the start of the file, head included
        stream.write(bytes(chunk.size // 2))
    with pytest.raises(IntegrityError) as caught:
        prepare("tiny", home, source=str(path))
    assert {fault.split(" (")[0] for fault in caught.value.faults} == {f"nyu.mat in {path}: frame 2 is damaged"}


class FailingDisk(io.BytesIO):
    """A stream whose medium breaks."""

    broken = False

    def readinto(self, buffer):
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().readinto(buffer)


def test_a_failing_disk_is_not_taken_for_a_damaged_file(tiny_mat):
    disk = FailingDisk(tiny_mat.read_bytes())
    tree = Tree("disk", {"nyu.mat": TreeFile(tiny_mat.stat().st_size, "", lambda: disk)})
    frames = nyu.NyuFrames(tree, "nyu.mat", width_px=SMALL[0], height_px=SMALL[1])
    disk.broken = True
    with pytest.raises(StorageError, match="cannot read nyu.mat in disk: Input/output error"):
        frames.read(2)


def test_the_file_is_closed_when_the_frames_are_let_go(tiny_mat):
    opened = []
    tree = Tree("disk", {"nyu.mat": TreeFile(1, "", lambda: opened.append(tiny_mat.open("rb")) or opened[-1])})
    frames = nyu.NyuFrames(tree, "nyu.mat", width_px=SMALL[0], height_px=SMALL[1])
    assert not opened[0].closed
    del frames
    assert opened[0].closed


@pytest.fixture
def written(tiny, tmp_path) -> Path:
    """The authors' tree of the tiny set, whole."""
    numbers = {
        "training": [n + 1000 * s for s in range(5) for n in (1, 2)],
        "testing": [5003, 5004],
        "testing1": [5003],
    }
    return write_ddd_tree(tmp_path / "written", numbers, SMALL)


def test_folders_with_equal_numbers_stay_apart(written, home):
    shutil.copy(written / "NYU/testing/gt/5004_m.png", written / "NYU/testing1/gt/5003_m.png")
    samples = prepare("tiny", home, source=str(written)).samples("test")
    assert samples.ids == ("5003", "5004", "5003_h")
    np.testing.assert_array_equal(samples[2].target, png16.to_unit(colour_picture(50042, SMALL)))
    np.testing.assert_array_equal(samples[0].target, png16.to_unit(colour_picture(50032, SMALL)))
    with pytest.raises(IntegrityError, match="holds neither"):
        prepare("tiny", home, source=str(written / "NYU/testing"), allow_partial=True)


def test_missing_and_damaged_files_of_the_tree_are_all_named(written, home):
    (written / "NYU/testing/disp/5004_dm.pfm").unlink()
    with pytest.raises(IntegrityError) as caught:
        prepare("tiny", home, source=str(written))
    assert caught.value.faults == ("testing/disp/5004_dm.pfm: missing",)
    info = prepare("tiny", home, source=str(written), allow_partial=True).info
    assert info.fingerprint.startswith("partial-12-of-13-")

    plane = written / "NYU/training/disp/0001_dm.pfm"
    plane.write_bytes(plane.read_bytes()[:-4])
    (written / "NYU/training/disp/0002_dm.pfm").write_bytes(write_pfm(np.ones((4, 4), np.float32)))
    picture = written / "NYU/training/dp/1001_l.png"
    picture.write_bytes(png16.encode(png16.read(picture)[::2].copy()))
    with pytest.raises(IntegrityError) as caught:
        prepare("tiny", home, source=str(written), allow_partial=True)
    faults = "\n".join(caught.value.faults)
    assert len(caught.value.faults) == 3
    assert "NYU/training/disp/0001_dm.pfm: expected 27648 bytes for 96x72 px after the header, found 27644" in faults
    assert "NYU/training/disp/0002_dm.pfm: expected 96x72 px, found 4x4" in faults
    assert "NYU/training/dp/1001_l.png: expected 96x72 px, found 96x36" in faults


def test_a_mat_file_that_is_not_used_is_mentioned(written, home):
    notes = []

    class Listener(type(SILENT)):
        def note(self, message):
            notes.append(message)

    old_matlab(written / "depths.mat")
    assert prepare("tiny", home, source=str(written), progress=Listener()).info.layout == "generated"
    assert [note for note in notes if note.startswith("not used: depths.mat in ")]
