"""The cost of every method that ships can be measured, also without weights, and says what its record says."""

import pytest

from ldpbench.blurmap import catalogue
from ldpbench.core.resources import shipped_root
from ldpbench.evaluation.cost.measure import measure
from ldpbench.evaluation.cost.plan import Request, make_plan
from ldpbench.methods.find import methods_in
from ldpbench.records.baseline import RECORD_FILE
from ldpbench.records.cost import CostRecord

FOLDERS = sorted(path.parent for path in (shipped_root() / "baselines").glob(f"*/{RECORD_FILE}"))
FIRST = [methods_in(folder)[0].record for folder in FOLDERS]
"""One variant of each folder: the others run the same code."""
OFFERED = [record for record in FIRST if not record.skipped and record.kind != "estimator"]
FOLDED = {"deeprft": 9_551_088}
"""Networks that multiply factors out before they run, with the numbers that are left."""


@pytest.fixture(autouse=True)
def _no_clip(monkeypatch):
    """CLIP's weights are not ours to ship: what asks for a map by CLIP gets one by disparity."""
    real = catalogue.estimator

    def without_clip(name, **options):
        return real("disparity" if name.startswith("clip") else name, **({} if name.startswith("clip") else options))

    monkeypatch.setattr(catalogue, "estimator", without_clip)


@pytest.mark.parametrize("baseline", OFFERED, ids=lambda record: record.id)
def test_the_cost_of_a_method_is_a_valid_record(baseline):
    (job,) = make_plan(Request(methods=[baseline.id], sizes=["64x64"], repeats=1, untrained=True)).jobs
    record = measure(job)
    assert CostRecord.model_validate_json(record.model_dump_json(by_alias=True)) == record
    assert record.method.untrained is baseline.needs_weights
    if baseline.kind != "network":
        assert (record.parameters, record.macs) == (0, None)
        assert record.macs_missing
        return
    assert record.parameters == FOLDED.get(baseline.id, baseline.parameters)
    assert record.macs_left_out
    # Sizes are padded and attention grows faster than the picture, so a sixteenth of the declared number is a guide.
    assert 0.7 < 16 * record.macs / baseline.macs_256 < 2.1
