import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ldpbench.blurmap.clip.check import check_encoder, golden
from ldpbench.blurmap.clip.encoder import ClipEncoder, interpolated
from ldpbench.core.errors import IntegrityError, UsageError
from tests.tiny_clip import CHANNELS, tiny_clip, tiny_encoder, tokenizer


@pytest.fixture(scope="module")
def encoder() -> ClipEncoder:
    return tiny_encoder()


def test_dense_tokens_pooled_as_clip_does_are_its_embedding(encoder: ClipEncoder) -> None:
    pictures = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    prepared = (pictures - encoder.mean) / encoder.std
    pooled = encoder.tokens(prepared, (7, 7))[:, 0] @ encoder.visual.proj
    torch.testing.assert_close(functional.normalize(pooled, dim=-1), encoder.image_embedding(prepared))
    assert encoder.image_tokens(pictures).shape == (2, 7, 7, CHANNELS)


def test_tokens_are_those_that_open_clip_gives_out(encoder: ClipEncoder) -> None:
    pictures = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    visual = encoder.visual
    visual.output_tokens = True
    _, tokens = visual((pictures - encoder.mean) / encoder.std)
    visual.output_tokens = False
    torch.testing.assert_close(encoder.image_tokens(pictures).flatten(1, 2), tokens @ visual.proj)


def test_position_embeddings_are_themselves_on_their_own_grid() -> None:
    positions = torch.rand(50, 32)
    assert interpolated(positions, (7, 7)) is positions


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20))
def test_interpolated_positions_keep_the_class_token_and_a_flat_plane(rows: int, columns: int) -> None:
    positions = torch.cat([torch.full((1, 4), 9.0), torch.full((49, 4), 2.0)])
    made = interpolated(positions, (rows, columns))
    assert made.shape == (1 + rows * columns, 4)
    assert torch.equal(made[0], positions[0])
    torch.testing.assert_close(made[1:], torch.full((rows * columns, 4), 2.0))


@pytest.mark.parametrize(("size", "grid"), [((224, 224), (7, 7)), ((1120, 1680), (35, 52)), ((20, 90), (1, 3))])
def test_any_size_is_fitted_to_whole_patches(
    size: tuple[int, int], grid: tuple[int, int], encoder: ClipEncoder
) -> None:
    picture = torch.rand(1, 3, *size)
    assert encoder.image_tokens(picture).shape == (1, *grid, CHANNELS)
    if size == (224, 224):
        assert encoder.fitted(picture) is picture


def test_gradients_flow_to_the_picture_and_stop_at_clip(encoder: ClipEncoder) -> None:
    picture = torch.rand(1, 3, 96, 64, requires_grad=True)
    encoder.similarity(encoder.image_tokens(picture), ["A blurry image."]).mean().backward()
    assert picture.grad is not None
    assert picture.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in encoder.model.parameters())
    assert not encoder.train().model.training


def test_texts_are_embedded_once(encoder: ClipEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encoder.text_embedding(["one thing", "another"])
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(2))
    monkeypatch.setattr(encoder.model, "encode_text", lambda *_, **__: pytest.fail("asked again"))
    again = encoder.text_embedding(["another", "one thing"])
    assert torch.equal(again, first.flip(0))
    with pytest.raises(UsageError, match="no prompt"):
        encoder.text_embedding([])


def test_plain_gelu_is_refused() -> None:
    with pytest.raises(IntegrityError, match="expected QuickGELU everywhere") as caught:
        ClipEncoder(tiny_clip(quick_gelu=False), tokenizer(), "random-0")
    assert "quickgelu" in caught.value.hint


def test_bfloat16_autocast_gives_nearly_the_same(encoder: ClipEncoder) -> None:
    picture = torch.rand(1, 3, 96, 96)
    exact = encoder.similarity(encoder.image_tokens(picture), ["A blurry image."])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = encoder.similarity(encoder.image_tokens(picture), ["A blurry image."])
    assert (rough - exact).abs().max() < 0.03


def test_a_cosine_is_float32_under_autocast(encoder: ClipEncoder) -> None:
    tokens = torch.randn(3, 4, CHANNELS, generator=torch.Generator().manual_seed(2))
    exact = encoder.similarity(tokens, ["A blurry image."])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        same = encoder.similarity(tokens, ["A blurry image."])
    assert same.dtype == torch.float32
    assert torch.equal(same, exact)


def test_the_tokens_of_the_prompts_are_openais(golden_map: dict[str, dict[str, object]]) -> None:
    for kind in ("dp", "single"):
        ids = tokenizer()([golden_map[kind]["prompt"]])[0].tolist()
        assert ids[: ids.index(49407) + 1] == golden_map[kind]["token_ids"]
    record = golden()["text"]
    assert tokenizer()([record["prompt"]])[0, :7].tolist() == record["token_ids"]


def test_the_check_passes_what_holds_for_every_clip_and_finds_another_ones_weights() -> None:
    encoder = tiny_encoder()
    assert [check.ok for check in check_encoder(encoder, "clip-vit-b-16")] == [True]
    found = {check.name: check for check in check_encoder(encoder, "clip-vit-b-32")}
    assert found["dense tokens pooled = encode_image"].ok
    assert not found["image tokens"].ok
    assert not found["image embedding"].ok
    assert not found["text tokens"].ok
    assert not found["logit scale"].ok
