"""Choosing among a card's sources, and among the files of one."""

import pytest

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.data.prepare import prepare
from ldpbench.data.selection import Selection
from ldpbench.data.sources import _packaging_of, _remote_files
from tests import fake_dpd
from tests.fault_server import FaultServer


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    for name, value in {"STALL_S": "0.2", "BACKOFF_S": "0.001", "LONGEST_WAIT_S": "0.01", "ATTEMPTS": "2"}.items():
        monkeypatch.setenv(f"LDPBENCH_FETCH_{name}", value)


def test_only_what_is_wanted_is_fetched():
    card, manifest = load_card("dpd-blur"), dataset_manifest("dpd-blur")
    sources = {source.id: source for source in card.sources}
    test = Selection.of(card, ["test"], None)
    assert [file.name for file in _remote_files(sources["restormer"], manifest, test)] == ["test.zip"]
    loose = _remote_files(sources["loose"], manifest, test)
    assert len(loose) == 4 * 76
    assert loose[0].uris[0].startswith("hf://datasets/JacobLinCool/DPDD@52e4035a")
    assert len(_remote_files(sources["loose"], manifest, Selection.of(card, [], 2))) == 3 * 2 * 4
    pixeldp = load_card("pixeldp")
    few = _remote_files(pixeldp.sources[0], dataset_manifest("pixeldp"), Selection.of(pixeldp, [], 1))
    assert len(few) == 4 + 4, "one scene, and the calibration"
    assert all(file.checksum and file.bytes for file in few)


def test_an_address_that_a_user_gives_is_an_archive_or_a_tree():
    manifest = dataset_manifest("dpd-blur")
    assert _packaging_of("https://x.org/a/test.zip?dl=1", manifest).files[0].name == "test.zip"
    assert _packaging_of("gdrive://abc", manifest).files[0].uris == ("gdrive://abc",)
    assert _packaging_of("https://x.org/set/", manifest).tree == "https://x.org/set/{path}"
    assert _packaging_of("https://x.org/set", ()).files[0].name == "set"


def test_the_next_source_is_tried_and_all_reasons_are_told_shortly(tmp_path, home, monkeypatch):
    archives = {f"{split}.zip": b"<html>quota exceeded</html>" for split in ("train", "val", "test")}
    whole = {"set.zip": fake_dpd.write_zip(tmp_path / "set.zip", fake_dpd.official()).read_bytes()}
    with FaultServer(archives) as bad, FaultServer(whole) as good:
        sources = [
            {
                "id": "first",
                "title": "first",
                "layout": "restormer",
                "files": [{"name": name, "uris": [bad.url(name)]} for name in archives],
            },
            {
                "id": "second",
                "title": "second",
                "layout": "official",
                "files": [{"name": "set.zip", "uris": [good.url("set.zip")]}],
            },
        ]
        monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(fake_dpd.write_cards(tmp_path / "cards", sources=sources)))
        info = prepare(fake_dpd.BLUR_ID, home).info
        assert info.complete
        assert info.source == good.url("set.zip")
        good.files = {}
        with pytest.raises(MissingPrerequisiteError, match="from any of its 2 sources: first: .*; second: ") as caught:
            prepare(fake_dpd.BLUR_ID, type(home)(tmp_path / "other"))
    assert len(caught.value.message) < 500
    with pytest.raises(UsageError, match="no source of fake-dpd-blur is called 'third'"):
        prepare(fake_dpd.BLUR_ID, type(home)(tmp_path / "other"), packaging="third")
