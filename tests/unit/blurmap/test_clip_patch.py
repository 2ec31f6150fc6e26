from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pictures
from torch.nn import functional

from ldpbench.blurmap.clip.encoder import MEAN, STD, ClipEncoder
from ldpbench.blurmap.clip.estimators import ClipPatch, ClipPatchWhole
from ldpbench.blurmap.clip.patch import (
    DP,
    SINGLE,
    Release,
    cells,
    pairs,
    patch_logits,
    preprocess,
    released_picture,
    released_values,
)
from tests.tiny_clip import tiny_encoder, tokenizer

RELEASES = {"dp": DP, "single": SINGLE}


@pytest.fixture(scope="module")
def encoder() -> ClipEncoder:
    return tiny_encoder()


@pytest.fixture(scope="module")
def views() -> tuple[np.ndarray[Any, np.dtype[np.uint8]], ...]:
    """The pictures of the golden preprocessing."""
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (120, 200, 3)).astype(np.uint8) for _ in range(2))


@pytest.mark.parametrize("kind", RELEASES)
def test_the_constants_are_the_releases(kind: str, golden_map: dict[str, Any]) -> None:
    release, record = RELEASES[kind], golden_map[kind]
    assert release.prompt == record["prompt"]
    assert (release.upper, release.lower) == (record["upper_A"], record["lower_B"])
    assert release.model == {"ViT-B/16": "clip-vit-b-16", "ViT-B/32": "clip-vit-b-32"}[record["clip_model"]]


@pytest.mark.parametrize("kind", RELEASES)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_mapping_equals_the_release_in_both_precisions(
    kind: str, precision: str, golden_map: dict[str, Any]
) -> None:
    cases = golden_map["mapping_cases"]
    found = released_values(np.array(cases["logits"]).astype(precision), RELEASES[kind])
    np.testing.assert_array_equal(found.astype(np.float64), cases[f"{kind}_{precision}"])


@pytest.mark.parametrize("kind", RELEASES)
def test_a_whole_map_equals_the_release(kind: str, golden_map: dict[str, Any]) -> None:
    grid = golden_map["grid"]
    values = released_values(np.array(grid[f"logits_{kind}"], dtype=np.float32), RELEASES[kind])
    np.testing.assert_array_equal(values, np.array(grid[f"map_{kind}_before_normalisation"], dtype=np.float32))
    np.testing.assert_array_equal(released_picture(values), grid[f"png_{kind}"])
    if kind == "dp":
        halves = released_values(np.array(grid["logits_dp"]).astype(np.float16), DP)
        np.testing.assert_array_equal(released_picture(halves), grid["png_dp_if_logits_are_float16"])


def test_a_constant_map_is_black() -> None:
    assert not released_picture(np.full((2, 3), 100, dtype=np.float32)).any()


def test_what_clip_is_shown_equals_the_release(views: tuple[Any, ...]) -> None:
    golden = np.load(Path(__file__).parents[2] / "golden" / "ldp_blur_map.npz")
    shown = pairs(*views)
    assert shown.shape == (3, 5, 40, 80, 3)
    np.testing.assert_array_equal(preprocess(shown[0, 0])[:, ::4, ::4], golden["dp_input_0"])
    np.testing.assert_array_equal(preprocess(shown[-1, -1])[:, ::8, ::8], golden["dp_input_last"])
    np.testing.assert_array_equal(preprocess(cells(views[0])[0, 0])[:, ::8, ::8], golden["single_input_0"])


