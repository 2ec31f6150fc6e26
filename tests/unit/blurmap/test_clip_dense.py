import numpy as np
import pytest
import torch
from torch import nn

from ldpbench.blurmap.clip.dense import blur_aware_logits, dense_logits, dp_aware_logits, normalise
from ldpbench.blurmap.clip.encoder import ClipEncoder
from ldpbench.blurmap.clip.estimators import ClipDense
from ldpbench.blurmap.clip.prompts import BLUR_PROMPTS, DP_PROMPTS, prompt_group
from ldpbench.core.errors import UsageError
from tests.tiny_clip import tiny_clip, tiny_encoder, tokenizer


@pytest.fixture(scope="module")
def encoder() -> ClipEncoder:
    return tiny_encoder()


class Known(ClipEncoder):
    """An encoder whose tokens are the mean colour of their patch, and whose every prompt means red."""

    def __init__(self) -> None:
        super().__init__(tiny_clip(), tokenizer(), "random-known")

    @property
    def scale(self) -> torch.Tensor:
        return torch.tensor(100.0)

    def image_tokens(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(self.fitted(images), self.patch_px).permute(0, 2, 3, 1)

    def text_embedding(self, prompts: tuple[str, ...]) -> torch.Tensor:  # type: ignore[override]
        return torch.tensor([[1.0, 0.0, 0.0]] * len(prompts))


def picture(*colours: tuple[float, float, float]) -> torch.Tensor:
    """A row of patches of plain colours, (1, 3, 32, 32 n)."""
    return torch.cat([torch.tensor(colour)[None, :, None, None].expand(1, 3, 32, 32) for colour in colours], dim=-1)


RED, BLUE, GREY = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.5)


def test_a_known_encoder_gives_the_known_blur_map() -> None:
    logits = blur_aware_logits(Known(), picture(RED, BLUE, GREY), ["any"])
    torch.testing.assert_close(logits, 100 * torch.tensor([[[1.0, 0.0, 3**-0.5]]]))


def test_true_mirrors_are_paired() -> None:
    left, right = picture(RED, BLUE, GREY, BLUE), picture(BLUE, BLUE, RED, GREY)
    # [left | mirrored right]: patch j of the left view meets patch j of the right one, not a neighbour of it.
    found = dp_aware_logits(Known(), left, right, ["any"])[0, 0]
    means = [(np.array(one) + np.array(two)) / 2 for one, two in ((RED, BLUE), (BLUE, BLUE), (GREY, RED), (BLUE, GREY))]
    expected = [-100 * mean[0] / np.linalg.norm(mean) for mean in means]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_the_ensemble_gives_every_prompt_one_vote(encoder: ClipEncoder) -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.rand(1, 3, 64, 96, generator=generator) for _ in range(2))
    singles = [dense_logits(encoder, left, right, (prompt,), ()) for prompt in BLUR_PROMPTS]
    singles += [dense_logits(encoder, left, right, (), (prompt,)) for prompt in DP_PROMPTS]
    together = dense_logits(encoder, left, right, BLUR_PROMPTS, DP_PROMPTS)
    torch.testing.assert_close(together, torch.stack(singles).mean(0), atol=1e-4, rtol=1e-4)
    one_sided = dense_logits(encoder, left, right, (), DP_PROMPTS)
    torch.testing.assert_close(one_sided, torch.stack(singles[4:]).mean(0), atol=1e-4, rtol=1e-4)


def test_the_prompts_are_those_of_table_4() -> None:
    assert [len(group) for group in prompt_group("ens2")] == [4, 4]
    assert prompt_group("blur-3") == (("An out of focus image.",), ())
    assert prompt_group("dp-4") == ((), ("A symmetrical image at the pixel level.",))
    with pytest.raises(UsageError, match="no group of prompts is called 'ens3'"):
        prompt_group("ens3")


def test_gradients_reach_the_picture(encoder: ClipEncoder) -> None:
    restored = torch.rand(2, 3, 96, 96, requires_grad=True)
    blur_aware_logits(encoder, restored, BLUR_PROMPTS).mean().backward()
    assert restored.grad is not None
    assert (restored.grad.flatten(1).abs().amax(1) > 0).all()


@pytest.mark.parametrize("name", ["standardised", "min-max", "sigmoid", "sigmoid-cosine"])
def test_normalisations_grow_and_stay_in_range(name: str) -> None:
    logits = torch.tensor([[24.0, 25.0, 27.0]])
    made = normalise(logits, name)
    assert (made.diff() >= 0).all()
    assert ((made >= 0) & (made <= 1)).all()
    assert torch.isfinite(normalise(torch.full((2, 2), 25.0), name)).all()
    if name == "min-max":
        torch.testing.assert_close(made, torch.tensor([[0.0, 1 / 3, 1.0]]))
    if name == "sigmoid-cosine":
        torch.testing.assert_close(made, torch.sigmoid(torch.tensor([[0.24, 0.25, 0.27]])))
        torch.testing.assert_close(normalise(logits, name, 50.0), torch.sigmoid(logits / 50))
    with pytest.raises(UsageError, match="no normalisation"):
        normalise(logits, "softmax")


def test_the_estimator_answers_at_the_size_of_the_picture(encoder: ClipEncoder) -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.random((70, 100, 3), dtype=np.float32) for _ in range(2))
    estimator = ClipDense("dp", "min-max", "nearest", weights=encoder)
    found = estimator.estimate(left, right)
    assert found.logits.shape == found.probability.shape == (70, 100)
    assert found.logits.dtype == np.float32
    assert found.normalisation == "min-max"
    assert (found.probability.min(), found.probability.max()) == (0, 1)
    assert len(np.unique(found.logits)) <= 6  # the grid is 2 x 3
    assert estimator.identity["weights"] == "random-0"
    again = ClipDense("dp", "min-max", "nearest", weights=tiny_encoder()).estimate(left, right)
    np.testing.assert_allclose(again.logits, found.logits, rtol=1e-6)


def test_grey_is_grey_in_colour(encoder: ClipEncoder) -> None:
    grey = np.random.default_rng(1).random((64, 64, 1), dtype=np.float32)
    colour = np.repeat(grey, 3, axis=2)
    estimator = ClipDense(weights=encoder)
    np.testing.assert_array_equal(estimator.estimate(grey, grey).logits, estimator.estimate(colour, colour).logits)


def test_the_identity_names_everything_that_decides_a_map(encoder: ClipEncoder) -> None:
    identities = [
        ClipDense(weights=encoder).identity,
        ClipDense("dp", weights=encoder).identity,
        ClipDense(normalisation="min-max", weights=encoder).identity,
        ClipDense(resampling="nearest", weights=encoder).identity,
        ClipDense(weights=ClipEncoder(tiny_clip(1), tokenizer(), "random-1")).identity,
    ]
    assert len({str(identity) for identity in identities}) == 5
