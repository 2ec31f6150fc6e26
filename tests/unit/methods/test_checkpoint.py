"""A network with its blur maps as a method."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ldpbench.blurmap.disparity.estimator import DisparityEstimator
from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator, Image
from ldpbench.core.errors import IntegrityError, MethodError, MissingPrerequisiteError, UsageError
from ldpbench.data.sample import Sample
from ldpbench.methods.checkpoint import TRUTH, NetworkDeblurrer, load_network_method, prior_of
from ldpbench.methods.inference import Inference
from ldpbench.methods.runtime import restore_pair, restore_sample
from ldpbench.methods.tiling import Tiling
from ldpbench.networks.checkpoint import save_checkpoint
from tests.tiny_checkpoint import tiny_config, tiny_network, write_tiny_checkpoint


class Halves(BlurMapEstimator):
    """The left half of a picture is blurred; it notes what it was shown."""

    id = "halves"

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def estimate(self, left: Image, right: Image) -> BlurMap:
        assert left.dtype == right.dtype == np.float32
        assert left.flags.c_contiguous
        self.seen.append(left.shape)
        logits = np.zeros(left.shape[:2], np.float32)
        logits[:, : left.shape[1] // 2] = 2
        return BlurMap(probability=logits / 2, logits=logits, normalisation="half")


class Adds(nn.Module):
    """A network whose output shows its input: left plus a thousandth of the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.001))
        self.shapes: list[torch.Size] = []

    def forward(self, left: Tensor, right: Tensor, logits: Tensor | None) -> Tensor:
        self.shapes.append(left.shape)
        assert right.shape == left.shape
        return left if logits is None else left + self.scale * logits


def views(height: int = 32, width: int = 48) -> list[np.ndarray[Any, Any]]:
    generator = np.random.default_rng(0)
    return [0.9 * generator.random((height, width, 3), dtype=np.float32) for _ in range(2)]


def test_the_network_is_fed_the_logits_of_the_whole_picture() -> None:
    network, prior = Adds(), Halves()
    left, right = views()
    made = restore_pair(NetworkDeblurrer(network, tiny_config(), prior), left, right)
    expected = left.copy()
    expected[:, :24] += 0.002
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert prior.seen == [(32, 48, 3)]


def test_tiles_cut_the_picture_and_not_the_estimation() -> None:
    network, prior = Adds(), Halves()
    left, right = views(64, 160)
    tiled = NetworkDeblurrer(network, tiny_config(), prior, tiles=Tiling(64, 16))
    made = restore_pair(tiled, left, right)
    assert prior.seen == [(64, 160, 3)]
    assert network.shapes == [torch.Size((1, 3, 64, 64))] * 3
    np.testing.assert_allclose(
        made, restore_pair(NetworkDeblurrer(Adds(), tiny_config(), Halves()), left, right), atol=1e-6
    )


def test_any_size_is_padded_for_the_network() -> None:
    network = Adds()
    left, right = views(33, 45)
    made = restore_pair(NetworkDeblurrer(network, tiny_config(), Halves()), left, right)
    assert made.shape == (33, 45, 3)
    assert network.shapes == [torch.Size((1, 3, 36, 48))]


def test_grey_views_become_three_channels() -> None:
    network = Adds()
    left, right = (view[..., 0] for view in views())
    assert restore_pair(NetworkDeblurrer(network, tiny_config(prior="none"), None), left, right).shape == (32, 48)
    assert network.shapes == [torch.Size((1, 3, 32, 48))]


def test_without_a_blur_map_the_network_gets_none() -> None:
    left, right = views()
    plain = NetworkDeblurrer(Adds(), tiny_config(prior="none"), None)
    np.testing.assert_array_equal(restore_pair(plain, left, right), left)


def test_the_scenes_own_map_is_the_prior_truth(sample_home: Any) -> None:
    from ldpbench.data.prepared import open_prepared

    sample: Sample = open_prepared(sample_home, "sample").split("test")[0]
    method = NetworkDeblurrer(Adds(), tiny_config(), None, wants_truth=True)
    assert method.inputs == ("left", "right", "blur_map")
    made = restore_sample(method, sample).image
    from ldpbench.blurmap.truth import truth_logits

    assert sample.blur_map is not None
    expected = np.clip(sample.left + 0.001 * truth_logits(sample.blur_map)[:, :, None], 0, 1)
    np.testing.assert_allclose(made, expected, atol=1e-5)
    with pytest.raises(UsageError, match="wants blur_map"):
        restore_pair(method, *views())


def test_what_cannot_be_put_together() -> None:
    with pytest.raises(MethodError, match="needs a blur map"):
        NetworkDeblurrer(Adds(), tiny_config(), None)
    with pytest.raises(UsageError, match="tiles of 66 px: ldp-test wants multiples of 4 px"):
        NetworkDeblurrer(Adds(), tiny_config(), Halves(), tiles=Tiling(66, 8))


def test_priors_by_name() -> None:
    assert prior_of(None) is prior_of(TRUTH) is None
    found = prior_of("disparity:sharp_px=2")
    assert found is not None
    assert found.identity == DisparityEstimator(sharp_px=2).identity
    with pytest.raises(UsageError, match="no blur-map estimator is called 'dispartiy'"):
        prior_of("dispartiy")


def save(folder: Path, blur_map: str | None, identity: dict[str, Any] | None) -> Path:
    config = tiny_config()
    state = tiny_network(config).state_dict()
    save_checkpoint(folder, config, state, blur_map=blur_map, blur_map_identity=identity, training={})
    return folder


def test_the_options_of_the_prior_come_with_the_checkpoint(tmp_path: Path) -> None:
    wide = save(tmp_path / "wide", "disparity:max_px=4", DisparityEstimator(max_px=4).identity)
    plain = save(tmp_path / "plain", "disparity", DisparityEstimator().identity)
    left = np.random.default_rng(1).random((64, 64, 3), dtype=np.float32)
    pair = left, np.roll(left, 9, axis=1)
    outputs = [restore_pair(load_network_method(folder), *pair) for folder in (wide, plain)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4


def test_another_estimator_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path, "disparity:max_px=4", DisparityEstimator().identity)
    with pytest.raises(IntegrityError, match=r"max_px 16\.0 there and 4\.0 here"):
        load_network_method(folder)


def test_what_json_cannot_tell_apart_is_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tuple comes back from a record as a list."""
    from ldpbench.methods import checkpoint

    class Listing(Halves):
        @property
        def options(self) -> dict[str, Any]:
            return {"sizes": (1, 2)}

    monkeypatch.setattr(checkpoint, "estimator", lambda name, **_: Listing())
    assert load_network_method(save(tmp_path, "halves", Listing().identity)).inputs == ("left", "right")


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match="is not a checkpoint"):
        load_network_method(tmp_path)
    with pytest.raises(UsageError, match="no blur-map estimator is called 'gone'"):
        load_network_method(save(tmp_path, "gone", {"method": "gone"}))
    write_tiny_checkpoint(tmp_path)
    with pytest.raises(UsageError, match="tiles of 66 px"):
        load_network_method(tmp_path, inference=Inference(Tiling(66, 8)))
