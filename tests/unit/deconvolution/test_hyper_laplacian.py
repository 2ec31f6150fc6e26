"""The deconvolution released with DMENet: its own numbers, and the plain forms of its parts."""

import numpy as np
import pytest

from ldpbench.deconvolution import fast_deconv
from ldpbench.deconvolution.by_map import TAPERS, deblur_levels, quantise_sigma
from ldpbench.deconvolution.kernels import gaussian_kernel, transfer_function
from ldpbench.deconvolution.shrinkage import shrinkage_table, shrunk, shrunk_divergence
from ldpbench.deconvolution.solver import BETAS
from ldpbench.deconvolution.taper import edge_taper
from tests.released_deconvolution import (
    FACTS,
    GOLDEN,
    WITHIN,
    blurred,
    green,
    pipeline_levels,
    released_kernel,
    sharp_picture,
    square_kernel,
)

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