def test_resizing_the_middle_equals_resizing_all_and_cutting(views: tuple[Any, ...]) -> None:
    pair = pairs(*views)[1, 2]
    enlarged = Pictures.fromarray(pair).resize((448, 224), Pictures.Resampling.BICUBIC).crop((112, 0, 336, 224))
    expected = (np.asarray(enlarged, dtype=np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)  # type: ignore[arg-type]
    np.testing.assert_allclose(preprocess(pair), expected.transpose(2, 0, 1), atol=1e-6)


def test_half_of_each_pair_is_never_seen_unless_it_is_mended(views: tuple[Any, ...]) -> None:
    pair = pairs(*views)[0, 0]
    changed = pair.copy()
    changed[:, :18] = 0
    changed[:, 62:] = 255
    np.testing.assert_array_equal(preprocess(changed), preprocess(pair))
    assert not np.array_equal(preprocess(changed, whole=True), preprocess(pair, whole=True))


def one_by_one(encoder: ClipEncoder, shown: Any, prompt: str) -> np.ndarray[Any, Any]:
    """As the release does it: CLIP whole, for each cell."""
    logits = []
    for cell in shown:
        picture = torch.from_numpy(preprocess(cell))[None]
        image = encoder.model.encode_image(picture)  # type: ignore[operator]
        text = encoder.model.encode_text(tokenizer()([prompt]))  # type: ignore[operator]
        cosine = functional.normalize(image, dim=-1) @ functional.normalize(text, dim=-1).T
        logits.append(float(encoder.scale * cosine))
    return np.array(logits)


@torch.inference_mode()
def test_batches_give_the_logits_of_clip_called_for_each_cell(encoder: ClipEncoder, views: tuple[Any, ...]) -> None:
    shown = list(pairs(*views).reshape(15, 40, 80, 3))
    expected = one_by_one(encoder, shown, DP.prompt)
    for batch in (1, 4, 64):
        found = patch_logits(encoder, shown, DP.prompt, whole=False, batch=batch)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)


def fitted(release: Release, logits: Any) -> Release:
    """Thresholds between which made-up logits lie."""
    return Release(release.model, release.prompt, float(logits.max()), float(logits.min()))


def test_the_estimator_is_the_release_at_picture_size(
    encoder: ClipEncoder, views: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = [view.astype(np.float32) / 255 for view in views]
    with torch.inference_mode():
        logits = one_by_one(encoder, list(pairs(*views).reshape(15, 40, 80, 3)), DP.prompt).astype(np.float32)
    monkeypatch.setattr("ldpbench.blurmap.clip.estimators.DP", fitted(DP, logits))
    found = ClipPatch(weights=encoder).estimate(*floats)
    grey = released_picture(released_values(logits.reshape(3, 5), fitted(DP, logits)))
    assert found.probability.shape == (120, 200)
    near = np.abs(found.probability[20::40, 20::40] * 255 - grey)
    assert near.max() <= 1  # a logit that differs in its last bits may fall on the other side of a grey level
    np.testing.assert_allclose(found.logits[20::40, 20::40], -logits.reshape(3, 5), atol=1e-3)


def test_the_single_script_is_upside_down_and_ours_is_not(encoder: ClipEncoder, views: tuple[Any, ...]) -> None:
    floats = [view.astype(np.float32) / 255 for view in views]
    released, mended = (
        ClipPatch(variant, weights=encoder).estimate(*floats) for variant in ("single-released", "single")
    )
    np.testing.assert_allclose(released.probability, 1 - mended.probability, atol=1e-6)
    np.testing.assert_array_equal(released.logits, -mended.logits)


def test_sizes_that_are_no_multiples_of_40_are_filled_up(encoder: ClipEncoder) -> None:
    view = np.random.default_rng(2).integers(0, 256, (50, 95, 3)).astype(np.uint8)
    shown = cells(view)
    assert shown.shape == (2, 3, 40, 40, 3)
    np.testing.assert_array_equal(shown[1, 2][:10, :15], view[40:, 80:])
    assert (shown[1, 2][10:] == shown[1, 2][9]).all()
    found = ClipPatchWhole(weights=encoder).estimate(view / np.float32(255), view / np.float32(255))
    assert found.logits.shape == (50, 95)


def test_a_mirrored_pair_looks_alike_from_both_sides(encoder: ClipEncoder, views: tuple[Any, ...]) -> None:
    pair = pairs(views[0], views[0])[0, 0]
    np.testing.assert_allclose(preprocess(pair, whole=True), preprocess(pair, whole=True)[..., ::-1], atol=1e-6)
