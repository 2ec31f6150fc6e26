import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.hashing import canonical_json, sha256_document, sha256_file, sha256_folder
from ldpbench.core.names import unknown_name
from ldpbench.core.seeding import derive_seed

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(DOCUMENTS)
@settings(max_examples=50, deadline=None)
def test_canonical_json_is_json_and_ignores_key_order(document):
    text = canonical_json(document)
    assert json.loads(text) == document
    shuffled = json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert sha256_document(shuffled) == sha256_document(document)


def test_nan_has_no_canonical_spelling():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


def test_file_and_folder_hashes_follow_content(tmp_path):
    (tmp_path / "a.py").write_bytes(b"x" * 3_000_000)
    assert sha256_file(tmp_path / "a.py") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    before = sha256_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("not a source")
    assert sha256_folder(tmp_path) == before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert sha256_folder(tmp_path) != before


def test_seeds_depend_on_every_part_and_on_nothing_else():
    assert derive_seed(0, "noise", "left") == derive_seed(0, "noise", "left")
    others = {derive_seed(0, "noise", "right"), derive_seed(1, "noise", "left"), derive_seed(0, "noiseleft")}
    assert derive_seed(0, "noise", "left") not in others
    assert len(others) == 3
    # Independent arithmetic: the first eight bytes of the SHA-256 of the joined parts.
    digest = hashlib.sha256(b"0\x1fnoise\x1fleft").digest()
    assert derive_seed(0, "noise", "left") == int.from_bytes(digest[:8], "big") % 2**63


def test_a_wrong_name_gets_the_closest_match_or_the_list():
    assert "did you mean 'pixeldp'" in unknown_name("dataset", "pixldp", ["pixeldp", "sample"]).hint
    assert unknown_name("dataset", "zzz", ["pixeldp", "sample"]).hint == "known: pixeldp, sample"
    assert unknown_name("dataset", "zzz", []).hint == "none is installed"
