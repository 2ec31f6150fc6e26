"""RDPD from SYNTHIA-SF and from the tree of the authors' script, and every way either is not what it should be."""

import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch

from ldpbench.core.errors import IntegrityError
from ldpbench.core.progress import SILENT
from ldpbench.data import png16
from ldpbench.data.adapter import Collection, StoredSample
from ldpbench.data.adapters import rdpd
from ldpbench.data.cards import load_card
from ldpbench.data.hugging_face import stored_sample
from ldpbench.data.layouts.rdpd import RDPD_SEQUENCES
from ldpbench.data.layouts.synthia import in_natural_order
from ldpbench.data.prepare import prepare
from ldpbench.data.prepared import PreparedDataset, open_prepared
from ldpbench.data.tree import Tree, TreeFile, open_tree
from ldpbench.simulation.psf import PsfShape
from ldpbench.simulation.rdpd import RDPD_SETS, simulate_rdpd
from tests.fake_synthetic import (
    SYNTHIA_SIZE,
    colour_picture,
    depth_codes,
    depth_plane,
    write_card,
    write_rdpd_tree,
    write_synthia_sf,
)

SMALL = (96, 64)
TEST_NUMBERS = (3, 9, 15, 21, 27)


@pytest.fixture(autouse=True)
def _small(tmp_path, monkeypatch):
    """A plugin card for small frames."""
    root = write_card(tmp_path / "plugin", "rdpd", "small", width_px=SMALL[0], height_px=SMALL[1])
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(root))


@pytest.fixture
def synthia(tmp_path) -> Path:
    """Two frames of each sequence."""
    return write_synthia_sf(tmp_path / "SYNTHIA-SF", 2)


@pytest.fixture
def written(tmp_path) -> Path:
    """The authors' tree, two frames of each sequence."""
    return write_rdpd_tree(tmp_path / "written", 2) / "dd_dp_dataset_synth_vid"


def collect(tree: Tree) -> Collection:
    return rdpd.ADAPTER.collect(load_card("small"), (), tree, device="cpu", progress=SILENT)


def stored_scenes(prepared: PreparedDataset, split: str) -> list[StoredSample]:
    """What was stored of a split, as the adapter gets it."""
    return [stored_sample(row) for row in datasets.load_from_disk(str(prepared.folder))[split]]


def test_sequences_are_numbered_camera_set_after_camera_set():
    assert [sequence.number for sequence in RDPD_SEQUENCES] == list(range(1, 31))
    assert [sequence.number for sequence in RDPD_SEQUENCES if sequence.split == "test"] == list(TEST_NUMBERS)
    for camera_set in range(5):
        for place in range(1, 7):
            sequence = RDPD_SEQUENCES[6 * camera_set + place - 1]
            assert (sequence.camera_set, sequence.source) == (camera_set, f"SEQ{place}")


def test_the_whole_set_with_validation_as_another_name_of_test(synthia, home):
    prepared = prepare("small", home, source=str(synthia))
    info = prepared.info
    assert info.complete
    assert {split: (part.count, part.whole) for split, part in info.splits.items()} == {
        "train": (50, 50),
        "test": (10, 10),
    }
    assert info.layout == "synthia"
    assert "SEQ1 2, SEQ2 2" in info.remarks[0]
    expected = tuple(f"seq_{number:03d}-{frame:07d}" for number in TEST_NUMBERS for frame in range(2))
    assert prepared.split("test").ids == prepared.split("val").ids == expected
    sample = prepared.split("val")[0]
    assert (sample.split, sample.encoding, sample.bits) == ("test", "srgb", 8)
    assert sample.center is not None
    assert sample.blur_map is sample.disparity is sample.depth_m is None
    assert sample.left.shape == (64, 96, 3)
    prepared.verify()


@pytest.mark.parametrize(
    ("scene_id", "place", "frame", "camera_set", "shape"),
    [
        ("seq_022-0000001", 3, 1, 3, PsfShape(3, 2.0, 0.2, 1 / 7)),
        ("seq_009-0000000", 2, 0, 1, PsfShape(3, 2.0, 0.1, 1 / 7)),
        ("seq_030-0000000", 5, 0, 4, PsfShape(6, 2.5, 0.2, 1 / 7)),
    ],
)
def test_a_scene_is_what_the_simulator_makes_of_its_frame(synthia, scene_id, place, frame, camera_set, shape):
    stored = next(scene for scene in collect(open_tree(str(synthia))).scenes if scene.id == scene_id).load()
    seed = 100 * place + frame
    # Independent decoding of the codes: a little-endian integer of three bytes.
    codes = depth_codes(depth_plane(seed, SMALL, 1.5, 60.0))
    depth_m = np.pad(codes, ((0, 0), (0, 0), (0, 1))).view("<u4")[..., 0] * (1000 / (2**24 - 1))
    optics = RDPD_SETS[f"rdpd/set{camera_set}"]
    views = simulate_rdpd(
        torch.from_numpy(colour_picture(seed, SMALL)).permute(2, 0, 1)[None],
        torch.from_numpy(depth_m)[None],
        optics.camera,
        shape,
        distortion=optics.distortion,
    )
    for role in ("left", "right", "center", "target"):
        expected = getattr(views, role)[0].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(png16.decode(stored.files[role], role), expected)
    assert stored.files["target"] != png16.encode(colour_picture(seed, SMALL)), "the target is distorted too"
    assert stored.facts == {"camera_set": camera_set, "sequence": f"SEQ{place + 1}", "position": frame}


