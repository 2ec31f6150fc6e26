"""A new method's folder: it keeps the contract as it is, and nothing is ever overwritten or half written."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import StorageError, UsageError
from ldpbench.core.names import ID_PATTERN
from ldpbench.methods import new
from ldpbench.methods.contract import check_method
from ldpbench.methods.find import find_methods, methods_in
from ldpbench.methods.new import new_method
from ldpbench.records import read_records

SKELETONS = {
    "network": ["README.md", "__init__.py", "baseline.yaml", "network.py"],
    "training-free": ["README.md", "__init__.py", "baseline.yaml", "method.py"],
}


@pytest.mark.parametrize("kind", sorted(SKELETONS))
def test_a_new_method_keeps_the_contract_as_it_is(tmp_path, kind):
    files = new_method("my-net", tmp_path / "my-net", kind)
    assert [path.name for path in files] == SKELETONS[kind]
    assert all(finding.passed for finding in check_method(tmp_path / "my-net"))
    (method,) = methods_in(tmp_path / "my-net")
    assert method.record.kind == kind
    assert method.record.title == "My net"


@pytest.mark.parametrize("kind", sorted(SKELETONS))
def test_nothing_of_the_template_is_left(tmp_path, kind):
    for path in new_method("my-net", tmp_path / "my-net", kind):
        text = path.read_text()
        assert "$" not in text
        assert text.endswith("\n")
        assert max(map(len, text.splitlines())) <= 120
        if path.suffix == ".py":
            compile(text, path, "exec")


def test_a_network_declares_its_own_cost(tmp_path):
    new_method("my-net", tmp_path / "my-net")
    details = {finding.name: finding.detail for finding in check_method(tmp_path / "my-net")}
    assert details["parameters"] == "1,315, as declared"
    assert details["multiply-adds"] == f"{65536 * 9 * (6 + 3) * 16:,}, as declared"


@settings(deadline=None, max_examples=10)
@given(st.from_regex(re.compile(ID_PATTERN, re.ASCII), fullmatch=True).filter(lambda name: len(name) < 60))
def test_any_id_gives_a_record_with_that_id(tmp_path_factory, name):
    if name in find_methods():
        return
    folder = tmp_path_factory.mktemp("new") / name
    new_method(name, folder, "training-free")
    assert read_records(folder)[0].id == name


@pytest.mark.parametrize("name", ["null", "true", "123", "1e5", "no", "0x1", "class", "nn", "network-method"])
def test_ids_that_mean_something_to_yaml_or_python(tmp_path, name):
    new_method(name, tmp_path / name)
    assert all(finding.passed for finding in check_method(tmp_path / name))


@pytest.mark.parametrize("name", ["", "My-net", "my_net", "-a", "a-", "a--b", "../a", "a/b", "a b", "ä", "a\n", "."])
def test_what_is_no_id_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is no id"):
        new_method(name, tmp_path / "x" / name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path):
    (tmp_path / "file-net").write_text("mine")
    (tmp_path / "empty-net").mkdir()
    (tmp_path / "link-net").symlink_to(tmp_path / "nowhere")
    for name in ("file-net", "empty-net", "link-net"):
        with pytest.raises(UsageError, match="exists already"):
            new_method(name, tmp_path / name)
    assert (tmp_path / "file-net").read_text() == "mine"
    assert list((tmp_path / "empty-net").iterdir()) == []
    assert (tmp_path / "link-net").is_symlink()


def test_the_folder_bears_the_id_and_the_id_is_free(tmp_path):
    with pytest.raises(UsageError, match="does not bear the id"):
        new_method("my-net", tmp_path / "other")
    with pytest.raises(UsageError, match="is a method already"):
        new_method("dp-wiener", tmp_path / "dp-wiener")
    with pytest.raises(UsageError, match="no skeleton is called 'magic'"):
        new_method("my-net", tmp_path / "my-net", "magic")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch):
    class Full(string.Template):
        def substitute(self, *names):
            if "build_network(width" in self.template:
                raise OSError(28, "No space left on device")
            return super().substitute(*names)

    monkeypatch.setattr(new, "Template", Full)
    with pytest.raises(StorageError, match="No space left"):
        new_method("my-net", tmp_path / "my-net")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        new_method("my-net", tmp_path / "file" / "my-net")


def test_the_skeletons_are_data_of_the_package():
    folder = Path(new.__file__).parent / "skeleton"
    for kind, names in SKELETONS.items():
        assert sorted(path.name for path in (folder / kind).iterdir()) == [f"{name}.template" for name in names]
