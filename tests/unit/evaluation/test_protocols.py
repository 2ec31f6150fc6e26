"""The named protocols of the cards: what they read, and which of them one run serves."""

import pytest

from ldpbench.core.errors import UsageError
from ldpbench.data.cards import load_card
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.evaluation.scoring import bind_protocols


def bound(dataset: str, **options):
    return {protocol.id: protocol for protocol in bind_protocols(load_card(dataset), "f" * 64, "test", **options)}


def test_the_protocols_of_dpd_blur_are_the_fields_three():
    protocols = bound("dpd-blur")
    assert {name: protocol.reading for name, protocol in protocols.items()} == {
        "dpd-blur/16bit": (16, "full"),
        "dpd-blur/8bit": (8, "full"),
        "dpd-blur/half-res": (8, "half"),
    }
    assert len({protocol.hash for protocol in protocols.values()}) == 3
    for protocol in protocols.values():
        assert protocol.rounding == "none", "scored as floats"
        assert {"psnr/1", "ssim/1"} <= set(protocol.metrics)


def test_what_a_method_is_run_with_is_part_of_the_protocol():
    plain = bound("sample")["sample/srgb"]
    for change in ({"ensemble": "x4"}, {"dtype": "bfloat16"}, {"limit": 2}):
        assert bound("sample", **change)["sample/srgb"].hash != plain.hash


def test_without_a_wish_one_run_serves_all_protocols_of_the_first_ones_reading(real_pixeldp_home):
    (cell,) = make_plan(real_pixeldp_home, Request(methods=["blurry-input"], datasets=["pixeldp"])).cells
    assert len(cell.protocols) == len(load_card("pixeldp").protocols)


def test_a_protocol_may_be_named_with_its_dataset_or_without(home_with_sample):
    for name in ("srgb", "sample/srgb", "all"):
        (cell,) = make_plan(home_with_sample, Request(methods=["blurry-input"], protocols=[name])).cells
        assert [protocol.id for protocol in cell.protocols] == ["sample/srgb"]
    with pytest.raises(UsageError, match="srgbb"):
        make_plan(home_with_sample, Request(methods=["blurry-input"], protocols=["srgbb"]))


def test_a_limit_makes_another_board_of_a_part(home_with_sample):
    (whole,) = make_plan(home_with_sample, Request(methods=["blurry-input"])).cells
    (part,) = make_plan(home_with_sample, Request(methods=["blurry-input"], limit=2)).cells
    (all_of_it,) = make_plan(home_with_sample, Request(methods=["blurry-input"], limit=99)).cells
    assert (part.dataset.n_images, part.dataset.complete) == (2, False)
    assert part.protocols[0].hash != whole.protocols[0].hash
    assert all_of_it.key == whole.key
