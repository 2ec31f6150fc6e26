"""Plugin folders: found by id or path, and refused with a sentence when they are not what they say."""

import pytest

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.methods.loading import baseline_records, load_method
from tests.toy_methods import write_method


def test_a_folder_is_a_method_by_its_path_and_by_the_plugin_path(tmp_path, monkeypatch):
    folder = write_method(tmp_path, "my-net", "return left")
    by_path = load_method(folder)
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path))
    by_id = load_method("my-net")
    assert by_path.record == by_id.record == baseline_records()["my-net"]
    assert by_path.code_sha256 == by_id.code_sha256


def test_code_is_part_of_a_methods_identity(tmp_path):
    one = load_method(write_method(tmp_path / "1", "my-net", "return left")).code_sha256
    two = load_method(write_method(tmp_path / "2", "my-net", "return right")).code_sha256
    assert one != two


def test_a_wrong_name_gets_the_closest_match():
    with pytest.raises(UsageError, match="no method is called 'blury-input'") as caught:
        load_method("blury-input")
    assert "did you mean 'blurry-input'" in caught.value.hint


def test_records_and_code_that_contradict_each_other(tmp_path):
    folder = write_method(tmp_path / "1", "my-net", "return left", attributes='inputs = ("center",)')
    with pytest.raises(MethodError, match="its code wants"):
        load_method(folder)
    folder = write_method(tmp_path / "2", "my-net", "return left", id="other-net")
    with pytest.raises(UsageError, match="says id 'other-net'"):
        load_method(folder)
    folder = write_method(tmp_path / "3", "my-net", "return left", colour="blue")
    with pytest.raises(UsageError, match="colour: Extra inputs are not permitted"):
        load_method(folder)
    folder = write_method(tmp_path / "4", "my-net", "return left")
    (folder / "__init__.py").write_text("def build():\n    return 7\n")
    with pytest.raises(MethodError, match="returned int, expected a Deblurrer"):
        load_method(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"has no baseline\.yaml"):
        load_method(tmp_path / "empty")
