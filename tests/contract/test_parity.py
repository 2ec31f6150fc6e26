"""Every network against the published code: names, shapes, parameters, every stored array."""

import importlib

import pytest

from ldpbench.core.resources import shipped_root
from ldpbench.records import read_records
from tests.parity.base import GOLDEN
from tests.parity.table import MODULES

CASES = [(name, golden) for name in MODULES for golden in importlib.import_module(f"tests.parity.{name}").GOLDEN]


def test_every_network_of_a_plugin_is_compared():
    folders = [path.parent for path in (shipped_root() / "baselines").glob("*/baseline.yaml")]
    networks = {folder.name.replace("-", "_") for folder in folders if read_records(folder)[0].kind == "network"}
    assert networks == set(MODULES)


def test_every_golden_file_is_used():
    assert sorted(golden for _, golden in CASES) == sorted(path.stem for path in GOLDEN.glob("*.json"))


@pytest.mark.parametrize(("module", "golden"), CASES, ids=[golden for _, golden in CASES])
def test_it_is_the_published_network(module, golden):
    found = importlib.import_module(f"tests.parity.{module}").check(golden)
    assert found.keys_equal
    assert found.parameters == found.expected_parameters
    assert bool(found.comparisons) == (GOLDEN / f"{golden}.npz").is_file()
    wrong = [comparison for comparison in found.comparisons if not comparison.within]
    assert not wrong
