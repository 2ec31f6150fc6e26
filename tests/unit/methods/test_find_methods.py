"""Variants of a folder as methods of their own, and what is said of wrong records."""

import pytest
import yaml

from ldpbench.core.errors import UsageError
from ldpbench.methods.find import find_method, find_methods, methods_in
from tests.toy_methods import write_method, write_network


def test_the_first_variant_bears_the_folders_id_and_the_others_their_own(tmp_path, monkeypatch):
    folder = write_network(tmp_path)
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path))
    found = {name: method for name, method in find_methods().items() if name.startswith("toy")}
    assert list(found) == ["toy-net", "toy-net-single"]
    assert found["toy-net"].record.inputs == ("left", "right")
    assert found["toy-net-single"].record.inputs == ("center",)
    assert found["toy-net-single"].record.options == {"channels": 3, "width": 4}
    assert found["toy-net-single"].record.size.multiple_of == 4  # a common field
    assert found["toy-net"].code_sha256 == found["toy-net-single"].code_sha256
    assert find_method(folder) == found["toy-net"]
    assert find_method(f"{folder}:single") == found["toy-net-single"]


def test_an_unknown_variant_or_method_is_named(tmp_path):
    folder = write_network(tmp_path)
    with pytest.raises(UsageError, match="no variant is called 'singel'") as refused:
        find_method(f"{folder}:singel")
    assert "did you mean 'single'" in refused.value.hint
    with pytest.raises(UsageError, match="no method is called"):
        find_method("restorrmer")
    with pytest.raises(UsageError, match="is not a method"):
        find_method(tmp_path)


def test_two_methods_of_one_id_are_refused(tmp_path, monkeypatch):
    write_network(tmp_path)
    write_method(tmp_path, "toy-net-single", "return left")
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path))
    with pytest.raises(UsageError, match="two methods are called 'toy-net-single'"):
        find_methods()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variants": {"dual": {"inputs": ["up"]}}}, "variants.dual: "),
        ({"variants": {"Dual": {}}}, "'Dual' is no name"),
        ({"variants": []}, "expected names with fields below them"),
        ({"variants": {"dual": {"inputs": ["left"], "bitts": 8}}}, "bitts"),
        ({"inference": {"default": "windows:512", "supported": ["whole"]}}, "not among the supported"),
        ({"inference": {"default": "windows"}}, "inference.default"),
    ],
)
def test_a_wrong_record_is_one_line_with_file_and_key(tmp_path, change, message):
    folder = write_network(tmp_path, **change)
    with pytest.raises(UsageError) as refused:
        methods_in(folder)
    assert message in refused.value.message
    assert str(folder / "baseline.yaml") in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../up.pth"}, "relative path without"),
        ({"checksum": "sha256:" + "0" * 64}, "come together"),
        ({"uris": []}, "name an address"),
        ({"checksum": "md5:" + "0" * 32, "checksum_from": "publisher"}, "checksum"),
    ],
)
def test_wrong_weights_in_a_record_are_refused(tmp_path, change, message):
    folder = write_network(tmp_path)
    document = yaml.safe_load((folder / "baseline.yaml").read_text())
    document["variants"]["dual"]["weights"][0] |= change
    (folder / "baseline.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(UsageError, match=message):
        methods_in(folder)