def test_the_command_line_prepares_the_shipped_card(ldpbench, home, tmp_path):
    source = write_synthia_sf(tmp_path / "big", 1, SYNTHIA_SIZE, sequences=["SEQ3"], flat=True)
    ended = ldpbench("prepare", "rdpd", "--source", str(source), "--split", "test", "--max-scenes", "1", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)
    assert "partial-1-of-unknown-" in ended.stdout
    sample = open_prepared(home, "rdpd").split("val")[0]
    assert (sample.id, sample.left.shape) == ("seq_003-0000000", (1080, 1920, 3))


def test_without_a_source_the_steps_are_told(ldpbench):
    ended = ldpbench("prepare", "rdpd")
    assert ended.returncode == 3
    assert "synthia-dataset.net/downloads" in ended.stderr


def test_threads_packing_and_depth_of_the_folder_do_not_change_the_fingerprint(synthia, home, tmp_path):
    expected = prepare("small", home, source=str(synthia), jobs=1).info.fingerprint
    packed = tmp_path / "packed"
    packed.mkdir()
    for number in range(6, 0, -1):  # archives of single sequences, made in another order
        with zipfile.ZipFile(packed / f"part{7 - number}.zip", "w") as archive:
            for path in sorted((synthia / f"SEQ{number}").rglob("*.png"), reverse=True):
                archive.write(path, path.relative_to(synthia))
    for source in (tmp_path / "SYNTHIA-SF", packed):
        assert prepare("small", home, source=str(source), jobs=3).info.fingerprint == expected


def test_a_subset_is_assigned_by_name_and_not_by_what_is_there(synthia, home):
    whole = prepare("small", home, source=str(synthia))
    test, train = whole.info.splits["test"].fingerprint, {row.id: row.files for row in stored_scenes(whole, "train")}
    for name in ("SEQ1", "SEQ2", "SEQ4", "SEQ6"):
        shutil.rmtree(synthia / name)
    with pytest.raises(IntegrityError) as caught:
        prepare("small", home, source=str(synthia))
    assert caught.value.faults == ("SEQ1: missing", "SEQ2: missing", "SEQ4: missing", "SEQ6: missing")
    part = prepare("small", home, source=str(synthia), allow_partial=True)
    assert part.info.splits["test"].fingerprint == test
    assert part.info.splits["train"].fingerprint.startswith("partial-10-of-unknown-")
    for row in stored_scenes(part, "train"):
        assert row.facts["sequence"] == "SEQ5"
        assert row.files == train[row.id]


def test_without_depth_a_sequence_is_missing(synthia, home):
    shutil.rmtree(synthia / "SEQ3" / "DepthLeft")
    with pytest.raises(IntegrityError) as caught:
        prepare("small", home, source=str(synthia))
    assert caught.value.faults == ("SEQ3/DepthLeft: missing",)
    assert list(prepare("small", home, source=str(synthia), allow_partial=True).info.splits) == ["train"]


def another_folder(root: Path) -> str:
    shutil.copytree(root / "SEQ6", root / "SEQ7")
    return "SEQ7: expected SEQ1 to SEQ6 only, found SEQ7; a sequence's place in the list of folders decides"


def a_frame_without_depth(root: Path) -> str:
    (root / "SEQ2/DepthLeft/0000000.png").unlink()
    return "SEQ2/DepthLeft/0000000.png: missing, but SEQ2/RGBLeft has it"


def another_frame_name(root: Path) -> str:
    (root / "SEQ2/RGBLeft/0000001.png").rename(root / "SEQ2/RGBLeft/0000002.png")
    return "SEQ2/RGBLeft/0000001.png: missing, but SEQ2/DepthLeft has it"


