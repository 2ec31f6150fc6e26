"""Blur from edges: the published numbers stage by stage, the plain forms, and what must hold for any picture."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.morphology import thin

from ldpbench.core.errors import UsageError
from ldpbench.deconvolution import edge_blur_map
from ldpbench.deconvolution.canny import _local_maxima, canny_edges, thinned
from ldpbench.deconvolution.domain_transform import recursive_filter
from ldpbench.deconvolution.edge_blur import (
    MAX_SIGMA_PX,
    SCALES,
    edge_blur,
    gradient_magnitude,
    linear_luma,
    second_sigma,
    smooth_along_edges,
    spread,
    window_half,
)

FOLDER = Path(__file__).parents[2] / "golden"
FACTS = json.loads((FOLDER / "ebdb.json").read_text())
GOLDEN = np.load(FOLDER / "ebdb.npz")
WITHIN = {"rtol": 0, "atol": FACTS["tolerance"]["atol"]}
IMAGE = GOLDEN["image_uint8"] / 255.0
SHAPE = IMAGE.shape[:2]


def unpacked(entry: str) -> np.ndarray:
    bits = np.unpackbits(GOLDEN[entry], axis=-1)
    return bits[..., : SHAPE[0] * SHAPE[1]].reshape(*bits.shape[:-1], *SHAPE).astype(bool)


# --- the published numbers ------------------------------------------------------------------------------------------


def test_the_scales_are_the_published_ones():
    assert list(SCALES) == FACTS["scales"]


@pytest.mark.parametrize("number", range(len(FACTS["scales"])))
def test_edges_are_the_published_ones_to_the_pixel(number):
    found = canny_edges(linear_luma(IMAGE), FACTS["scales"][number])
    np.testing.assert_array_equal(found, unpacked("canny_edges_packed")[number])


def test_each_stage_after_the_edges():
    luma, found = linear_luma(IMAGE), unpacked("canny_edges_packed")
    edges = found[:4].all(axis=0)
    np.testing.assert_array_equal(edges, unpacked("reliable_edges_packed"))
    np.testing.assert_array_equal(np.argwhere(edges), np.stack([GOLDEN["edge_rows"], GOLDEN["edge_cols"]], axis=1))
    sigma = second_sigma(found[:, edges])
    np.testing.assert_array_equal(sigma, GOLDEN["reblur_sigma_at_edges"])
    blur = edge_blur(luma, edges, sigma)
    np.testing.assert_allclose(blur, GOLDEN["blur_at_edges"], **WITHIN)
    np.testing.assert_array_equal(blur == 0, GOLDEN["blur_at_edges"] == 0)
    smooth = smooth_along_edges(GOLDEN["blur_at_edges"].astype(float), edges, found[:, edges].sum(axis=0))
    np.testing.assert_allclose(smooth, GOLDEN["blur_at_edges_filtered"], **WITHIN)
    guide = recursive_filter(IMAGE, IMAGE, spatial_px=7, tonal=0.5)
    np.testing.assert_allclose(guide[::2, ::2], GOLDEN["guide_sub2"], **WITHIN)
    dense = spread(GOLDEN["blur_at_edges_filtered"].astype(float), edges, IMAGE)
    np.testing.assert_allclose(dense, GOLDEN["dense_blur"], **WITHIN)


def test_the_whole_map():
    np.testing.assert_allclose(edge_blur_map(IMAGE), GOLDEN["dense_blur"], **WITHIN)


@pytest.mark.parametrize("strip", FACTS["strips"], ids=lambda strip: str(strip["sigma"]))
def test_known_blur_is_found(strip):
    found = edge_blur_map(IMAGE)[:, slice(*strip["columns"])]
    assert np.median(found) == pytest.approx(strip["median"], abs=0.005)


# --- equal to the plain forms ---------------------------------------------------------------------------------------


@given(mask=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=14)))
@settings(max_examples=60, deadline=None)
def test_one_step_of_thinning(mask):
    np.testing.assert_array_equal(thinned(mask), thin(mask, max_num_iter=1))


@pytest.mark.parametrize("seed", range(3))
def test_thinning_of_thick_lines(seed):
    mask = cv2.GaussianBlur(np.random.default_rng(seed).random((60, 70)), (0, 0), 2) > 0.5
    np.testing.assert_array_equal(thinned(mask), thin(mask, max_num_iter=1))


def test_equal_neighbours_are_both_maxima():
    """As where an edge lies between two pixels; thinning takes one of them away again."""
    magnitude = np.tile([0.0, 0.2, 1.0, 1.0, 0.2, 0.0], (5, 1))
    still, steep = np.zeros_like(magnitude), np.ones_like(magnitude)
    expected = np.zeros(magnitude.shape, bool)
    expected[1:-1, 2:4] = True
    np.testing.assert_array_equal(_local_maxima(steep, still, magnitude), expected)
    turned = _local_maxima(*(np.ascontiguousarray(plane.T) for plane in (still, -steep, magnitude)))
    np.testing.assert_array_equal(turned, expected.T)


def plain_filter(picture: np.ndarray, guide: np.ndarray, spatial: float, tonal: float) -> np.ndarray:
    filtered = picture.copy()
    for step in range(5):
        feedback = np.exp(-np.sqrt(2) / (spatial * np.sqrt(3) * 2 ** (4 - step) / np.sqrt(4**5 - 1)))
        for axis in (1, 0):
            line, steps = np.moveaxis(filtered, axis, 0), np.abs(np.diff(np.moveaxis(guide, axis, 0), axis=0)).sum(2)
            weight = feedback ** (1 + spatial / tonal * steps)[..., None]
            for place in range(1, len(line)):
                line[place] += weight[place - 1] * (line[place - 1] - line[place])
            for place in range(len(line) - 2, -1, -1):
                line[place] += weight[place] * (line[place + 1] - line[place])
    return filtered


@pytest.mark.parametrize(("height", "width"), [(12, 17), (1, 9), (8, 1)])
def test_the_recursive_filter(height, width):
    rng = np.random.default_rng(0)
    picture, guide = rng.random((height, width, 2)), rng.random((height, width, 3))
    found = recursive_filter(picture, guide, spatial_px=4, tonal=0.7)
    np.testing.assert_allclose(found, plain_filter(picture, guide, 4, 0.7), rtol=0, atol=1e-13)


def test_smoothing_along_edges_solves_its_equations():
    edges = np.zeros((6, 8), bool)
    edges[1, 1:5] = edges[2, 5] = edges[4, 1] = edges[0, 0] = True
    places = np.argwhere(edges)
    rng = np.random.default_rng(0)
    blur, trust = rng.random(len(places)) * 5, rng.integers(4, 10, len(places))
    near = np.abs(places[:, None] - places).max(axis=2) == 1
    system = np.diag(1 + trust + 20 * near.sum(axis=1)) - 20 * near
    np.testing.assert_allclose(smooth_along_edges(blur, edges, trust), np.linalg.solve(system, (1 + trust) * blur))
    alone = [index for index in range(len(places)) if not near[index].any()]
    assert len(alone) == 1
    np.testing.assert_allclose(smooth_along_edges(blur, edges, trust)[alone], blur[alone])


@pytest.mark.parametrize(
    ("shown", "sigma"),
    [
        ("111100000", 1.25),
        ("111110000", 1.5),
        ("111111111", 2.5),
        ("111101111", 1.25),
        ("111111010", 1.75),
        ("111111110", 2.25),
    ],
)
def test_the_second_blur_ends_where_the_edge_first_vanishes(shown, sigma):
    column = np.array([[flag == "1"] for flag in shown])
    np.testing.assert_array_equal(second_sigma(column), [sigma])


@pytest.mark.parametrize("sigma", [1.0, 1.25, 2.0, 2.5])
def test_the_gradient_of_a_ramp_is_its_slope(sigma):
    ramp = np.arange(60.0)[:, None] * 0.3 + np.arange(70.0) * 0.4
    found = gradient_magnitude(ramp, sigma, window_half(2.5))
    np.testing.assert_allclose(found[20:-20, 20:-20], 0.5, rtol=1e-3)


# --- pictures -------------------------------------------------------------------------------------------------------


def step_edge(sigma: float) -> np.ndarray:
    """A bright disc, blurred; its luma is linear, as the estimate wants it."""
    rows, columns = np.mgrid[:160, :160]
    disc = (np.hypot(rows - 80, columns - 80) < 45).astype(np.float64)
    return 0.1 + 0.8 * cv2.GaussianBlur(disc, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0, 4.0])
def test_the_blur_of_a_step(sigma):
    luma = step_edge(sigma)
    found = np.stack([canny_edges(luma, scale) for scale in SCALES])
    edges = found[:4].all(axis=0)
    blur = edge_blur(luma, edges, second_sigma(found[:, edges]))
    assert np.median(blur) == pytest.approx(sigma, rel=0.06)


def test_more_blur_than_five_px_is_five():
    luma = step_edge(9.0)
    edges = canny_edges(luma, 1.0)
    assert edges.any()
    assert edge_blur(luma, edges, np.full(edges.sum(), 2.5)).max() == MAX_SIGMA_PX


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_picture_without_edges_says_nothing(value):
    found = edge_blur_map(np.full((30, 40, 3), value))
    np.testing.assert_array_equal(found, np.zeros((30, 40), np.float32))
    assert not canny_edges(np.full((30, 40), value), 1.0).any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (9, 2), (16, 16), (33, 40)])
def test_any_size(shape):
    found = edge_blur_map(np.random.default_rng(0).random((*shape, 3)))
    assert found.shape == shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= MAX_SIGMA_PX + 1e-6


@given(
    image=hnp.arrays(np.float32, (18, 21, 3), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])), value=st.floats(0, 1)
)
@settings(max_examples=15, deadline=None)
def test_the_map_is_an_average_of_what_edges_say(image, value):
    image[4:14, 5:15] = value
    found = edge_blur_map(image)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= MAX_SIGMA_PX + 1e-6


def test_grey_is_colour_of_grey():
    grey = IMAGE[:, :, 1]
    expected = edge_blur_map(np.repeat(grey[:, :, None], 3, axis=2))
    np.testing.assert_array_equal(edge_blur_map(grey), expected)
    np.testing.assert_array_equal(edge_blur_map(grey[:, :, None]), expected)


def test_colours_are_in_rgb_order():
    assert np.abs(edge_blur_map(IMAGE[:, :, ::-1]) - edge_blur_map(IMAGE)).max() > 0.01


def test_the_picture_is_left_alone():
    image = IMAGE.copy()
    image.flags.writeable = False
    edge_blur_map(image)
    np.testing.assert_array_equal(image, IMAGE)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint16), np.zeros((4, 4, 2)), np.zeros(4), np.full((4, 4), np.inf), np.full((4, 4), -1.0)],
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(UsageError, match="expected"):
        edge_blur_map(image)
