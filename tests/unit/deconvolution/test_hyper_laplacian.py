"""The deconvolution released with DMENet: its own numbers, the plain forms, and what must hold for any picture."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ldpbench.core.errors import UsageError
from ldpbench.core.progress import Silent
from ldpbench.deconvolution import fast_deconv, hyper_laplacian_deblur
from ldpbench.deconvolution.by_map import LEVELS, TAPERS, deblur_levels, quantise_sigma
from ldpbench.deconvolution.kernels import gaussian_kernel, transfer_function
from ldpbench.deconvolution.shrinkage import shrinkage_table, shrunk, shrunk_divergence
from ldpbench.deconvolution.solver import BETAS
from ldpbench.deconvolution.taper import edge_taper

FOLDER = Path(__file__).parents[2] / "golden"
FACTS = json.loads((FOLDER / "hyper_laplacian.json").read_text())
GOLDEN = np.load(FOLDER / "hyper_laplacian.npz")
WITHIN = {"rtol": 0, "atol": FACTS["tolerance"]["atol"]}


def blurred() -> np.ndarray:
    return GOLDEN["blurred_uint8"] / 255.0


def green() -> np.ndarray:
    return np.ascontiguousarray(blurred()[:, :, FACTS["fast_deconv"]["channel"]])


def square_kernel(side: int, sigma: float) -> np.ndarray:
    line = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * sigma**2))
    return np.outer(line, line) / line.sum() ** 2


def released_kernel() -> np.ndarray:
    return square_kernel(FACTS["fast_deconv"]["kernel_side"], FACTS["fast_deconv"]["kernel_sigma"])


def pipeline_levels() -> np.ndarray:
    levels = np.zeros(GOLDEN["blurred_uint8"].shape[:2])
    for part in FACTS["pipeline"]["sigma"]:
        levels[slice(*part["rows"]), slice(*part["columns"])] = part["value"]
    return levels


def sharp_picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Patches of several sizes, float64 (H, W) in [0.1, 0.9]."""
    rng = np.random.default_rng(seed)
    layers = [
        np.kron(rng.random((height // side + 1, width // side + 1)), np.ones((side, side)))[:height, :width]
        for side in (3, 8, 21)
    ]
    return 0.1 + 0.8 * np.mean(layers, axis=0)


# --- the released numbers -------------------------------------------------------------------------------------------


def test_shrinkage_by_the_released_solver():
    rows = [
        shrunk(GOLDEN["solve_image_v"], shrinkage_table(alpha, beta))
        for alpha in FACTS["solve_image"]["alpha"]
        for beta in map(float, FACTS["solve_image"]["beta"])
    ]
    np.testing.assert_allclose(rows, GOLDEN["solve_image_w"], **WITHIN)


@pytest.mark.parametrize(("weight", "entry", "step"), [(16.8, "lambda16.8", 1), (420.0, "lambda420_sub2", 2)])
def test_one_plane_by_the_released_solver(weight, entry, step):
    found = fast_deconv(green(), released_kernel(), weight=weight, alpha=FACTS["fast_deconv"]["alpha"])
    np.testing.assert_allclose(found[::step, ::step], GOLDEN[f"fast_deconv_{entry}"], **WITHIN)


def test_one_taper():
    np.testing.assert_allclose(edge_taper(green(), released_kernel())[::2, ::2], GOLDEN["edgetaper_once"], **WITHIN)


def test_the_kernel_without_its_tiniest_weights():
    kernel = gaussian_kernel(0.8)
    expected = GOLDEN["fspecial_101_sigma0.8_centre21"]
    margin = (expected.shape[0] - kernel.shape[0]) // 2
    np.testing.assert_allclose(np.pad(kernel, margin), expected, rtol=1e-12, atol=1e-17)
    assert (np.pad(kernel, margin) == 0).sum() == (expected == 0).sum()


def test_the_whole_script():
    options = {name: FACTS["pipeline"][name] for name in ("weight", "alpha")}
    found = deblur_levels(blurred(), pipeline_levels(), **options)
    np.testing.assert_allclose(found[:, :, 1], GOLDEN["pipeline_green"], **WITHIN)
    np.testing.assert_allclose(found[::4, ::4], GOLDEN["pipeline_sub4"], **WITHIN)


def test_the_levels_of_a_map():
    facts = FACTS["defocus_map"]
    sigma = np.maximum((GOLDEN["defocus_map_uint8"] / facts["white"] * facts["largest_coc_px"] - 1) / 2, 0)
    levels = quantise_sigma(sigma)
    np.testing.assert_allclose(levels, GOLDEN["sigma_quantised"], rtol=0, atol=1e-12)
    edges = GOLDEN["sigma_edges"]
    assert np.abs(levels.ravel()[:, None] - edges).min(axis=1).max() < 1e-12
    assert levels.max() < edges[-1], "the last bin takes its lower edge too"


# --- equal to the plain forms ---------------------------------------------------------------------------------------


def plain_taper(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Whole planes and complex transforms, as the function is documented."""
    shares = []
    for axis, size in enumerate(picture.shape):
        power = np.abs(np.fft.fft(kernel.sum(axis=1 - axis), size - 1)) ** 2
        correlation = np.real(np.fft.ifft(power))
        shares.append(1 - np.append(correlation, correlation[0]) / correlation.max())
    share = np.outer(*shares)
    smooth = np.fft.irfft2(np.fft.rfft2(picture) * transfer_function(kernel, picture.shape), picture.shape)
    return np.clip(share * picture + (1 - share) * smooth, picture.min(), picture.max())


@pytest.mark.parametrize(("height", "width", "side"), [(61, 83, 7), (40, 90, 19), (33, 34, 17), (128, 20, 11)])
def test_a_tapered_frame_is_the_tapered_picture(height, width, side):
    picture, kernel = sharp_picture(height, width), square_kernel(side, side / 5)
    expected = picture
    for _ in range(TAPERS):
        expected = plain_taper(expected, kernel)
    np.testing.assert_allclose(edge_taper(picture, kernel, TAPERS), expected, rtol=0, atol=1e-12)


def test_tapering_takes_any_kernel():
    picture = sharp_picture(70, 60)
    kernel = np.random.default_rng(1).random((9, 5))
    kernel /= kernel.sum()
    np.testing.assert_allclose(edge_taper(picture, kernel), plain_taper(picture, kernel), rtol=0, atol=1e-12)


def test_tapering_leaves_the_middle_alone():
    picture = sharp_picture(64, 80)
    tapered = edge_taper(picture, square_kernel(9, 2), TAPERS)
    np.testing.assert_array_equal(tapered[9:-9, 9:-9], picture[9:-9, 9:-9])
    assert np.abs(tapered[0] - tapered[-1]).max() < np.abs(picture[0] - picture[-1]).max() / 4


def plain_deconv(picture: np.ndarray, kernel: np.ndarray, weight: float, alpha: float) -> np.ndarray:
    """Whole complex transforms, rolled differences and np.interp."""
    shape = picture.shape
    places = np.linspace(-10, 10, 200_001)

    def transfer(part: np.ndarray, middle: tuple[int, int]) -> np.ndarray:
        canvas = np.zeros(shape)
        canvas[: part.shape[0], : part.shape[1]] = part
        return np.fft.fft2(np.roll(canvas, (-middle[0], -middle[1]), (0, 1)))

    blur = transfer(kernel, (kernel.shape[0] // 2, kernel.shape[1] // 2))
    slopes = sum(np.abs(transfer(part, (0, 0))) ** 2 for part in (np.array([[1, -1]]), np.array([[1], [-1]])))
    sharp, beta = picture, 1.0
    while beta < 256:
        total = np.zeros(shape)
        for axis in (0, 1):
            w = np.interp(np.roll(sharp, -1, axis) - sharp, places, shrinkage_table(alpha, beta))
            total += np.roll(w, 1, axis) - w
        numerator = np.conj(blur) * np.fft.fft2(picture) + beta / weight * np.fft.fft2(total)
        sharp = np.real(np.fft.ifft2(numerator / (np.abs(blur) ** 2 + beta / weight * slopes)))
        beta *= 2 * np.sqrt(2)
    return sharp


@pytest.mark.parametrize(("height", "width"), [(40, 60), (41, 37), (16, 33), (9, 9)])
@pytest.mark.parametrize(("weight", "alpha"), [(16.8, 1.5), (420.0, 1.5), (50.0, 2 / 3)])
def test_the_solver_is_the_plain_one(height, width, weight, alpha):
    picture, kernel = sharp_picture(height, width), square_kernel(7, 1.3)
    found = fast_deconv(picture, kernel, weight=weight, alpha=alpha)
    np.testing.assert_allclose(found, plain_deconv(picture, kernel, weight, alpha), rtol=0, atol=1e-9)


def test_the_solver_takes_kernels_of_any_shape():
    picture = sharp_picture(30, 44)
    kernel = np.random.default_rng(2).random((4, 7))
    kernel /= kernel.sum()
    found = fast_deconv(picture, kernel, weight=100.0, alpha=1.0)
    np.testing.assert_allclose(found, plain_deconv(picture, kernel, 100.0, 1.0), rtol=0, atol=1e-9)


def test_a_transfer_function_has_its_middle_on_the_first_pixel():
    kernel = np.zeros((5, 3))
    kernel[2, 1] = 1
    np.testing.assert_allclose(transfer_function(kernel, (8, 9)), 1, atol=1e-15)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 1), (12, 15)])
def test_the_divergence_is_that_of_rolled_differences(shape):
    picture = np.random.default_rng(3).normal(size=shape) * 8  # some differences leave the table
    table = shrinkage_table(1.5, 8.0)
    expected = np.zeros(shape)
    for axis in (0, 1):
        w = shrunk((np.roll(picture, -1, axis) - picture).ravel(), table).reshape(shape)
        expected += np.roll(w, 1, axis) - w
    np.testing.assert_allclose(shrunk_divergence(picture, table), expected, rtol=0, atol=1e-12)


# --- shrinkage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.5, 2 / 3, 0.8, 1.0, 1.5])
@pytest.mark.parametrize("beta", BETAS)
def test_nothing_costs_less_than_what_the_table_says(alpha, beta):
    """Away from zero, where four Newton steps are not enough, and from the jump, which a table cannot hold."""
    v = np.array([0.6, 0.9, 2.0, 7.5])
    w = shrunk(v, shrinkage_table(alpha, beta))
    candidates = np.linspace(0, 8, 16_001)[:, None]

    def cost(of: np.ndarray) -> np.ndarray:
        return np.abs(of) ** alpha + beta / 2 * (of - v) ** 2

    assert (cost(w) <= cost(candidates).min(axis=0) + 1e-6 * beta).all()
    assert ((w >= 0) & (w <= v)).all()


def test_the_betas_are_the_released_ones():
    assert len(BETAS) == 6
    np.testing.assert_allclose(BETAS, np.cumprod([1.0] + 5 * [2 * np.sqrt(2)]))
    assert BETAS[-1] * 2 * np.sqrt(2) >= 256


def test_the_table_is_read_linearly_to_its_ends_and_beyond():
    places = np.linspace(-10, 10, 200_001)
    table = np.random.default_rng(4).random(places.size)
    inside = np.array([-10.0, -9.99995, -3.3333, 0.00007, 9.99985, 9.99995])
    np.testing.assert_allclose(shrunk(inside, table), np.interp(inside, places, table), atol=1e-6)
    first, last = (table[1] - table[0]) * 1e4, (table[-1] - table[-2]) * 1e4
    expected = [table[0] - 2 * first, table[-1] + 0.5 * last]
    np.testing.assert_allclose(shrunk(np.array([-12.0, 10.5]), table), expected, rtol=1e-6)


def test_a_table_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        shrinkage_table(1.5, 8.0)[0] = 1


# --- kernels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sigma", "side"), [(0.0, 1), (0.1, 1), (0.2, 3), (1.0, 17), (5.0, 85), (7.0, 101), (40.0, 101)]
)
def test_a_kernel_is_cropped_to_its_weights(sigma, side):
    kernel = gaussian_kernel(sigma)
    assert kernel.shape == (side, side)
    assert kernel.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(kernel, kernel.T)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
    assert kernel[0, side // 2] > 0


# --- levels ---------------------------------------------------------------------------------------------------------

MAPS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 9, width=32))


@given(sigma=MAPS)
@settings(max_examples=40, deadline=None)
def test_levels_lie_below_in_order_and_are_few(sigma):
    levels = quantise_sigma(sigma)
    assert (levels <= sigma).all()
    assert np.unique(levels).size <= LEVELS
    order = np.argsort(sigma, axis=None)
    assert (np.diff(levels.ravel()[order]) >= 0).all()
    assert levels.min() == sigma.min()


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_an_even_map_keeps_its_value(value):
    np.testing.assert_array_equal(quantise_sigma(np.full((4, 5), value)), value)


def test_two_values_stay_two_values():
    sigma = np.array([[0.5, 2.0, 2.0], [2.0, 0.5, 0.5]])
    np.testing.assert_array_equal(quantise_sigma(sigma), sigma)


def test_how_often_a_value_occurs_does_not_matter():
    few, many = np.array([[0.5, 1.0, 3.0]]), np.array([[0.5, 1.0, 1.0, 1.0, 1.0, 3.0]])
    np.testing.assert_array_equal(np.unique(quantise_sigma(few)), np.unique(quantise_sigma(many)))


# --- pictures -------------------------------------------------------------------------------------------------------


def rms(one: np.ndarray, other: np.ndarray) -> float:
    inner = slice(10, -10)
    return float(np.sqrt(np.mean((one[inner, inner] - other[inner, inner]) ** 2)))


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.5])
def test_the_right_blur_is_undone_and_a_wrong_one_less(sigma):
    sharp = sharp_picture(120, 140)
    soft = np.clip(cv2.GaussianBlur(sharp, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), 0, 1)

    def left(assumed: float) -> float:
        return rms(hyper_laplacian_deblur(soft, np.full(soft.shape, assumed), weight=420), sharp)

    assert left(sigma) < 0.85 * rms(soft, sharp)
    assert left(sigma) < left(sigma / 2)
    assert left(sigma) < left(1.6 * sigma)


def test_more_weight_is_less_smooth():
    picture = blurred()
    levels = np.full(picture.shape[:2], 1.6)
    low, high = (hyper_laplacian_deblur(picture, levels, weight=weight) for weight in (4.2, 420.0))
    assert np.abs(np.diff(high, axis=1)).mean() > 1.2 * np.abs(np.diff(low, axis=1)).mean()


def test_each_pixel_comes_from_the_picture_deconvolved_with_its_own_blur():
    picture, levels = blurred(), pipeline_levels()
    mixed = deblur_levels(picture, levels, weight=16.8, alpha=1.5)
    for sigma in np.unique(levels):
        alone = deblur_levels(picture, np.full(levels.shape, sigma), weight=16.8, alpha=1.5)
        np.testing.assert_array_equal(mixed[levels == sigma], alone[levels == sigma])


def test_what_is_sharp_stays_to_the_bit():
    picture = blurred()
    np.testing.assert_array_equal(hyper_laplacian_deblur(picture, np.zeros(picture.shape[:2])), picture)
    levels = pipeline_levels()
    found = deblur_levels(picture, levels, weight=16.8, alpha=1.5)
    np.testing.assert_array_equal(found[levels == 0], picture[levels == 0])


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_flat_pictures_stay_flat(value):
    levels = np.linspace(0, 7, 40 * 50).reshape(40, 50)
    np.testing.assert_allclose(hyper_laplacian_deblur(np.full((40, 50, 3), value), levels), value, atol=1e-10)


def test_channels_know_nothing_of_each_other():
    picture, levels = blurred(), pipeline_levels()
    colour = hyper_laplacian_deblur(picture, levels)
    for channel in range(3):
        alone = hyper_laplacian_deblur(picture[:, :, channel], levels)
        assert alone.shape == levels.shape
        np.testing.assert_array_equal(alone, colour[:, :, channel])


def test_turning_the_picture_turns_the_answer():
    picture, levels = green()[:60, :90], pipeline_levels()[:60, :90]
    turned = hyper_laplacian_deblur(picture.T, levels.T)
    np.testing.assert_allclose(turned.T, hyper_laplacian_deblur(picture, levels), atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (17, 2), (23, 31)])
def test_any_size(shape):
    found = hyper_laplacian_deblur(sharp_picture(*shape), np.full(shape, 6.5))
    assert found.shape == shape
    assert found.dtype == np.float64
    assert found.min() >= 0
    assert found.max() <= 1


def test_float32_pictures_are_computed_in_double():
    picture, levels = blurred().astype(np.float32), pipeline_levels()
    np.testing.assert_array_equal(
        hyper_laplacian_deblur(picture, levels), hyper_laplacian_deblur(picture.astype(np.float64), levels)
    )


def test_highlights_above_white_are_clipped_in_the_answer_only():
    picture = np.full((30, 30), 0.5)
    picture[10:20, 10:20] = 1.8
    assert hyper_laplacian_deblur(picture, np.full((30, 30), 1.0)).max() == 1


def test_the_number_of_cores_changes_nothing(monkeypatch):
    picture, levels = blurred(), pipeline_levels()
    found = []
    for cores in (None, 1, 6):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        found.append(hyper_laplacian_deblur(picture, levels))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_nothing_given_is_changed():
    picture, levels = blurred(), pipeline_levels()
    picture.flags.writeable = levels.flags.writeable = False
    hyper_laplacian_deblur(picture, levels)
    kernel = released_kernel()
    kernel.flags.writeable = False
    plane = np.ascontiguousarray(picture[:, :, 0])
    plane.flags.writeable = False
    fast_deconv(edge_taper(plane, kernel), kernel, weight=16.8, alpha=1.5)


def test_progress_is_told_of_every_level():
    seen = []

    class Ear(Silent):
        def track(self, items, *, label, total=None):
            for item in items:
                seen.append((label, total))
                yield item

    levels = pipeline_levels()
    hyper_laplacian_deblur(green(), levels, progress=Ear())
    count = np.unique(quantise_sigma(levels)).size
    assert seen == [("deconvolution", count)] * count


@pytest.mark.parametrize(
    ("picture", "sigma", "options", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 5)), {}, "map of the picture's size"),
        (np.zeros((4, 4, 2)), np.zeros((4, 4)), {}, "found \\(4, 4, 2\\)"),
        (np.zeros((0, 4)), np.zeros((0, 4)), {}, "found \\(0, 4\\)"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4)), {}, "found uint8"),
        (np.full((4, 4), np.nan), np.zeros((4, 4)), {}, "finite values"),
        (np.full((4, 4), -0.1), np.zeros((4, 4)), {}, "at least 0"),
        (np.zeros((4, 4)), np.full((4, 4), -1.0), {}, "at least 0 px"),
        (np.zeros((4, 4)), np.full((4, 4), np.nan), {}, "at least 0 px"),
        (np.zeros((4, 4)), np.full((4, 4), np.inf), {}, "at least 0 px"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"weight": 0.0}, "above 0"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"alpha": -1.0}, "above 0"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"weight": float("nan")}, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(picture, sigma, options, message):
    with pytest.raises(UsageError, match=message):
        hyper_laplacian_deblur(picture, sigma, **options)
