"""From a publisher's files to a verified dataset, and every way that goes wrong."""

import errno
import functools
import http.server
import json
import os
import re
import shutil
import threading
from pathlib import Path

import datasets
import numpy as np
import pytest

from ldpbench.core import atomic
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.home import Home
from ldpbench.data import png16
from ldpbench.data.adapters.pixeldp import CROP
from ldpbench.data.cards import dataset_manifest
from ldpbench.data.prepare import prepare
from ldpbench.data.prepared import open_prepared
from tests.fake_pixeldp import GAIN, SET_ID


@pytest.fixture
def fake(fake_pixeldp, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(fake_pixeldp.plugin))
    return fake_pixeldp


@pytest.fixture
def copy(fake, tmp_path) -> Path:
    """A source that a test may spoil."""
    return Path(shutil.copytree(fake.source, tmp_path / "source"))


def only(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def test_bytes_survive_bit_for_bit(fake, home):
    prepared = prepare(SET_ID, home, source=str(fake.source))
    assert prepared.info.complete
    assert len(prepared.info.fingerprint) == 64
    prepared.verify()
    stored = datasets.load_from_disk(str(prepared.folder))["test"]
    assert stored.features["left"] == datasets.Image(decode=False)
    original = (fake.source / "DP_data_pixel_4" / "001_left.png").read_bytes()
    assert stored[0]["left"]["bytes"] == original
    codes = png16.decode(stored[0]["left"]["bytes"], "left")
    assert codes.dtype == np.uint16
    assert (codes % 256).any()


def test_views_follow_the_publishers_conventions(fake, home):
    sample = prepare(SET_ID, home, source=str(fake.source)).samples("test")[0]
    raw = {
        side: png16.read(fake.source / "DP_data_pixel_4" / f"001_{side}.png").astype(np.int64)
        for side in ("left", "right")
    }
    left = np.maximum(raw["left"] - 1024, 0)[CROP] / 16383
    right = np.maximum(raw["right"] - 1024, 0)[CROP] / 16383 / GAIN
    assert sample.left.shape == (1008, 1344, 1)
    np.testing.assert_allclose(sample.left[..., 0], left, atol=1e-7)
    np.testing.assert_allclose(sample.right[..., 0], right, rtol=2e-4, atol=1e-6)
    assert sample.left[48, 64, 0] == 0.0, "a code below the black level must not wrap around"
    assert sample.white_level == pytest.approx(max(left.max(), right.max()), rel=2e-4)
    assert not sample.target[0].any()
    assert sample.blur_map is not None
    codes = png16.read(fake.source / "DP_data_pixel_4" / "gt_defocus_map" / "001_gt.png")
    np.testing.assert_array_equal(np.isnan(sample.blur_map), codes == 0)


def test_a_folder_inside_the_publishers_tree_will_do(fake, home):
    whole = prepare(SET_ID, home, source=str(fake.source)).info.fingerprint
    inner = prepare(SET_ID, home, source=str(fake.source / "DP_data_pixel_4")).info.fingerprint
    assert inner == whole


def test_any_fsspec_uri_will_do(fake, home, tmp_path):
    expected = prepare(SET_ID, home, source=str(fake.source)).info.fingerprint
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", fake.source)
    for uri in (fake.source.as_uri(), f"zip://::{archive}", f"zip://DP_data_pixel_4::{archive}"):
        info = prepare(SET_ID, home, source=uri).info
        assert info.fingerprint == expected
        assert info.source == uri


def test_a_subset_is_refused_with_every_fault_and_accepted_when_asked(copy, home):
    data = copy / "DP_data_pixel_4"
    (data / "002_left.png").unlink()
    (data / "gt_defocus_map" / "002_gt.png").unlink()
    with pytest.raises(IntegrityError) as caught:
        prepare(SET_ID, home, source=str(copy))
    assert caught.value.exit_code == 4
    assert caught.value.faults == (
        "DP_data_pixel_4/002_left.png: missing",
        "DP_data_pixel_4/gt_defocus_map/002_gt.png: missing",
    )
    assert "--allow-partial" in caught.value.hint
    assert only(home.datasets) == []

    info = prepare(SET_ID, home, source=str(copy), allow_partial=True).info
    assert info.fingerprint.startswith("partial-1-of-2-")
    assert not info.complete
    assert {name: part.count for name, part in info.splits.items()} == {"test": 1}
    assert len(info.missing) == 2


def _html(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Too many requests</body></html>")


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _eight_bit(path: Path) -> None:
    path.write_bytes(png16.encode((png16.read(path) >> 8).astype(np.uint8)))


def _resize(path: Path) -> None:
    path.write_bytes(png16.encode(png16.read(path)[::2, ::2].copy()))


def _flip_a_bit(path: Path) -> None:
    codes = png16.read(path)
    codes[5, 5] ^= 1
    path.write_bytes(png16.encode(codes))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


FAULTS = [
    (_html, "web page"),
    (_truncate, "truncated"),
    (_eight_bit, "expected 16-bit codes, found 8-bit"),
    (_resize, "expected 2016x1512 px, found 1008x756"),
    (_flip_a_bit, "expected "),
    (_empty, "the file is empty"),
]


@pytest.mark.parametrize(("spoil", "sentence"), FAULTS, ids=[spoil.__name__.strip("_") for spoil, _ in FAULTS])
@pytest.mark.parametrize("allow_partial", [False, True])
def test_an_altered_file_is_named_and_nothing_is_left(copy, home, spoil, sentence, allow_partial):
    spoil(copy / "DP_data_pixel_4" / "001_left.png")
    with pytest.raises(IntegrityError) as caught:
        prepare(SET_ID, home, source=str(copy), allow_partial=allow_partial)
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith("DP_data_pixel_4/001_left.png: ")
    assert sentence in caught.value.faults[0]
    assert caught.value.message.endswith(caught.value.faults[0]), "one fault, one line"
    assert caught.value.hint == "fetch these files again"
    assert only(home.datasets) == []


def test_without_white_sheets_there_is_no_right_view(copy, home):
    (copy / "DP_data_pixel_4" / "calibration" / "white_sheet_left.png").unlink()
    with pytest.raises(IntegrityError, match=r"white_sheet_left\.png: missing"):
        prepare(SET_ID, home, source=str(copy), allow_partial=True)


def test_a_failed_second_prepare_keeps_the_first(fake, copy, home):
    first = prepare(SET_ID, home, source=str(fake.source)).info.fingerprint
    _truncate(copy / "DP_data_pixel_4" / "001_left.png")
    with pytest.raises(IntegrityError):
        prepare(SET_ID, home, source=str(copy))
    assert open_prepared(home, SET_ID).info.fingerprint == first
    assert only(home.datasets) == [SET_ID]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_is_a_sentence(fake, home, monkeypatch, code):
    def fail(*_: object, **__: object) -> str:
        raise OSError(code, "No space left on device" if code == errno.ENOSPC else "Read-only file system")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(StorageError, match=str(home.datasets)) as caught:
        prepare(SET_ID, home, source=str(fake.source))
    assert "LDPBENCH_HOME" in caught.value.hint
    assert only(home.datasets) == []


def test_a_source_that_is_not_there_or_not_a_folder(fake, home, tmp_path):
    with pytest.raises(MissingPrerequisiteError, match="does not exist"):
        prepare(SET_ID, home, source=str(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(IntegrityError, match="holds none of the 10 files of the set"):
        prepare(SET_ID, home, source=str(tmp_path / "file"))
    with pytest.raises(UsageError, match="cannot be opened"):
        prepare(SET_ID, home, source="nosuchprotocol://x/y")
    with pytest.raises(IntegrityError, match="holds none of the 10 files"):
        (tmp_path / "empty").mkdir()
        prepare(SET_ID, home, source=str(tmp_path / "empty"), allow_partial=True)


def test_an_unreadable_folder_is_named(fake, home, monkeypatch):
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path) == str(fake.source):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match="Permission denied") as caught:
        prepare(SET_ID, home, source=str(fake.source))
    assert str(fake.source) in caught.value.message


class _CountingHandler(http.server.SimpleHTTPRequestHandler):
    served: list[str]

    def do_GET(self) -> None:
        self.served.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(fake, copy, monkeypatch, tmp_path):
    """The card's own address, on loopback: (requests seen, the folder that is served)."""
    served: list[str] = []
    handler = type("Handler", (_CountingHandler,), {"served": served})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(copy)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    plugin = tmp_path / "plugin"
    shutil.copytree(fake.plugin, plugin)
    card = plugin / "datasets_cards" / SET_ID / "card.yaml"
    text = card.read_text()
    start = text.index("tree: ") + len("tree: ")
    end = text.index("\n", start)
    card.write_text(text[:start] + f"http://127.0.0.1:{httpd.server_port}/{{path}}" + text[end:])
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(plugin))
    yield served, copy
    httpd.shutdown()
    httpd.server_close()


def test_the_publishers_address_is_the_default_and_what_is_verified_is_kept(server, home):
    served, _ = server
    info = prepare(SET_ID, home).info
    assert info.complete
    assert info.source.startswith("http://127.0.0.1")
    asked = len(served)
    assert asked >= len(dataset_manifest(SET_ID))
    shutil.rmtree(home.datasets)
    assert prepare(SET_ID, home).info.fingerprint == info.fingerprint
    assert len(served) == asked, "the second time every file came from the kept copy"


def test_a_bad_download_is_named_and_only_it_is_fetched_again(server, home):
    served, folder = server
    spoiled = folder / "DP_data_pixel_4" / "002_right.png"
    good = spoiled.read_bytes()
    _html(spoiled)
    (folder / "DP_data_pixel_4" / "001_left.png").rename(folder / "aside")
    with pytest.raises(MissingPrerequisiteError, match="2 of 10 files could not be fetched") as caught:
        prepare(SET_ID, home)
    assert "DP_data_pixel_4/002_right.png: a web page came in place of the file" in caught.value.message
    assert "DP_data_pixel_4/001_left.png: HTTP 404" in caught.value.message
    spoiled.write_bytes(good)
    (folder / "aside").rename(folder / "DP_data_pixel_4" / "001_left.png")
    served.clear()
    assert prepare(SET_ID, home).info.complete
    assert {path.lstrip("/") for path in served} == {"DP_data_pixel_4/001_left.png", "DP_data_pixel_4/002_right.png"}


def test_an_unreachable_host_is_a_sentence(server, home, monkeypatch):
    monkeypatch.setenv("LDPBENCH_FETCH_BACKOFF_S", "0.01")
    card = Path(os.environ["LDPBENCH_PLUGIN_PATH"]) / "datasets_cards" / SET_ID / "card.yaml"
    card.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", card.read_text()))  # nobody listens on port 1
    with pytest.raises(MissingPrerequisiteError, match="could not be fetched; .*Cannot connect to host") as caught:
        prepare(SET_ID, home)
    assert "--source" in caught.value.hint


def test_a_damaged_dataset_is_found_out(fake, home):
    prepared = prepare(SET_ID, home, source=str(fake.source))
    calibration = prepared.folder / "calibration" / "white_sheet_left.png"
    calibration.write_bytes(calibration.read_bytes() + b"x")
    with pytest.raises(IntegrityError) as caught:
        open_prepared(home, SET_ID).verify()
    assert caught.value.faults == ("white_sheet_left.png/calibration: changed",)
    arrow = next((prepared.folder / "test").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:5000])
    with pytest.raises(IntegrityError, match="is damaged"):
        open_prepared(home, SET_ID).samples()
    info = prepared.folder / "prepared.json"
    document = json.loads(info.read_text())
    info.write_text(json.dumps(document | {"schema": 99}))
    with pytest.raises(IntegrityError, match="not what this version writes"):
        open_prepared(home, SET_ID)


def test_unknown_and_unprepared_datasets(home):
    with pytest.raises(UsageError, match="no dataset is called 'pixldp'") as caught:
        open_prepared(home, "pixldp")
    assert "pixeldp" in caught.value.hint
    with pytest.raises(MissingPrerequisiteError, match="is not prepared") as missing:
        open_prepared(home, "pixeldp")
    assert missing.value.hint == "run `ldpbench prepare pixeldp`"


def test_a_generated_set_has_no_source(home: Home):
    with pytest.raises(UsageError, match="generated and has no source"):
        prepare("sample", home, source="anywhere")
