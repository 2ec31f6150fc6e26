"""Mixed-train as a user prepares it, from made-up photographs under the publisher's names."""

import cv2
import numpy as np
import pytest

from ldpbench.core.errors import LdpbenchError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT
from ldpbench.data.adapters.mixed_train import ADAPTER
from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.data.prepare import prepare
from ldpbench.data.tree import open_tree


@pytest.fixture
def folder(tmp_path):
    """24 pictures of the right size; their content is not that of the photographs."""
    rng = np.random.default_rng(3)
    for row in dataset_manifest("mixed-train"):
        path = tmp_path / row.path
        path.parent.mkdir(exist_ok=True)
        small = rng.integers(0, 256, (row.height_px // 16, row.width_px // 16, 3)).astype(np.uint8)
        cv2.imwrite(str(path), cv2.resize(small, (row.width_px, row.height_px)))
    return tmp_path


def collect(folder):
    card = load_card("mixed-train")
    rows = tuple(
        row.model_copy(update={"sha256": sha256_bytes((folder / row.path).read_bytes())})
        for row in dataset_manifest("mixed-train")
    )
    return ADAPTER.collect(card, rows, open_tree(str(folder)), device="cpu", progress=SILENT)


def test_scenes_come_from_the_photographs_and_decode_to_samples(folder):
    found = collect(folder)
    assert len(found.scenes) == 1104
    assert not found.missing
    stored = next(scene for scene in found.scenes if scene.split == "val").load()
    sample = ADAPTER.decode(stored, {}, load_card("mixed-train"))
    assert sample.left.shape == sample.target.shape == (256, 256, 3)
    assert sample.bits == 16
    assert sample.encoding == ("linear" if stored.facts["is_linear"] else "srgb")
    assert np.abs(sample.blur_map).max() <= 24


def test_without_a_photograph_there_is_no_scene_and_its_name_is_said(folder):
    (folder / "PhotoCD_PCD0992" / "07.png").unlink()
    with pytest.raises(LdpbenchError, match=r"07\.png"):
        prepare("mixed-train", Home(folder / "home"), source=str(folder), splits=["val"], max_scenes=1)


def test_other_pictures_under_the_same_names_are_refused(folder):
    with pytest.raises(LdpbenchError, match=r"01\.png: expected SHA-256 a56e27"):
        prepare(
            "mixed-train", Home(folder / "home"), source=str(folder), splits=["val"], max_scenes=1, allow_partial=True
        )


def test_the_manifest_pins_every_photograph():
    rows = dataset_manifest("mixed-train")
    assert [row.sample_id for row in rows] == [f"{number:02d}" for number in range(1, 25)]
    assert len({row.sha256 for row in rows}) == 24
    assert all(sha256_bytes(b"") != row.sha256 for row in rows)
    assert {(row.width_px, row.height_px) for row in rows} == {(768, 512), (512, 768)}
