"""What is planned for which task, and what the manner of a run changes and does not change."""

import numpy as np
import pytest

from ldpbench.core.errors import UsageError
from ldpbench.data import png16
from ldpbench.data.prepared import open_prepared
from ldpbench.evaluation.deblurring import Keeping
from ldpbench.evaluation.evaluate import Manner, evaluate, prospects
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_sample
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import RunStore
from tests.toy_methods import write_method


def methods_of(home, **request):
    return [cell.method.id for cell in make_plan(home, Request(**request)).cells]


def test_named_methods_say_what_is_to_be_done(home_with_sample):
    assert methods_of(home_with_sample, methods=["dp-wiener"]) == ["dp-wiener"]
    assert methods_of(home_with_sample, methods=["zeros"]) == ["zeros"]
    assert methods_of(home_with_sample, methods=["zeros", "dp-wiener"]) == ["dp-wiener", "zeros"]


def test_a_task_without_names_takes_all_who_do_it(home_with_sample):
    deblurring = methods_of(home_with_sample, tasks=["deblur"])
    of_maps = methods_of(home_with_sample, tasks=["blurmap"])
    assert "dp-wiener" in deblurring
    assert {"disparity", "zeros"} <= set(of_maps)
    assert not set(deblurring) & set(of_maps)


def test_a_method_that_does_not_do_the_task_is_named(home_with_sample):
    with pytest.raises(UsageError, match="dp-wiener: not for the task blurmap"):
        methods_of(home_with_sample, methods=["dp-wiener", "zeros"], tasks=["blurmap"])
    with pytest.raises(UsageError, match="zeros: not for the task deblur"):
        methods_of(home_with_sample, methods=["zeros"], tasks=["deblur"])


def test_a_plan_says_what_is_left_to_do(home_with_sample):
    plan = make_plan(home_with_sample, Request(methods=["blurry-input"]))
    (before,) = prospects(plan, RunStore(home_with_sample.runs), Manner())
    assert (before.to_run, before.seconds) == (6, None)
    evaluate(plan, RunStore(home_with_sample.runs), Manner())
    (after,) = prospects(plan, RunStore(home_with_sample.runs), Manner())
    (forced,) = prospects(plan, RunStore(home_with_sample.runs), Manner(force=True))
    assert (after.to_run, forced.to_run) == (0, 6)
    assert list(home_with_sample.runs.glob("*-blurry-input-*")), "only the evaluation made a run folder"


def test_an_ensemble_is_scored_under_a_protocol_of_its_own(home_with_sample, tmp_path):
    method = str(write_method(tmp_path, "swap", "return right"))
    (plain,), (four,) = (
        evaluate(
            make_plan(home_with_sample, Request(methods=[method], ensemble=way)),
            RunStore(home_with_sample.runs),
            Manner(),
        )
        for way in ("none", "x4")
    )
    first, second = read_run(plain.folder), read_run(four.folder)
    assert first.record.protocols[0].hash != second.record.protocols[0].hash
    assert second.record.config["ensemble"] == "x4"
    assert [row.scores[0].value for row in first.rows] != [row.scores[0].value for row in second.rows]


def test_kept_pictures_are_what_the_method_gave(home_with_sample):
    manner = Manner(keeping=Keeping(previews=False, predictions="png16"))
    plan = make_plan(home_with_sample, Request(methods=["dp-wiener"], limit=1))
    (outcome,) = evaluate(plan, RunStore(home_with_sample.runs), manner)
    (sample,) = open_prepared(home_with_sample, "sample").split("test")[:1]
    given = restore_sample(load_method("dp-wiener").deblurrer, sample).image
    kept = png16.read(outcome.folder / "predictions" / f"{sample.id}.png")
    assert kept.dtype == np.uint16
    assert np.abs(kept / 65535 - given).max() <= 0.5 / 65535 + 1e-7
    assert not (outcome.folder / "previews").exists()


def test_pictures_that_were_not_kept_are_made_again(home_with_sample):
    plan = make_plan(home_with_sample, Request(methods=["blurry-input"], limit=2))
    (first,) = evaluate(plan, RunStore(home_with_sample.runs), Manner())
    keeping = Manner(keeping=Keeping(predictions="float16"))
    (second,) = evaluate(plan, RunStore(home_with_sample.runs), keeping)
    (third,) = evaluate(plan, RunStore(home_with_sample.runs), keeping)
    (fourth,) = evaluate(plan, RunStore(home_with_sample.runs), Manner())
    assert second.folder != first.folder
    assert read_run(second.folder).record.predictions == "float16"
    assert [outcome.status for outcome in (third, fourth)] == ["done-before", "done-before"]
    assert [row.scores for row in read_run(first.folder).rows] == [row.scores for row in read_run(second.folder).rows]


def test_short_floats_are_for_networks(home_with_sample):
    plan = make_plan(home_with_sample, Request(methods=["dp-wiener"], dtype="bfloat16"))
    assert [skip.reason for skip in plan.skips] == ["it is no network, so nothing of it can be run in bfloat16"]


def test_groups_of_scenes_are_on_the_rows(home_with_sample, monkeypatch):
    from dataclasses import replace

    from ldpbench.data.prepared import PreparedDataset

    decode = PreparedDataset.decode
    monkeypatch.setattr(PreparedDataset, "decode", lambda self, row: replace(decode(self, row), group="indoor"))
    plan = make_plan(home_with_sample, Request(methods=["blurry-input", "zeros"], limit=1))
    for outcome in evaluate(plan, RunStore(home_with_sample.runs), Manner()):
        assert [row.group for row in read_run(outcome.folder).rows] == ["indoor"]


def test_the_record_says_what_decides_the_bits(home_with_sample):
    plan = make_plan(home_with_sample, Request(methods=["blurry-input"], limit=1))
    (outcome,) = evaluate(plan, RunStore(home_with_sample.runs), Manner())
    environment = read_run(outcome.folder).record.environment
    assert environment.torch_threads >= 1
    assert {"deterministic_algorithms", "cudnn_benchmark", "cpu_capability"} <= set(environment.determinism)
