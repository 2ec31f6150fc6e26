"""Rendering against the published simulators, and the same to the last bit whatever the machine does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ldpbench.core.errors import UsageError
from ldpbench.simulation.coc import RDPD_CAMERAS, rdpd_coc, signed_coc
from ldpbench.simulation.ddd import DDD_CAMERAS, box_average, box_disparity, box_radius, box_sides, scatter_boxes
from ldpbench.simulation.psf import FIXED_POINT_BITS, RDPD_SMOOTHING, PsfShape, fixed_point, psf_preset, signed_kernels
from ldpbench.simulation.render import render_sums, render_views

GOLDEN = Path(__file__).parents[2] / "golden"
REACH = 12
"""The golden picture is a corner of a larger one: this far from its right and bottom edge nothing is missing."""


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def test_views_are_those_of_the_published_simulator():
    golden = np.load(GOLDEN / "rdpd.npz")
    _, order, cutoff, floor = golden["case"]
    shape = PsfShape(int(order), float(cutoff), float(floor), RDPD_SMOOTHING)
    coc = torch.from_numpy(golden["coc"].astype(np.int64))[None]
    views = render_views(tensor(golden["rgb"]), coc, shape, zero_as_one=True)
    for name, view in zip(("left", "right", "combined"), views, strict=True):
        ours = view[0].permute(1, 2, 0).numpy()[:-REACH, :-REACH].astype(int)
        error = ours - golden[name][:-REACH, :-REACH]
        assert np.abs(error).max() <= 1, name
        assert np.mean((error / 255) ** 2) < 1e-7, name  # above 70 dB


@pytest.mark.parametrize("camera", [0, 2, 4])
def test_circles_of_confusion_are_those_of_the_published_simulator(camera):
    golden = np.load(GOLDEN / "rdpd.npz")
    found = rdpd_coc(torch.from_numpy(golden["depth_m"])[None], RDPD_CAMERAS[camera])
    np.testing.assert_array_equal(found[0].numpy(), golden[f"coc_set{camera}"])


def test_boxes_are_those_of_the_published_model():
    golden = np.load(GOLDEN / "ddd_boxes.npz")
    sides = torch.from_numpy(golden["kernel_size"].astype(np.int64))[None]
    sums = scatter_boxes(tensor(golden["rgb"]), sides)
    for name, total, count in (
        ("left", sums.left, sums.left_count),
        ("right", sums.right, sums.right_count),
    ):
        np.testing.assert_array_equal(count[0, 0].numpy(), golden[f"count_{name}"])
        average = box_average(total, count)[0].permute(1, 2, 0).numpy() / 255
        np.testing.assert_allclose(average, golden[name], atol=1e-5)


def test_boxes_blur_the_near_and_leave_the_far():
    depth = torch.tensor([[[0.8, 2.0, 4.0]]])
    sides = box_sides(box_disparity(depth, DDD_CAMERAS["ddd/test"]))
    assert sides[0, 0, 0] > sides[0, 0, 1] >= sides[0, 0, 2] >= 1
    assert box_radius(sides)[0, 0, 0] < 0


def random_scene(seed=0, side=70):
    rng = np.random.default_rng(seed)
    sharp = torch.from_numpy(rng.integers(0, 256, (2, 3, side, side), dtype=np.uint8))
    coc = torch.from_numpy(np.kron(rng.integers(-8, 9, (2, 7, 7)), np.ones((1, 10, 10))).astype(np.int64))
    return sharp, coc


def test_sums_are_exact_integers_however_they_are_made():
    """The fast way must give the integers of plain summation: then no machine can differ."""
    sharp, _ = random_scene(side=24)
    for radius in (1, 4, 9):
        weights = fixed_point(signed_kernels(radius, psf_preset("realistic"))[0])
        side = weights.shape[0]
        picture = np.pad(sharp[0, 0].numpy().astype(np.int64), side // 2, mode="reflect")
        plain = np.zeros((24, 24), np.int64)
        for row in range(side):
            for column in range(side):
                plain += weights[row, column] * picture[row : row + 24, column : column + 24]
        coc = torch.full((2, 24, 24), radius)
        np.testing.assert_array_equal(render_sums(sharp, coc, psf_preset("realistic")).left[0, 0].numpy(), plain)


def test_threads_and_neighbours_do_not_matter():
    sharp, coc = random_scene()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = render_views(sharp, coc, psf_preset("rdpd/1"))
        torch.set_num_threads(2)
        two = render_views(sharp, coc, psf_preset("rdpd/1"))
    finally:
        torch.set_num_threads(before)
    alone = render_views(sharp[1:], coc[1:], psf_preset("rdpd/1"))
    for first, second, single in zip(one, two, alone, strict=True):
        assert torch.equal(first, second)
        assert torch.equal(first[1:], single)


def test_flat_stays_flat_and_focus_stays_sharp():
    flat = torch.full((1, 3, 40, 40), 77, dtype=torch.uint8)
    _, coc = random_scene()
    for view in render_views(flat, coc[:1, :40, :40], psf_preset("realistic")):
        assert torch.equal(view, flat)
    sharp, _ = random_scene()
    for view in render_views(sharp, torch.zeros(2, 70, 70, dtype=torch.int64), psf_preset("realistic")):
        assert torch.equal(view, sharp)


def test_far_content_moves_left_in_the_left_view():
    sharp = torch.zeros(1, 1, 41, 41, dtype=torch.uint8)
    sharp[0, 0, 20, 20] = 255
    for c, sign in ((6, 1), (-6, -1)):
        sums = render_sums(sharp, torch.full((1, 41, 41), c), psf_preset("realistic"))
        columns = torch.arange(41, dtype=torch.float64)
        left, right = (
            float((view[0, 0].double().sum(0) * columns).sum() / view.double().sum()) - 20
            for view in (sums.left, sums.right)
        )
        assert sign * left < -1
        assert sign * right > 1
        assert int(sums.left.sum()) == 255 << FIXED_POINT_BITS


def test_the_lens_equation():
    depth = torch.tensor([1.0, 2.0, 4.0, 1000.0])
    np.testing.assert_array_equal(signed_coc(depth, 6.0, 2.0, 8).numpy(), [-6, 0, 3, 6])
    np.testing.assert_array_equal(signed_coc(torch.tensor([0.1]), 6.0, 2.0, 8).numpy(), [-8])
    with pytest.raises(UsageError, match="expected finite metres above 0"):
        signed_coc(torch.tensor([0.0]), 6.0, 2.0, 8)


def test_wrong_types_and_shapes_are_refused():
    sharp, coc = random_scene()
    with pytest.raises(UsageError):
        render_views(sharp.float(), coc, psf_preset("realistic"))
    with pytest.raises(UsageError):
        render_views(sharp, coc[:1], psf_preset("realistic"))
    with pytest.raises(UsageError):
        scatter_boxes(sharp, coc)
