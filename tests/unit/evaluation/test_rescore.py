"""Kept pictures under other metrics: a new run, the old numbers again, and nothing written if something is lacking."""

import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.evaluation.deblurring import Keeping
from ldpbench.evaluation.evaluate import Manner, evaluate
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.evaluation.rescore import rescore
from ldpbench.metrics import catalogue
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import RunStore
from tests.toy_methods import write_method


@pytest.fixture
def kept(home_with_sample, tmp_path):
    """A function that evaluates a method, its pictures kept, and gives the store and the run's id."""

    def keep(form="png16", body="return (left + right) / 2 * 0.97"):
        method = str(write_method(tmp_path / form, "mean", body))
        store = RunStore(home_with_sample.runs)
        manner = Manner(keeping=Keeping(previews=False, predictions=form))
        (outcome,) = evaluate(make_plan(home_with_sample, Request(methods=[method])), store, manner)
        return store, outcome.folder.name

    return keep


@pytest.mark.parametrize(("form", "within_db"), [("png16", 1e-4), ("float16", 1e-2)])
def test_old_and_new_metrics_stand_in_a_new_run(home_with_sample, kept, form, within_db):
    store, run_id = kept(form)
    (found,) = rescore([run_id], ["psnr-y", "ssim-gauss"], home_with_sample, store)
    assert (found.n_images, found.n_failed, found.from_run) == (6, 0, run_id)
    assert 0 < found.largest_changes["psnr"] < within_db
    old, new = read_run(store.place(run_id)), read_run(store.place(found.run_id))
    assert new.record.rescored_from == run_id
    assert new.record.status == "complete"
    assert set(new.record.protocols[0].metrics) == {*old.record.protocols[0].metrics, "psnr-y/1", "ssim-gauss/1"}
    assert new.record.protocols[0].hash != old.record.protocols[0].hash
    assert [row.seconds for row in new.rows] == [row.seconds for row in old.rows]
    regions = {score.region for row in new.rows for score in row.scores if score.metric == "psnr-y"}
    assert regions == {"all", "in-focus", "near", "far"}


def test_the_method_is_not_run_again(home_with_sample, kept, tmp_path):
    store, run_id = kept()
    (tmp_path / "png16" / "baselines" / "mean" / "__init__.py").write_text("raise RuntimeError('run again')")
    (found,) = rescore([run_id], ["psnr-y"], home_with_sample, store)
    assert found.n_failed == 0


def test_what_was_rescored_is_not_rescored_again(home_with_sample, kept):
    store, run_id = kept()
    (first,) = rescore([run_id], ["psnr-y"], home_with_sample, store)
    (second,) = rescore([run_id], ["psnr-y"], home_with_sample, store)
    assert second.run_id == first.run_id


def test_a_damaged_picture_is_one_failed_row(home_with_sample, kept):
    store, run_id = kept()
    (store.local / run_id / "predictions" / "scene-3.png").write_bytes(b"broken")
    (store.local / run_id / "predictions" / "scene-4.png").unlink()
    (found,) = rescore([run_id], ["psnr-y"], home_with_sample, store)
    rows = {row.sample_id: row for row in read_run(store.place(found.run_id)).rows}
    assert found.n_failed == 2
    assert rows["scene-3"].failure is not None
    assert "scene-4" in rows["scene-4"].failure.message


def test_nothing_is_written_where_something_is_lacking(home_with_sample, kept, monkeypatch):
    store, run_id = kept()
    before = store.run_ids()

    def lacking(region):
        raise MissingPrerequisiteError("the weights are not here")

    broken = catalogue.METRICS["psnr-y"].__class__(catalogue.METRICS["psnr-y"].spec, lacking)
    monkeypatch.setitem(catalogue.METRICS, "psnr-y", broken)
    with pytest.raises(MissingPrerequisiteError, match="weights are not here"):
        rescore([run_id], ["psnr-y"], home_with_sample, store)
    assert store.run_ids() == before


def test_requests_that_make_no_sense(home_with_sample, kept):
    store, run_id = kept()
    for metrics, sentence in (
        (["psnr"], "has psnr already"),
        (["psnrr"], "psnrr"),
        (["ai1"], "not a metric of pictures"),
    ):
        with pytest.raises(UsageError, match=sentence):
            rescore([run_id], metrics, home_with_sample, store)
    with pytest.raises(UsageError, match="not scored under 8bit"):
        rescore([run_id], ["psnr-y"], home_with_sample, store, protocols=["8bit"])


def test_pictures_that_were_not_kept_are_named_with_the_command(home_with_sample):
    store = RunStore(home_with_sample.runs)
    (outcome,) = evaluate(make_plan(home_with_sample, Request(methods=["blurry-input"])), store, Manner())
    with pytest.raises(MissingPrerequisiteError, match="were not kept") as caught:
        rescore([outcome.folder.name], ["psnr-y"], home_with_sample, store)
    assert "--method blurry-input --dataset sample --save-predictions" in caught.value.hint


def test_another_content_of_the_set_is_refused(home_with_sample, kept, monkeypatch):
    store, run_id = kept()
    stored = read_run(store.place(run_id)).record
    other = stored.model_copy(update={"dataset": stored.dataset.model_copy(update={"fingerprint": "0" * 64})})
    (store.local / run_id / "run.json").write_text(other.model_dump_json(by_alias=True))
    with pytest.raises(IntegrityError, match="another content"):
        rescore([run_id], ["psnr-y"], home_with_sample, store)
