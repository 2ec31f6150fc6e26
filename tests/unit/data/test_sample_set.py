"""The embedded set: whole, both signs of blur, and the pixels its card pins."""

import numpy as np
import pytest

from ldpbench.core.errors import IntegrityError
from ldpbench.data import png16
from ldpbench.data.adapters.sample import blur_regions
from ldpbench.data.cards import load_card
from ldpbench.data.pictures import blur_map_picture, sample_pictures
from ldpbench.data.prepared import open_prepared
from ldpbench.data.sample import Sample


def test_it_is_the_content_the_card_pins(sample_home):
    info = open_prepared(sample_home, "sample").info
    assert info.fingerprint == load_card("sample").fingerprint
    assert {name: part.count for name, part in info.splits.items()} == {"test": 6, "val": 2}


def test_content_that_the_card_does_not_pin_is_refused(home_with_sample, monkeypatch):
    card = load_card("sample").model_copy(update={"fingerprint": "0" * 64})
    monkeypatch.setattr("ldpbench.data.prepared.load_card", lambda name: card)
    with pytest.raises(IntegrityError, match="the card of sample .* pins 0000") as caught:
        open_prepared(home_with_sample, "sample")
    assert "--force" in caught.value.hint


def test_samples_are_whole(sample_home):
    samples = open_prepared(sample_home, "sample").samples()
    assert len(samples) == 8
    assert [sample.id for sample in samples[6:]] == list(samples.ids[6:])
    assert samples[-1].id == samples[7].id
    for sample in samples:
        assert sample.left.shape == sample.target.shape == (256, 256, 3)
        assert sample.bits == 8
        assert np.isfinite(sample.blur_map).all()
        assert np.abs(sample.blur_map).max() <= 8
        assert 0.5 <= sample.depth_m.min() <= sample.depth_m.max() <= 15
        masks = np.stack(list(sample.regions.values()))
        assert (masks.sum(axis=0) == 1).all(), "the regions are a partition"
    with pytest.raises(IndexError):
        samples[8]


def test_pictures_for_people(sample_home):
    sample = open_prepared(sample_home, "sample").split("test")[0]
    pictures = sample_pictures(sample)
    assert list(pictures) == ["blurry", "left", "right", "target", "blur_map"]
    np.testing.assert_array_equal(pictures["target"], png16.to_codes(sample.target, 8))


def test_the_blur_map_is_coloured_by_its_sign():
    picture = blur_map_picture(np.array([[-8, 0, 8, np.nan]], np.float32))
    np.testing.assert_array_equal(picture[0, 0], [0, 0, 255])
    np.testing.assert_array_equal(picture[0, 1], [255, 255, 255])
    np.testing.assert_array_equal(picture[0, 2], [255, 0, 0])
    np.testing.assert_array_equal(picture[0, 3], [128, 128, 128])


def test_empty_regions_are_left_out():
    assert set(blur_regions(np.array([[0.0, -5.0]], np.float32))) == {"in-focus", "near"}


def picture(value=0.5, shape=(4, 5, 1), dtype=np.float32):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"left": picture(1.5)}, "expected values in"),
        ({"left": picture(np.nan)}, "expected values in"),
        ({"right": picture(shape=(4, 6, 1))}, "expected the left view's shape"),
        ({"left": picture(dtype=np.float64)}, "expected float32"),
        ({"left": picture(shape=(4, 5))}, "expected float32"),
        ({"blur_map": np.zeros((5, 4), np.float32)}, "blur_map: expected shape"),
        ({"regions": {"near": np.zeros((5, 4), bool)}}, "near: expected shape"),
        ({"white_level": 0.0}, "white_level"),
    ],
)
def test_a_sample_checks_itself(changes, sentence):
    fields = {"left": picture(), "right": picture(), "regions": {}, "white_level": 1.0} | changes
    with pytest.raises(IntegrityError, match=sentence):
        Sample(id="a", dataset="toy", split="test", bits=8, encoding="srgb", **fields)
