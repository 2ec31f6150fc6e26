"""What every dataset card must hold, ours and any plugin's."""

import hashlib

import pytest

from ldpbench.core.resources import shipped_root
from ldpbench.data.adapter import load_adapter
from ldpbench.data.cards import CARD_FILE, card_folder, dataset_manifest, load_card
from ldpbench.metrics.catalogue import get_metric

IDS = sorted(path.parent.name for path in (shipped_root() / "datasets_cards").glob(f"*/{CARD_FILE}"))


def test_there_are_cards():
    assert set(IDS) == {"ddd-syn", "dpd-blur", "dpd-disp", "mixed-train", "pixeldp", "rdpd", "sample", "sample-train"}


@pytest.mark.parametrize("dataset_id", IDS)
def test_the_card_is_whole(dataset_id):
    card = load_card(dataset_id)
    assert card.id == dataset_id
    assert card.licence
    assert all(count is None or count > 0 for count in card.splits.values())
    assert hasattr(load_adapter(card.adapter), "collect")
    assert hasattr(load_adapter(card.adapter), "decode")
    for spec in card.map_protocols:
        assert {get_metric(metric).spec.task for metric in spec.metrics} <= {"disparity", "blurmap"}
    for spec in card.protocols:
        assert "psnr" in spec.metrics
        assert spec.regions[0] == "all"
        for metric in spec.metrics:
            assert get_metric(metric).spec.task == "deblur"


@pytest.mark.parametrize("dataset_id", IDS)
def test_the_manifest_fits_the_card(dataset_id):
    card, rows = load_card(dataset_id), dataset_manifest(dataset_id)
    if card.content == "pixels":
        # What is rendered here has no list of a publisher's files; what it is rendered from may have one.
        assert not rows or card.sources[0].tree is not None
        assert all(row.sha256 and row.bytes for row in rows)
        assert card.fingerprint or card.access != "generated", "a set generated from nothing pins its content"
        return
    assert len({row.path for row in rows}) == len(rows)
    scenes = {(row.split, row.sample_id) for row in rows if row.role != "calibration"}
    for split, count in card.splits.items():
        assert sum(1 for found, _ in scenes if found == split) == count
    for row in rows:
        assert row.role == "calibration" or row.split in card.splits
        assert not row.path.startswith(("/", ".."))


def test_pixeldp_pins_the_publishers_files():
    rows = dataset_manifest("pixeldp")
    assert len(rows) == 72
    assert sum(row.bytes for row in rows) == 151_439_696
    assert load_card("pixeldp").sources[0].revision == "d6a92620163cb462ff5b77a813bc5c03b0dab240"
    # Independent arithmetic for the pinned fingerprint of the whole set.
    lines = sorted(
        ["" if row.role == "calibration" else row.split, row.sample_id, row.role, row.sha256] for row in rows
    )
    text = "\n".join("[" + ",".join(f'"{cell}"' for cell in line) + "]" for line in lines)
    assert load_card("pixeldp").fingerprint == hashlib.sha256(text.encode()).hexdigest()


def test_card_folders_hold_nothing_unexpected():
    for dataset_id in IDS:
        names = {path.name for path in card_folder(dataset_id).iterdir()}
        assert names <= {"card.yaml", "manifest.csv", "README.md"}
