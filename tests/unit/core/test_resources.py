import os

import pytest

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.core.resources import load_folder_package, record_folders, shipped_root


def test_the_shipped_root_holds_the_record_folders():
    for name in ("datasets_cards", "baselines", "leaderboard"):
        assert (shipped_root() / name).is_dir()


def test_plugin_folders_are_found_and_clashes_refused(tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    (mine / "baselines" / "my-net").mkdir(parents=True)
    (mine / "baselines" / "my-net" / "baseline.yaml").write_text("")
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(mine))
    assert record_folders("baselines", "baseline.yaml")["my-net"] == mine / "baselines" / "my-net"

    other = tmp_path / "other"
    (other / "baselines" / "my-net").mkdir(parents=True)
    (other / "baselines" / "my-net" / "baseline.yaml").write_text("")
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", os.pathsep.join([str(mine), str(other)]))
    with pytest.raises(UsageError, match="two folders use the id 'my-net'"):
        record_folders("baselines", "baseline.yaml")


def test_a_plugin_path_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="nowhere, which is not a folder"):
        record_folders("baselines", "baseline.yaml")


def test_relative_imports_of_a_plugin_folder_work(tmp_path):
    (tmp_path / "__init__.py").write_text("from .inner import VALUE\n")
    (tmp_path / "inner.py").write_text("VALUE = 7\n")
    assert load_folder_package(tmp_path).VALUE == 7


def test_two_folders_of_one_name_do_not_share_modules(tmp_path):
    for number in (1, 2):
        folder = tmp_path / str(number) / "same-name"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(f"VALUE = {number}\n")
        assert number == load_folder_package(folder).VALUE


def test_a_broken_plugin_is_one_sentence(tmp_path):
    (tmp_path / "__init__.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(MethodError, match="ModuleNotFoundError: No module named 'nothing_of_that_name'"):
        load_folder_package(tmp_path)
    with pytest.raises(MethodError, match="has no __init__.py"):
        load_folder_package(tmp_path / "empty")
