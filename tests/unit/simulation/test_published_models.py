"""The two published models end to end: golden pictures, labels, and what they promise."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ldpbench.core.errors import UsageError
from ldpbench.simulation import distortion
from ldpbench.simulation.ddd import DDD_CAMERAS, box_disparity, render_boxes, scatter_boxes, simulate_ddd
from ldpbench.simulation.distortion import RadialDistortion, distort, on_any_device
from ldpbench.simulation.psf import RDPD_SHAPES, PsfShape, psf_preset
from ldpbench.simulation.rdpd import RDPD_SETS, sequence_shape, simulate_rdpd, synthia_depth_m
from ldpbench.simulation.render import _fixed_kernels, fourier_sums, render_sums
from ldpbench.simulation.resize import enlarge_bicubic

GOLDEN = Path(__file__).parents[2] / "golden" / "rdpd_distorted.npz"


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]


def picture(view: torch.Tensor) -> np.ndarray:
    return view[0].permute(1, 2, 0).numpy()


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.parametrize("case", [0, 1])
def test_a_distorted_rendering_is_that_of_the_published_simulator(case):
    golden = np.load(GOLDEN)
    camera_set, order, cutoff, floor = golden["cases"][case]
    chosen = RDPD_SETS[f"rdpd/set{int(camera_set)}"]
    views = simulate_rdpd(
        tensor(golden["rgb"]),
        torch.from_numpy(synthia_depth_m(golden["depth_code_rgb"]))[None],
        chosen.camera,
        PsfShape(int(order), float(cutoff), float(floor), 1 / 7),
        distortion=chosen.distortion,
    )
    named = {"left": views.left, "right": views.right, "combined": views.center, "target": views.target}
    found = {
        name: psnr(picture(view), golden[f"case{case}_rd_{name}"])
        for name, view in named.items()
        if f"case{case}_rd_{name}" in golden
    }
    assert set(found) >= {"left", "target"}
    for name, value in found.items():
        assert value > (60 if name == "target" else 65), name


def test_both_ways_to_distort_agree_and_nothing_moves_without_distortion():
    rng = np.random.default_rng(0)
    source = torch.from_numpy(rng.integers(0, 256, (45, 70, 6), dtype=np.uint8))
    for chosen in RDPD_SETS.values():
        looks = distortion._looks(45, 70, chosen.distortion, source.device)
        fast, plain = (way(source, looks).int() for way in (distortion._on_cpu, on_any_device))
        assert int((fast - plain).abs().max()) <= 1
        assert float((fast != plain).float().mean()) < 1e-3
    flat = torch.full((1, 3, 40, 60), 90, dtype=torch.uint8)
    assert torch.equal(distort(flat, RadialDistortion(0, 0, 0, 1)), flat)


def test_what_looks_past_the_picture_is_black():
    flat = torch.full((2, 1, 64, 96), 200, dtype=torch.uint8)
    far = distort(flat, RadialDistortion(0, 0, 0, 2.0))
    assert far[0, 0, 0, 0] == 0
    assert far[1, 0, 32, 48] == 200


def test_depth_codes_are_little_endian_24_bit():
    codes = np.array([[0, 0, 0], [255, 255, 255], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.uint8)
    expected = np.array([0, 2**24 - 1, 1, 256, 65536]) * 1000 / (2**24 - 1)
    np.testing.assert_allclose(synthia_depth_m(codes), expected, rtol=1e-15)
    with pytest.raises(UsageError, match=r"expected uint8 \(..., 3\), found uint16 \(5, 3\)"):
        synthia_depth_m(codes.astype(np.uint16))
    with pytest.raises(UsageError, match=r"found uint8 \(5, 2\)"):
        synthia_depth_m(codes[:, :2])


def test_even_sharp_parts_are_slightly_blurred_and_far_depths_count_as_250_m():
    rng = np.random.default_rng(0)
    sharp = torch.from_numpy(rng.integers(0, 256, (1, 3, 16, 16), dtype=np.uint8))
    chosen = RDPD_SETS["rdpd/set0"]
    in_focus, far, farther = (
        simulate_rdpd(sharp, torch.full((1, 16, 16), depth), chosen.camera, RDPD_SHAPES[0], distortion=None)
        for depth in (5.05, 250.0, 900.0)
    )
    assert set(in_focus.coc.unique().tolist()) == {1}
    assert not torch.equal(in_focus.left, sharp)
    assert torch.equal(in_focus.target, sharp)
    assert torch.equal(far.left, farther.left)
    with pytest.raises(UsageError, match="metres of at least 0"):
        simulate_rdpd(sharp, torch.full((1, 16, 16), -1.0), chosen.camera, RDPD_SHAPES[0], distortion=None)


def test_sequences_take_the_rows_in_turn():
    assert [sequence_shape(index) for index in (0, 2, 5)] == [RDPD_SHAPES[0], RDPD_SHAPES[2], RDPD_SHAPES[5]]
    assert sequence_shape(2) == PsfShape(3, 2.0, 0.1, 1 / 7), "SEQ3, the test sequence"
    assert sequence_shape(12) == RDPD_SHAPES[0]


@pytest.fixture
def official() -> dict[str, np.ndarray]:
    folder = os.environ.get("LDPBENCH_TEST_DDD_SAMPLE")
    if not folder:
        pytest.skip("LDPBENCH_TEST_DDD_SAMPLE does not name a folder with the authors' sample pair")
    names = {"input": "input", "left": "oult_l", "right": "oult_r", "target": "oult_gt"}
    found = {key: cv2.imread(str(Path(folder) / f"{name}.png"), -1)[:, :, ::-1].copy() for key, name in names.items()}
    depth = np.load(Path(folder) / "depth.npz")
    planes = np.ascontiguousarray(depth["depth_bytes"].transpose(1, 2, 0))
    return found | {"depth": planes.view("<f4")[..., 0].copy(), "sides": depth["kernel_size"].astype(np.int64)}


def test_the_authors_pair_is_reproduced(official):
    sharp, depth = tensor(official["input"]), torch.from_numpy(official["depth"])[None]
    sides = torch.from_numpy(official["sides"])[None]
    camera = DDD_CAMERAS["ddd/sample"]
    exact = render_boxes(sharp, box_disparity(depth, camera), sides, camera.crop_px)
    for name in ("left", "right", "target"):
        np.testing.assert_array_equal(picture(getattr(exact, name)), official[name])
    found = simulate_ddd(sharp, depth, camera)
    assert int((found.sides != sides).sum()) <= 1
    assert psnr(picture(found.left), official["left"]) > 100
    assert psnr(picture(found.right), official["right"]) > 100


def test_the_views_hang_down_and_the_centred_variant_does_not():
    sharp = torch.zeros(1, 1, 60, 80, dtype=torch.uint8)
    sharp[0, 0, 30, 40] = 225
    sides = torch.full((1, 60, 80), 5)
    disparity = sides.float()
    for centred, rows in ((False, range(30, 35)), (True, range(28, 33))):
        sums = scatter_boxes(sharp, sides, centred=centred)
        for total, columns in ((sums.left, range(40, 45)), (sums.right, range(36, 41))):
            lit = total[0, 0].nonzero()
            assert sorted({int(row) for row in lit[:, 0]}) == list(rows)
            assert sorted({int(column) for column in lit[:, 1]}) == list(columns)
    views = render_boxes(sharp, disparity, sides, 5)
    assert views.disparity.shape == (1, 60, 80)
    torch.testing.assert_close(views.disparity, torch.full((1, 60, 80), 5.0))


@pytest.mark.parametrize("model", ["rdpd", "ddd"])
def test_neighbours_in_a_batch_do_not_matter(model):
    rng = np.random.default_rng(5)
    sharp = torch.from_numpy(rng.integers(0, 256, (3, 1, 60, 70), dtype=np.uint8))
    depth = torch.from_numpy(np.kron(rng.uniform(1, 4, (3, 6, 7)), np.ones((1, 10, 10))).astype(np.float32))

    def render(items: slice) -> tuple[torch.Tensor, ...]:
        if model == "ddd":
            return simulate_ddd(sharp[items], depth[items], DDD_CAMERAS["ddd/train0"])
        chosen = RDPD_SETS["rdpd/set1"]
        return simulate_rdpd(sharp[items], depth[items], chosen.camera, RDPD_SHAPES[4], distortion=chosen.distortion)

    for together, alone in zip(render(slice(None)), render(slice(1, 2)), strict=True):
        assert torch.equal(together[1:2], alone)


WRONG = {
    "a float picture": (torch.zeros(1, 3, 60, 60), torch.ones(1, 60, 60), "found torch.float32"),
    "no batch": (torch.zeros(3, 60, 60, dtype=torch.uint8), torch.ones(1, 60, 60), r"found torch.uint8 \(3, 60, 60\)"),
    "an empty batch": (torch.zeros(0, 3, 60, 60, dtype=torch.uint8), torch.ones(0, 60, 60), "none of them 0"),
    "depth of another size": (
        torch.zeros(1, 3, 60, 60, dtype=torch.uint8),
        torch.ones(1, 60, 61),
        r"depth: expected \(1, 60, 60\) on cpu, found \(1, 60, 61\)",
    ),
    "depth with holes": (
        torch.zeros(1, 3, 60, 60, dtype=torch.uint8),
        torch.full((1, 60, 60), torch.nan),
        "depth: expected .* found nan",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input_is_named_by_both_models(wrong):
    sharp, depth, message = WRONG[wrong]
    with pytest.raises(UsageError, match=message):
        simulate_rdpd(sharp, depth, RDPD_SETS["rdpd/set0"].camera, RDPD_SHAPES[0], distortion=None)
    with pytest.raises(UsageError, match=message):
        simulate_ddd(sharp, depth, DDD_CAMERAS["ddd/test"])


def test_wrong_squares_are_named():
    sharp = torch.zeros(1, 3, 60, 60, dtype=torch.uint8)
    for sides, message in (
        (torch.full((1, 60, 60), 2.5), "sides of squares: expected integers, found torch.float32"),
        (torch.zeros(1, 60, 60, dtype=torch.int64), "sides of squares: expected at least 1, found 0"),
    ):
        with pytest.raises(UsageError, match=message):
            scatter_boxes(sharp, sides)
    with pytest.raises(UsageError, match=r"disparity: expected \(1, 60, 60\)"):
        render_boxes(sharp, torch.ones(1, 50, 60), torch.ones(1, 60, 60, dtype=torch.int64), 5)


def test_a_crop_that_leaves_nothing_is_named():
    sharp = torch.zeros(1, 3, 20, 20, dtype=torch.uint8)
    with pytest.raises(UsageError, match="leaves nothing of 20 x 20"):
        simulate_ddd(sharp, torch.full((1, 20, 20), 2.0), DDD_CAMERAS["ddd/test"])


@given(st.integers(2, 30), st.integers(0, 30), st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_enlarging_keeps_constants_and_mirrors(size, more, seed):
    plane = torch.from_numpy(np.random.default_rng(seed).random((size, size)))
    new = size + more
    large = enlarge_bicubic(plane, new, new)
    torch.testing.assert_close(enlarge_bicubic(plane.flip(1), new, new), large.flip(1))
    torch.testing.assert_close(enlarge_bicubic(plane.T, new, new), large.T)
    torch.testing.assert_close(enlarge_bicubic(torch.ones(size, size), new, new), torch.ones(new, new).double())
    if more == 0:
        torch.testing.assert_close(large, plane)


def test_enlarging_is_pillow_s_bicubic_with_mirrored_borders():
    """Pillow has the same cubic, but narrows it at the border: mirrored rows and columns are added there by hand."""
    plane = np.random.default_rng(3).random((13, 17)).astype(np.float32)
    border = 4
    mirrored = Image.fromarray(np.pad(plane, border, mode="symmetric"))
    for factor in (2, 3):
        large = np.asarray(mirrored.resize((25 * factor, 21 * factor), Image.Resampling.BICUBIC))
        expected = large[border * factor : -border * factor, border * factor : -border * factor]
        found = enlarge_bicubic(torch.from_numpy(plane), 13 * factor, 17 * factor)
        np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)


def test_shrinking_is_refused():
    with pytest.raises(UsageError, match="enlarging: expected at least 4 x 4"):
        enlarge_bicubic(torch.zeros(4, 4), 3, 4)


@given(
    st.sampled_from(["rdpd/2", "realistic"]),
    st.tuples(st.integers(1, 2), st.sampled_from([1, 3]), st.integers(1, 40), st.integers(1, 50)),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None)
def test_direct_sums_and_fourier_products_are_the_same_integers(preset, shape, reach, run, seed):
    rng = np.random.default_rng(seed)
    n, _, height, width = shape
    sharp = torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))
    coarse = rng.integers(-reach, reach + 1, (n, height, -(-width // run)))
    coc = torch.from_numpy(np.repeat(coarse, run, axis=2)[:, :, :width].copy())
    direct = render_sums(sharp, coc, psf_preset(preset))
    kernels = [(c, *_fixed_kernels(c, psf_preset(preset), False)) for c in torch.unique(coc).tolist()]
    fourier = fourier_sums(sharp, coc, kernels)
    assert torch.equal(direct.left, fourier.left)
    assert torch.equal(direct.right, fourier.right)


def test_black_and_white_do_not_overflow():
    for code in (0, 255):
        sharp = torch.full((1, 1, 9, 9), code, dtype=torch.uint8)
        coc = torch.full((1, 9, 9), 40)
        sums = render_sums(sharp, coc, psf_preset("rdpd/0"))
        assert torch.equal(sums.left, torch.full_like(sums.left, code << 24))
