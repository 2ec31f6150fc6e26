"""Scoring estimated maps: the released evaluation's frame and numbers, masks, and what is refused."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.data.cards import load_card
from ldpbench.data.sample import Sample
from ldpbench.evaluation.map_scoring import halved, iccp_frame, map_protocol, score_map
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.records import MapTruth

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "disparity.json").read_text())


BLUR_255 = MapTruth(reference="blur_map", scale=255)
ICCP = MapTruth(reference="disparity", frame="iccp2020")


def sample(**maps) -> Sample:
    height, width = next(iter(maps.values())).shape
    view = np.zeros((height, width, 1), np.float32)
    return Sample(
        id="a", dataset="pixeldp", split="test", left=view, right=view, bits=8, encoding="srgb", regions={}, **maps
    )


def test_an_affine_copy_is_perfect_and_unknown_pixels_do_not_count():
    rng = np.random.default_rng(0)
    truth = rng.uniform(1, 255, (40, 50)).astype(np.float32)
    estimate = -3.0 * truth + 7.0
    truth[:10] = np.nan
    estimate[:10] = rng.normal(size=(10, 50))
    found = score_map(estimate, sample(blur_map=truth), BLUR_255, ["ai1", "ai2", "srcc"])
    assert max(map(abs, found.values())) < 1e-6
    estimate[:20] = 0.0
    assert score_map(estimate, sample(blur_map=truth), BLUR_255, ["ai1"])["ai1"] > 0.05


def test_the_frame_is_that_of_the_released_evaluation():
    plane = np.add.outer(np.arange(1470) * 10_000, np.arange(2590))
    frame = iccp_frame(plane, "x")
    assert frame.shape == (1186, 2308)
    assert frame[0, 0] == (39 + 100) * 10_000 + 39 + 100, "rows 40..1425 and columns 40..2547, then 100 px"
    with pytest.raises(UsageError, match="too small"):
        iccp_frame(plane[:300, :300], "x")


def test_maps_of_full_half_and_covered_size_agree():
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (30, 40)).astype(np.float32)
    truth = (cv2.resize(coarse, (1200, 900), interpolation=cv2.INTER_LINEAR).round() / 255).astype(np.float32)
    half = halved((truth * 255 + 0.5).astype(np.uint8)).astype(float)
    found = [
        score_map(estimate, sample(disparity=truth), ICCP, ["ai1"])["ai1"]
        for estimate in (truth.astype(float), half, half[39:402, 39:534])
    ]
    assert found[1] == pytest.approx(found[2])
    assert found[1] < 1e-6
    assert found[0] < 2e-3
    with pytest.raises(UsageError, match="expected a map of"):
        score_map(half[1:], sample(disparity=truth), ICCP, ["ai1"])


def test_the_authors_example_gives_the_golden_numbers():
    folder = os.environ.get("LDPBENCH_TEST_DISPARITY")
    if not folder:
        pytest.skip("LDPBENCH_TEST_DISPARITY does not name a folder with the authors' gt.TIF and est.TIF")
    truth, estimate = (cv2.imread(str(Path(folder) / name), cv2.IMREAD_UNCHANGED) for name in ("gt.TIF", "est.TIF"))
    expected = GOLDEN["real"]["matlab_imresize_round_each_pass"]
    assert sha256_bytes(halved(truth).tobytes()) == expected["resized_sha256_uint8"]
    known = sample(disparity=truth.astype(np.float32) / 255)
    found = score_map(estimate / 255, known, ICCP, ["ai1", "ai2", "srcc-dense"])
    for ours, theirs in (("ai1", "ai1"), ("ai2", "ai2"), ("srcc-dense", "srcc_dense")):
        assert found[ours] == pytest.approx(expected["values"][theirs], abs=1e-6)


def test_a_missing_map_and_a_wrong_protocol_are_named():
    with pytest.raises(UsageError, match="has no disparity"):
        score_map(np.zeros((4, 4)), sample(blur_map=np.ones((4, 4), np.float32)), ICCP, ["ai1"])
    assert map_protocol(load_card("pixeldp"), None).id == "defocus-map"
    with pytest.raises(UsageError, match="no map protocol of pixeldp is called 'x'"):
        map_protocol(load_card("pixeldp"), "x")
    with pytest.raises(UsageError, match="has no true map"):
        map_protocol(load_card("dpd-blur"), None)


def test_deblurring_is_refused_where_there_is_no_sharp_picture(home, tmp_path, monkeypatch):
    text = (Path(load_card.__code__.co_filename).parents[2] / "datasets_cards/pixeldp/card.yaml").read_text()
    folder = tmp_path / "plugin" / "datasets_cards" / "maps-only"
    folder.mkdir(parents=True)
    start, end = text.index("protocols:\n"), text.index("map_protocols:")
    text = text[:start] + text[end:]
    (folder / "card.yaml").write_text(
        text.replace("id: pixeldp", "id: maps-only", 1).replace("tasks: [deblur, blurmap]", "tasks: [blurmap]")
    )
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path / "plugin"))
    with pytest.raises(UsageError, match="maps-only has no sharp picture") as caught:
        make_plan(home, Request(methods=[], datasets=["maps-only"]))
    assert "blurmap" in caught.value.hint