def a_sequence_twice(root: Path) -> str:
    shutil.copytree(root / "SEQ2", root / "copy" / "SEQ2")
    return "SEQ2/RGBLeft: found in SEQ2/RGBLeft and in copy/SEQ2/RGBLeft"


def another_size(root: Path) -> str:
    path = root / "SEQ4/RGBLeft/0000001.png"
    path.write_bytes(png16.encode(png16.read(path)[::2].copy()))
    return "SEQ4/RGBLeft/0000001.png: expected uint8 (64, 96, 3), found uint8 (32, 96, 3)"


def depth_of_16_bits(root: Path) -> str:
    path = root / "SEQ4/DepthLeft/0000001.png"
    path.write_bytes(png16.encode(np.ones((64, 96), np.uint16)))
    return "SEQ4/DepthLeft/0000001.png: expected uint8 (64, 96, 3), found uint16 (64, 96)"


def truncated(root: Path) -> str:
    path = root / "SEQ4/DepthLeft/0000001.png"
    path.write_bytes(path.read_bytes()[:-20])
    return "SEQ4/DepthLeft/0000001.png: the PNG is truncated"


def a_web_page(root: Path) -> str:
    (root / "SEQ4/RGBLeft/0000000.png").write_text("<html><body>Too many requests</body></html>")
    return "SEQ4/RGBLeft/0000000.png: it is a web page (HTML)"


