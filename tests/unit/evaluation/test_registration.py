"""A known shift and scale are found again, from pictures made up here."""

import cv2
import numpy as np
import pytest

from ldpbench.core.errors import IntegrityError
from ldpbench.evaluation.registration import Similarity, disc_kernel, estimate_similarity, register_target

HEIGHT, WIDTH = 500, 620


def texture(seed: int = 0) -> np.ndarray:
    """Smooth noise with detail at several sizes, float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    layers = []
    for size in (3, 8, 24, 60):
        coarse = rng.random((HEIGHT // size + 2, WIDTH // size + 2)).astype(np.float32)
        layers.append(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
    picture = sum(layers)
    return ((picture - picture.min()) / (picture.max() - picture.min())).astype(np.float32)


@pytest.mark.parametrize(
    "known", [Similarity(0, 0, 0, 0), Similarity(-2.3, 0.7, -0.004, 0), Similarity(1.1, -1.6, 0.006, 0)]
)
@pytest.mark.parametrize("radius", [0.0, 3.0, 8.0])
def test_a_known_displacement_is_found(known, radius):
    target = texture()
    moved = register_target(target, known)  # the target as the centre view's grid sees it
    view = moved if radius == 0 else cv2.filter2D(moved, -1, disc_kernel(radius))
    found = estimate_similarity(view, target)
    assert found.dx_px == pytest.approx(known.dx_px, abs=0.12)
    assert found.dy_px == pytest.approx(known.dy_px, abs=0.12)
    assert found.scale == pytest.approx(known.scale, abs=0.0006)


def test_registering_brings_the_target_onto_the_view():
    target, known = texture(), Similarity(-2.3, 0.7, -0.004, 0)
    view = cv2.filter2D(register_target(target, known), -1, disc_kernel(2.0))
    inner = (slice(16, -16), slice(16, -16))
    before = np.mean((view - target)[inner] ** 2)
    after = np.mean((view - register_target(target, estimate_similarity(view, target)))[inner] ** 2)
    assert after < 0.5 * before


def test_the_identity_changes_nothing():
    target = texture()
    np.testing.assert_allclose(register_target(target, Similarity(0, 0, 0, 0)), target, atol=1e-5)


def test_pictures_without_a_match_are_refused():
    with pytest.raises(IntegrityError, match="patches of the centre view match"):
        estimate_similarity(np.full((HEIGHT, WIDTH), 0.5, np.float32), texture())
    with pytest.raises(IntegrityError, match="patches of the centre view match"):
        estimate_similarity(texture(1), texture(2))


@pytest.mark.parametrize("radius", [0.0, 0.7, 1.5, 6.0, 17.0])
def test_discs_sum_to_one_and_have_the_right_area(radius):
    kernel = disc_kernel(radius)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    if radius >= 1.5:
        assert 1 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.15)
