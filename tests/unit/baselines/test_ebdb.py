"""EBDB as a method: its two halves put together, and what it gains."""

import cv2
import numpy as np
import pytest
import torch

from ldpbench.deconvolution import edge_blur_map, hyper_laplacian_deblur
from ldpbench.methods.find import find_method
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_pair


@pytest.fixture(scope="module")
def method():
    return load_method("ebdb").deblurrer


def sharp_picture(height: int = 64, width: int = 72) -> np.ndarray:
    """Rectangles of even colour on an even ground, float64 (H, W, 3)."""
    rng = np.random.default_rng(0)
    picture = np.full((height, width, 3), 0.5)
    for _ in range(12):
        top, left = rng.integers(0, height - 16), rng.integers(0, width - 16)
        picture[top : top + rng.integers(14, 40), left : left + rng.integers(14, 40)] = rng.random(3)
    return picture


def blurred(sigma: float) -> np.ndarray:
    soft = cv2.GaussianBlur(sharp_picture(), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.clip(soft, 0, 1).astype(np.float32)


def batch(*pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([picture.transpose(2, 0, 1) for picture in pictures]))


def restored(method, center: torch.Tensor) -> torch.Tensor:
    return method.restore(left=None, right=None, center=center, blur_map=None)


def test_the_map_guides_the_deconvolution(method):
    soft = blurred(2.0)
    expected = hyper_laplacian_deblur(soft, edge_blur_map(soft), weight=16.8, alpha=1.5).astype(np.float32)
    found = restored(method, batch(soft))[0].numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_blur_is_undone_in_part(method, sigma):
    soft, sharp = blurred(sigma), sharp_picture()
    found = restore_pair(method, soft, soft)
    assert np.mean((found - sharp) ** 2) < 0.94 * np.mean((soft - sharp) ** 2)


def test_it_sees_the_mean_of_the_views_and_nothing_else(method):
    soft = blurred(1.5)
    apart = np.minimum(soft, 1 - soft) / 2
    assert method.inputs == find_method("ebdb").record.inputs == ("center",)
    np.testing.assert_allclose(
        restore_pair(method, soft - apart, soft + apart), restore_pair(method, soft, soft), atol=1e-4
    )


def test_pictures_of_a_batch_do_not_mix(method):
    one, other = blurred(1.0), blurred(3.0)
    together = restored(method, batch(one, other))
    assert torch.equal(together[0], restored(method, batch(one))[0])
    assert torch.equal(together[1], restored(method, batch(other))[0])


def test_grey_is_colour_of_grey(method):
    grey = blurred(2.0)[:, :, :1]
    found = restore_pair(method, grey, grey)
    assert found.shape == grey.shape
    colour = grey.repeat(3, axis=2)
    np.testing.assert_allclose(restore_pair(method, colour, colour)[:, :, :1], found, atol=1e-6)


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (3, 5)])
def test_any_size(method, shape):
    view = blurred(1.0)[: shape[0], : shape[1]]
    found = restore_pair(method, view, view)
    assert found.shape == view.shape
    assert np.isfinite(found).all()


@pytest.mark.parametrize("value", [0.0, 0.6, 1.0])
def test_a_picture_without_edges_comes_back(method, value):
    flat = np.full((24, 30, 3), value, np.float32)
    np.testing.assert_array_equal(restore_pair(method, flat, flat), flat)


def test_highlights_above_white_are_taken(method):
    soft = blurred(1.5) * np.float32(1.4)
    assert soft.max() > 1
    found = restored(method, batch(soft))
    assert float(found.max()) <= 1
    assert float(found.min()) >= 0


def test_the_record_names_what_is_known():
    record = find_method("ebdb").record
    assert record.kind == "training-free"
    assert not record.weights
    assert record.reported
    assert any("16.8" in issue for issue in record.known_issues)
