"""Trees of files: folders, archives, archives in folders, and archives that no publisher makes."""

import io
import os
import stat
import zipfile
from pathlib import Path

import fsspec
import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.data import archive
from ldpbench.data.layouts.locate import place_manifest
from ldpbench.data.tree import open_tree
from ldpbench.records import ManifestRow


def write_zip(path: Path, files: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def test_a_folder_an_archive_and_an_archive_in_a_folder_hold_the_same(tmp_path):
    files = {"a/one.png": b"1", "a/b/two.png": b"22"}
    folder = tmp_path / "folder"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    packed = write_zip(tmp_path / "set.zip", files)
    holder = tmp_path / "holder"
    holder.mkdir()
    packed_again = write_zip(holder / "inner.ZIP", files, compression=zipfile.ZIP_DEFLATED)
    for uri, prefix in ((folder, ""), (packed, "set.zip/"), (holder, "inner.ZIP/")):
        tree = open_tree(str(uri))
        assert {path: tree.read(path) for path in tree.files} == {prefix + name: data for name, data in files.items()}
    assert packed_again.exists()


def test_what_packing_programs_add_is_ignored(tmp_path):
    (tmp_path / "__MACOSX").mkdir()
    for name in ("__MACOSX/._a.png", ".DS_Store", "a.png", ".a.png.part"):
        (tmp_path / name).write_bytes(b"x")
    write_zip(tmp_path / "z.zip", {"__MACOSX/._b.png": b"x", "b.png": b"x", "d/.hidden": b"x"})
    assert list(open_tree(str(tmp_path)).files) == ["a.png", "z.zip/b.png"]


def test_links_are_followed_once(tmp_path):
    real = tmp_path / "elsewhere"
    real.mkdir()
    (real / "a.png").write_bytes(b"a")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(real)
    (real / "loop").symlink_to(root)
    assert list(open_tree(str(root)).files) == ["linked/a.png"]


def test_any_filesystem_will_do():
    memory = fsspec.filesystem("memory")
    memory.pipe("/tree-test/x/a.png", b"abc")
    tree = open_tree("memory://tree-test")
    assert tree.read("x/a.png") == b"abc"
    memory.rm("/tree-test", recursive=True)


def test_a_file_that_changes_while_it_is_read_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"abc")
    tree = open_tree(str(tmp_path))
    path.write_bytes(b"abcd")
    with pytest.raises(IntegrityError, match=r"a\.png in .* changed while it was read: expected 3 bytes, found 4"):
        tree.read("a.png")
    path.unlink()
    with pytest.raises(MissingPrerequisiteError, match="cannot read"):
        tree.read("a.png")


def test_the_signature_tells_trees_apart(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"abc")
    first = open_tree(str(tmp_path)).signature
    assert open_tree(str(tmp_path)).signature == first
    os.utime(path, ns=(1, 1))
    assert open_tree(str(tmp_path)).signature != first


def test_wrong_places_are_named(tmp_path):
    with pytest.raises(MissingPrerequisiteError, match="does not exist"):
        open_tree(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="cannot be opened"):
        open_tree("nosuchprotocol://x")


def named(name: str) -> bytes:
    """An archive with one member whose name a sound program would not write."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        made.writestr(info, b"x")
    return buffer.getvalue()


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        info = zipfile.ZipInfo("a.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.png", bytes(archive.RATIO_MATTERS_BYTES + 1))
    return buffer.getvalue()


def twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a.png", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("a.png", b"2")
    return buffer.getvalue()


def encrypted() -> bytes:
    data = bytearray(named("a.png"))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: named("../evil.png"), "leads outside"),
        (lambda: named("/etc/evil.png"), "leads outside"),
        (lambda: named("a/../../evil.png"), "leads outside"),
        (lambda: named("C:\\evil.png"), "leads outside"),
        (lambda: named("C:/evil.png"), "leads outside"),
        (link, "it is a link"),
        (bomb, "no picture shrinks that much"),
        (twice, "occurs twice"),
        (encrypted, "encrypted"),
    ],
)
def test_unsafe_archives_are_refused_whole(tmp_path, make, sentence):
    (tmp_path / "set.zip").write_bytes(make())
    with pytest.raises(IntegrityError, match="not a safe archive") as caught:
        open_tree(str(tmp_path))
    assert sentence in caught.value.faults[0]


def test_a_damaged_archive_is_a_sentence(tmp_path):
    path = write_zip(tmp_path / "set.zip", {"a.png": b"abcdefgh" * 100}, compression=zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) - 30):
        path.write_bytes(whole[:cut])
        with pytest.raises(IntegrityError, match="not a readable zip archive"):
            open_tree(str(tmp_path))
    start = whole.index(b"a.png") + len("a.png")
    path.write_bytes(whole[:start] + bytes([whole[start] ^ 0xFF, whole[start + 1] ^ 0xFF]) + whole[start + 2 :])
    with pytest.raises(IntegrityError, match=r"set\.zip/a\.png is not a readable zip archive"):
        open_tree(str(tmp_path)).read("set.zip/a.png")


def rows(*paths: str) -> list[ManifestRow]:
    return [ManifestRow(path=path, split="test", sample_id="1", role="left") for path in paths]


def test_a_tree_is_found_at_any_depth_and_from_within():
    manifest = rows("set/l/1.png", "set/r/1.png")
    assert place_manifest(["x/y/set/l/1.png", "other/1.png"], manifest) == {"set/l/1.png": "x/y/set/l/1.png"}
    assert place_manifest(["l/1.png", "r/1.png"], manifest) == {"set/l/1.png": "l/1.png", "set/r/1.png": "r/1.png"}
    assert place_manifest(["unrelated.png"], manifest) == {}


def test_of_two_copies_the_fuller_one_counts_then_the_one_nearest_to_the_top():
    manifest = rows("set/l/1.png", "set/r/1.png")
    fuller = ["a/set/l/1.png", "deep/b/set/l/1.png", "deep/b/set/r/1.png"]
    assert set(place_manifest(fuller, manifest).values()) == {"deep/b/set/l/1.png", "deep/b/set/r/1.png"}
    equal = ["deep/b/set/l/1.png", "a/set/l/1.png"]
    assert place_manifest(equal, manifest) == {"set/l/1.png": "a/set/l/1.png"}