@pytest.mark.parametrize("allow_partial", [False, True])
@pytest.mark.parametrize(
    "spoil",
    [
        another_folder,
        a_frame_without_depth,
        another_frame_name,
        a_sequence_twice,
        another_size,
        depth_of_16_bits,
        truncated,
        a_web_page,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_a_fault_of_the_source_is_named_and_nothing_is_left(synthia, home, spoil, allow_partial):
    sentence = spoil(synthia)
    with pytest.raises(IntegrityError) as caught:
        prepare("small", home, source=str(synthia), allow_partial=allow_partial)
    assert any(sentence in fault for fault in caught.value.faults), caught.value.faults
    assert not home.datasets.exists() or not any(home.datasets.iterdir())


def test_nothing_of_the_set_is_a_sentence(synthia, home):
    with pytest.raises(IntegrityError, match="holds neither pictures in folders such as SEQ1/RGBLeft") as caught:
        prepare("small", home, source=str(synthia / "SEQ1"), allow_partial=True)
    assert "give the folder with SEQ1 to SEQ6" in caught.value.hint


def test_gaps_in_the_numbers_are_remarked_upon(synthia):
    for kind in ("RGBLeft", "DepthLeft"):
        (synthia / "SEQ5" / kind / "0000001.png").rename(synthia / "SEQ5" / kind / "0000009.png")
    remarks = collect(open_tree(str(synthia))).remarks
    assert remarks[1:] == ("The numbers of SEQ5's frames have gaps between 0000000 and 0000009.",)


def test_numbers_in_names_count_as_numbers():
    assert in_natural_order(["10", "9", "a10", "a9", "0000003"]) == ["0000003", "9", "10", "a9", "a10"]
    assert in_natural_order(["2²", "01", "1", "b", "a1b", ""]) == ["", "01", "1", "2²", "a1b", "b"]


def test_the_authors_forty_test_frames_are_marked():
    """As the authors gave them: first frames by sequence, clips of four."""
    given = {3: [15, 39], 9: [93, 127], 15: [116, 23], 21: [94, 163], 27: [178, 104]}
    expected = {(number, start + step) for number, starts in given.items() for start in starts for step in range(4)}
    found = {
        (sequence.number, position): sequence.facts(position)["clip"]
        for sequence in RDPD_SEQUENCES
        for position in range(200)
        if "clip" in sequence.facts(position)
    }
    assert set(found) == expected
    assert len(found) == 40
    assert set(Counter(found.values()).values()) == {4}
    assert found[15, 26] == "seq_015-23"


def test_a_long_source_is_listed_without_reading_it(monkeypatch):
    def refuse():
        raise AssertionError("collecting opens no file")

    names = [
        f"SEQ{number}/{kind}/{frame:07d}.png"
        for number in range(1, 7)
        for kind in ("RGBLeft", "DepthLeft")
        for frame in range(300)
    ]
    found = collect(Tree("far away", {name: TreeFile(1000, "", refuse) for name in names}))
    assert found.whole == {"train": 25 * 300, "test": 5 * 300}
    assert len({(scene.split, scene.id) for scene in found.scenes}) == 30 * 300
    assert sum(scene.size for scene in found.scenes) == 30 * 300 * 4000


def test_the_authors_tree_is_taken_as_it_is(written, home, tmp_path):
    prepared = prepare("small", home, source=str(written))
    info = prepared.info
    assert info.complete
    assert info.layout == "generated"
    assert {split: part.count for split, part in info.splits.items()} == {"train": 50, "test": 10}
    sample = next(sample for sample in prepared.split("val") if sample.id == "seq_009-0000001")
    for seed, role in enumerate(("left", "right", "center", "target")):
        picture = colour_picture(9010 + seed, SMALL)
        np.testing.assert_array_equal(getattr(sample, role), png16.to_unit(picture))
    facts = {row.id: row.facts for row in stored_scenes(prepared, "test")}
    assert facts["seq_009-0000001"] == {"camera_set": 1, "sequence": "SEQ3", "position": 1}
    for split in ("l", "r", "c"):
        shutil.rmtree(written / f"val_{split}")
    assert prepare("small", home, source=str(tmp_path / "written")).info.fingerprint == info.fingerprint


def test_the_authors_tree_may_lie_in_several_places(written, home, tmp_path):
    expected = prepare("small", home, source=str(written)).info.fingerprint
    (tmp_path / "elsewhere").mkdir()
    for folder in list(written.glob("train_*")):
        shutil.move(folder, tmp_path / "elsewhere" / folder.name)
    shutil.move(tmp_path / "elsewhere", tmp_path / "written" / "elsewhere")
    assert prepare("small", home, source=str(tmp_path / "written")).info.fingerprint == expected


def test_missing_files_of_the_tree_are_named(written, home):
    (written / "train_r/source/seq_010/0000001.png").unlink()
    for place in ("l/source", "r/source", "c/source", "c/target"):
        shutil.rmtree(written / f"train_{place}" / "seq_030")
    with pytest.raises(IntegrityError) as caught:
        prepare("small", home, source=str(written))
    assert caught.value.faults == (
        "train_r/source/seq_010/0000001.png: missing",
        "train_l, _r and _c of seq_030: missing",
    )
    info = prepare("small", home, source=str(written), allow_partial=True).info
    assert info.splits["test"].complete
    (written / "train_l/source/seq_010/0000001.png").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"train_l/source/seq_010/0000001\.png: the file is empty"):
        prepare("small", home, source=str(written), allow_partial=True)
    assert info.splits["train"].fingerprint.startswith("partial-47-of-unknown-")


def test_a_frame_that_no_folder_of_a_sequence_has_is_missing_if_another_camera_set_has_it(written, home):
    for place in ("l/source", "r/source", "c/source", "c/target"):
        (written / f"train_{place}" / "seq_011" / "0000000.png").unlink()
    with pytest.raises(IntegrityError) as caught:
        prepare("small", home, source=str(written))
    assert len(caught.value.faults) == 4
    assert "train_c/target/seq_011/0000000.png: missing" in caught.value.faults


def val_differs(root: Path) -> str:
    (root / "val_c/target/seq_015/0000001.png").write_bytes(png16.encode(np.zeros((64, 96, 3), np.uint8)))
    return "val_c/target/seq_015: expected the same files as in test_c/target, found another 0000001.png"


def val_lacks_a_frame(root: Path) -> str:
    (root / "val_l/source/seq_015/0000001.png").unlink()
    return "val_l/source/seq_015: expected the same files as in test_l/source, found another 0000001.png"


def out_of_order(root: Path) -> str:
    for place in ("l/source", "r/source", "c/source", "c/target"):
        shutil.move(root / f"train_{place}" / "seq_004", root / f"test_{place}" / "seq_004")
    return "test: found seq_004, which is of train: the sequences are out of order"


def too_many(root: Path) -> str:
    shutil.copytree(root / "train_l/source/seq_030", root / "train_l/source/seq_031")
    return "train: expected seq_001 to seq_030, found seq_031"


def two_trees(root: Path) -> str:
    shutil.copytree(root / "test_l", root / "copy" / "test_l")
    return "found the same files in copy/test_l/source/seq_003 and in test_l/source/seq_003"


def grey(root: Path) -> str:
    path = root / "train_l/source/seq_002/0000001.png"
    path.write_bytes(png16.encode(png16.read(path)[:, :, 0].copy()))
    return "train_l/source/seq_002/0000001.png: expected 3 channel(s), found 1"


@pytest.mark.parametrize(
    "spoil",
    [val_differs, val_lacks_a_frame, out_of_order, too_many, two_trees, grey],
    ids=lambda spoil: spoil.__name__,
)
def test_a_fault_of_the_tree_is_named(written, home, spoil):
    sentence = spoil(written)
    with pytest.raises(IntegrityError) as caught:
        prepare("small", home, source=str(written), allow_partial=True)
    assert any(sentence in fault for fault in caught.value.faults), caught.value.faults
