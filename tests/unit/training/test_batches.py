from pathlib import Path

import numpy as np
import pytest
import torch

from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator
from ldpbench.core.errors import UsageError
from ldpbench.data.sample import Image, Sample
from ldpbench.data.training.augment import Patch, mirrored, upside_down
from ldpbench.training.batches import Batch, BatchesAhead, make_batch
from ldpbench.training.sampler import Draw
from ldpbench.training.scenes import Scenes, load_scenes

CPU = torch.device("cpu")


class Brightness(BlurMapEstimator):
    """Its map follows the left view, so that a test sees whether the map went with its picture."""

    id = "brightness"

    def estimate(self, left: Image, right: Image) -> BlurMap:
        del right
        plane = np.ascontiguousarray(left[..., 0])
        return BlurMap(probability=plane, logits=4 * plane, normalisation="a quarter")


def scene(number: int, bits: int = 16, channels: int = 3, white: float = 1.0) -> Sample:
    rng = np.random.default_rng(number)
    largest = 2**bits - 1
    views = (rng.integers(0, int(largest * white), (3, 40, 56, channels)) / np.float32(largest)).astype(np.float32)
    return Sample(
        id=str(number),
        dataset="toy",
        split="train",
        left=views[0],
        right=views[1],
        target=views[2],
        bits=bits,
        encoding="srgb",
        white_level=white,
        regions={},
    )


def load(samples: list[Sample], where: str = "ram", folder: Path = Path("unused"), **options: object) -> Scenes:
    return load_scenes(
        samples,
        options.get("prior"),
        where=where,
        device=CPU,
        folder=folder,
        mark=["toy"],  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("bits", "dtype"), [(8, torch.uint8), (16, torch.int16)])
def test_codes_come_back_exactly(bits: int, dtype: torch.dtype) -> None:
    samples = [scene(0, bits), scene(1, bits)]
    scenes = load(samples)
    assert {one.pictures.dtype for one in scenes.scenes} == {dtype}
    batch = make_batch(scenes, [Draw(number, 0, 0, 40, False, False) for number in range(2)], CPU)
    for number, sample in enumerate(samples):
        assert np.array_equal(batch.left[number].numpy().transpose(1, 2, 0), sample.left[:40, :40])
        assert np.array_equal(batch.target[number].numpy().transpose(1, 2, 0), sample.target[:40, :40])  # type: ignore[index]


def test_values_that_are_no_codes_stay_floats() -> None:
    sample = scene(0)
    odd = Sample(**{**vars(sample), "left": sample.left * np.float32(0.7371)})
    scenes = load([odd])
    assert scenes.scenes[0].pictures.dtype == torch.float32
    batch = make_batch(scenes, [Draw(0, 0, 0, 40, False, False)], CPU)
    assert np.array_equal(batch.left[0].numpy().transpose(1, 2, 0), odd.left[:40, :40])


def test_a_scenes_white_is_one() -> None:
    sample = scene(0, white=0.25)
    batch = make_batch(load([sample]), [Draw(0, 0, 0, 40, False, False)], CPU)
    np.testing.assert_allclose(batch.right[0].numpy().transpose(1, 2, 0), sample.right[:40, :40] * 4, rtol=1e-6)


def test_grey_is_repeated_three_times() -> None:
    batch = make_batch(load([scene(0, channels=1)]), [Draw(0, 0, 0, 40, True, False)], CPU)
    assert batch.left.shape == (1, 3, 40, 40)
    assert torch.equal(batch.left[:, 0], batch.left[:, 2])


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turn", [False, True])
def test_flips_are_those_of_dual_pixel_augmentation(mirror: bool, turn: bool) -> None:
    sample = scene(5)
    batch = make_batch(load([sample], prior=Brightness()), [Draw(0, 3, 7, 24, mirror, turn)], CPU)
    window = (slice(3, 27), slice(7, 31))
    planes = [view[window].transpose(2, 0, 1) for view in (sample.left, sample.right, sample.target)]  # type: ignore[index]
    expected = Patch(left=planes[0], right=planes[1], target=planes[2], blur_map=4 * planes[0][:1])
    expected = mirrored(expected) if mirror else expected
    expected = upside_down(expected) if turn else expected
    assert np.array_equal(batch.left[0].numpy(), expected.left)
    assert np.array_equal(batch.right[0].numpy(), expected.right)
    assert np.array_equal(batch.target[0].numpy(), expected.target)
    assert batch.logits is not None
    assert batch.probability is not None
    np.testing.assert_allclose(batch.logits[0].numpy(), expected.blur_map, atol=2e-3)  # kept as float16
    np.testing.assert_allclose(4 * batch.probability[0].numpy(), expected.blur_map, atol=2e-3)


def test_the_disk_cache_gives_the_same_batches_and_is_found_again(tmp_path: Path) -> None:
    samples = [scene(0), scene(1)]
    draws = [Draw(1, 2, 3, 32, True, True), Draw(0, 0, 9, 32, False, False)]
    in_memory = make_batch(load(samples, prior=Brightness()), draws, CPU)
    for _ in range(2):
        on_disk = make_batch(load(samples, "disk", tmp_path, prior=Brightness()), draws, CPU)
        for name, value in in_memory.tensors().items():
            assert torch.equal(value, on_disk.tensors()[name])
        samples = [_undecodable(sample) for sample in samples]  # a second run must not decode again


def _undecodable(sample: Sample) -> Sample:
    broken = Sample(**vars(sample))
    object.__setattr__(broken, "target", None)
    return broken


def test_a_set_without_targets_cannot_be_trained_on() -> None:
    with pytest.raises(UsageError, match="no target"):
        load([_undecodable(scene(0))])


def test_a_gpu_cache_wants_a_gpu() -> None:
    with pytest.raises(UsageError, match="runs on the CPU"):
        load([scene(0)], "gpu")


def test_batches_are_made_ahead_in_order_and_any_start() -> None:
    made: list[int] = []

    def make(step: int) -> list[Batch]:
        made.append(step)
        filled = torch.full((1, 3, 2, 2), float(step))
        return [Batch(filled, filled, filled, None, None)]

    with BatchesAhead(make, 9) as ahead:
        for step in range(4, 9):
            assert float(ahead.take(step)[0].left[0, 0, 0, 0]) == step
    assert made == [4, 5, 6, 7, 8]
    assert ahead.waited_s >= 0


def test_an_error_while_a_batch_is_made_reaches_the_loop() -> None:
    def make(step: int) -> list[Batch]:
        raise UsageError(f"no scene for step {step}")

    with BatchesAhead(make, 5) as ahead, pytest.raises(UsageError, match="step 0"):
        ahead.take(0)
