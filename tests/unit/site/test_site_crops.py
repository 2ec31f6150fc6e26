import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.site.crops import crop_boxes


def picture_with(patches: dict[tuple[int, int], int], height: int = 300, width: int = 400) -> np.ndarray:
    """Grey, with patches of 60 x 80 noise of some strength at rows and columns."""
    made = np.full((height, width, 3), 128, np.uint8)
    for (y, x), strength in patches.items():
        noise = np.random.default_rng(y * width + x).integers(-strength, strength + 1, (60, 80, 3))
        made[y : y + 60, x : x + 80] = 128 + noise
    return made


def test_the_first_boxes_lie_where_detail_was_lost_and_the_last_where_it_is_left() -> None:
    target = picture_with({(40, 50): 120, (40, 280): 60, (220, 50): 30, (220, 280): 100})
    blurry = picture_with({(220, 280): 100})
    boxes = crop_boxes(blurry, target)
    assert [box.name for box in boxes] == ["A", "B", "C", "D"]
    assert [box.why for box in boxes] == ["most detail lost"] * 3 + ["most detail left"]
    middles = [(box.y_px + box.height_px / 2, box.x_px + box.width_px / 2) for box in boxes]
    for middle, patch in zip(middles, ((70, 90), (70, 320), (250, 90), (250, 320)), strict=True):
        assert np.abs(np.subtract(middle, patch)).max() <= 15


def test_a_change_of_brightness_is_no_lost_detail() -> None:
    target = picture_with({(40, 50): 60})
    blurry = picture_with({(40, 50): 10})
    blurry[150:] = 20
    first = crop_boxes(blurry, target)[0]
    assert (first.x_px + first.width_px / 2, first.y_px + first.height_px / 2) == pytest.approx((90, 70), abs=12)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.booleans(), st.integers(0, 2**16))
def test_boxes_lie_inside_never_overlap_and_stay_the_same(height: int, width: int, colour: bool, seed: int) -> None:
    shape = (height, width, 3) if colour else (height, width)
    blurry, target = np.random.default_rng(seed).integers(0, 256, (2, *shape), np.uint8)
    boxes = crop_boxes(blurry, target)
    assert bool(boxes) == (min(height, width) >= 8)
    for number, one in enumerate(boxes):
        assert min(one.x_px, one.y_px) >= 0
        assert one.x_px + one.width_px <= width
        assert one.y_px + one.height_px <= height
        for other in boxes[:number]:
            apart_x, apart_y = abs(one.x_px - other.x_px), abs(one.y_px - other.y_px)
            assert apart_x >= one.width_px or apart_y >= one.height_px
    assert crop_boxes(blurry, target) == boxes


def test_pictures_of_two_shapes_have_no_boxes() -> None:
    assert crop_boxes(np.zeros((90, 90), np.uint8), np.zeros((90, 80), np.uint8)) == ()
