"""Every method that ships keeps the contract, variant by variant: the checks are those of ``ldpbench check``."""

import pytest

from ldpbench.blurmap import catalogue
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.contract import check_method
from ldpbench.methods.find import methods_in
from ldpbench.records.baseline import RECORD_FILE

FOLDERS = sorted(path.parent for path in (shipped_root() / "baselines").glob(f"*/{RECORD_FILE}"))
METHODS = [method for folder in FOLDERS for method in methods_in(folder)]
OFFERED = [method for method in METHODS if not method.record.skipped]


@pytest.fixture(autouse=True)
def _no_clip(monkeypatch):
    """CLIP's weights are not ours to ship: what asks for a map by CLIP gets one by disparity."""
    real = catalogue.estimator

    def without_clip(name, **options):
        return real("disparity" if name.startswith("clip") else name, **({} if name.startswith("clip") else options))

    monkeypatch.setattr(catalogue, "estimator", without_clip)


@pytest.mark.parametrize("method", OFFERED, ids=lambda method: method.record.id)
def test_a_method_keeps_the_contract(method):
    broken = [finding for finding in check_method(method) if not finding.passed]
    assert not broken, "\n".join(f"{found.name}: {found.detail} ({found.hint})" for found in broken)


@pytest.mark.parametrize(
    "method", [method for method in METHODS if method.record.needs_weights], ids=lambda m: m.record.id
)
def test_a_network_declares_its_cost_and_knows_its_weights(method):
    """A third party's may leave this out; ours may not."""
    assert method.record.parameters
    assert method.record.macs_256
    assert callable(load_folder_package(method.folder).infer_options)
