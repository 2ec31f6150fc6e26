"""How a configuration comes about, what is refused, and which stage and crop a step has."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.networks.zoo import zoo_config, zoo_names
from ldpbench.training.config import CropPhase, Stage, TrainConfig
from ldpbench.training.losses.weights import LossWeights
from ldpbench.training.recipes import DEFAULT_RECIPE, recipe, recipe_names, resolve
from tests.tiny_training import tiny_config

SAMPLE = {"dataset": "sample"}


def smoke(*assignments: str, what: str = "ldp-tiny", **changes: Any) -> TrainConfig:
    return resolve(what, recipe_name="cpu-smoke", changes={**SAMPLE, **changes}, assignments=assignments)


def refused(*assignments: str, what: str = "ldp-tiny", **changes: Any) -> UsageError:
    """The error of a configuration that cannot be; always one line."""
    with pytest.raises(UsageError) as caught:
        smoke(*assignments, what=what, **changes)
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize("network", zoo_names())
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_fits_every_network(name: str, network: str) -> None:
    config = resolve(network, recipe_name=name, changes=SAMPLE)
    assert config.recipe == name
    assert config.network == zoo_config(network)
    assert set(recipe(name)) <= set(TrainConfig.model_fields)
    assert TrainConfig.model_validate_json(config.model_dump_json(by_alias=True)) == config


def test_the_recipes_are_those_that_are_documented() -> None:
    assert recipe_names() == ["1x24g", "1x80g", "cpu-smoke", "default-model", "paper"]
    assert resolve("ldp-tiny", changes=SAMPLE).recipe == DEFAULT_RECIPE == "1x24g"


def test_the_paper_recipe_has_the_printed_numbers() -> None:
    """Yang et al., CVPR 2024, Eq. 14 and section 4."""
    config = resolve("ldp-small", recipe_name="paper", changes=SAMPLE)
    first, second = config.stages
    assert (first.steps, second.steps) == (5_000_000, 1_000_000)
    assert first.loss == LossWeights(charbonnier=1, blur_aware=0, blur_weighting=0)
    assert second.loss == LossWeights(charbonnier=1, blur_aware=0.1, blur_weighting=0.2)
    assert {(stage.lr, stage.final_lr) for stage in config.stages} == {(2e-4, 1e-6)}
    assert config.weight_decay == 0  # Adam


def test_who_has_the_last_word(file: Path) -> None:
    """Recipe < zoo < YAML file < options < ``--set``."""
    assert recipe("cpu-smoke")["global_batch"] == 8
    file.write_text(yaml.safe_dump({"network": "ldp-small", "recipe": "cpu-smoke", "global_batch": 6, "seed": 3}))
    from_file = resolve(str(file), changes=SAMPLE)
    assert (from_file.recipe, from_file.global_batch, from_file.seed) == ("cpu-smoke", 6, 3)
    assert from_file.network == zoo_config("ldp-small")
    assert from_file.micro_batch == 8
    assert resolve(str(file), changes={**SAMPLE, "seed": 4}).seed == 4
    assert resolve(str(file), changes={**SAMPLE, "seed": 4}, assignments=["seed=5"]).seed == 5
    assert resolve(str(file), changes=SAMPLE, assignments=["seed=5", "seed=6"]).seed == 6
    assert resolve(str(file), recipe_name="paper", changes=SAMPLE).recipe == "paper"
    assert resolve(str(file), recipe_name="paper", changes=SAMPLE).global_batch == 6
    assert smoke("network.width=8").network == zoo_config("ldp-tiny").model_copy(update={"width": 8})


def test_a_fallback_is_below_everything(file: Path) -> None:
    file.write_text("{network: ldp-tiny, dataset: rdpd}")
    assert resolve(str(file), fallback={"dataset": "any"}).dataset == "rdpd"
    assert resolve("ldp-tiny", fallback={"dataset": "any"}).dataset == "any"


def test_a_whole_configuration_as_a_file_is_itself(file: Path) -> None:
    config = tiny_config("cache=disk", seed=7)
    file.write_text(config.model_dump_json(by_alias=True))
    assert resolve(str(file)) == config


@pytest.mark.parametrize(
    ("assignment", "place", "expected"),
    [
        ("stages.0.steps=77", lambda config: config.stages[0].steps, 77),
        ("stages.1.crops=[{size_px: 64}]", lambda config: config.stages[1].crops, (CropPhase(size_px=64),)),
        ("stages.0.lr=3e-4", lambda config: config.stages[0].lr, 3e-4),
        ("betas.1=0.99", lambda config: config.betas, (0.9, 0.99)),
        ("validate_scenes=null", lambda config: config.validate_scenes, None),
        ("network=ldp-small", lambda config: config.network, zoo_config("ldp-small")),
        (
            "stages.0.loss.blur_aware=0.3",
            lambda config: config.stages[0].loss,
            LossWeights(charbonnier=1, blur_aware=0.3, blur_weighting=0),
        ),
    ],
)
def test_set_reaches_everything(assignment: str, place: Any, expected: Any) -> None:
    assert place(smoke(assignment)) == expected


@pytest.mark.parametrize(
    ("assignment", "close"),
    [
        ("globl_batch=8", "global_batch"),
        ("stages.0.step=8", "steps"),
        ("stages.1.crops.0.size=8", "size_px"),
        ("stages.0.los.blur_aware=0", "loss"),
        ("network.wdth=8", "width"),
        ("patches.stride=8", "stride_px"),
        ("pathces.size_px=64", "patches"),
        ("stages.1.loss.bluraware=0", "blur_aware"),
    ],
)
def test_an_unknown_key_is_told_with_the_closest_one(assignment: str, close: str) -> None:
    error = refused(assignment)
    assert assignment.partition("=")[0].split(".")[0] in error.message
    assert f"did you mean {close!r}?" in error.hint


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("global_batch", "expected key=value"),
        ("global_batch=0", "global_batch: Input should be greater than or equal to 1"),
        ("global_batch=many", "global_batch: Input should be a valid integer"),
        ("stages.7.steps=1", "there is no 'stages.7.steps'"),
        ("stages.x.steps=1", "there is no 'stages.x.steps'"),
        ("seed.deeper=1", "there is no 'seed.deeper'"),
        ("seed=[", "the value is not valid YAML"),
        ("recipe=paper", "a recipe is where a configuration starts"),
        ("cache=tape", "cache: Input should be 'gpu', 'ram' or 'disk'"),
        ("ema=1", "ema: Input should be less than 1"),
        ("stages.0.lr=.nan", "stages.0.lr: Input should be"),
        ("stages=[]", "stages"),
        ("network=ldp-tinny", "no network is called 'ldp-tinny'"),
    ],
)
def test_a_value_that_cannot_be_is_told(assignment: str, sentence: str) -> None:
    assert sentence in refused(assignment).message


@pytest.mark.parametrize(
    ("assignments", "sentence"),
    [
        (["stages.0.crops=[{start: 0.5, size_px: 64}]"], "crops must begin at 0"),
        (["stages.0.crops=[{size_px: 64}, {start: 0.6, size_px: 80}, {start: 0.5, size_px: 96}]"], "rising order"),
        (["stages.0.crops=[{size_px: 64}, {size_px: 80}]"], "rising order"),
        (["stages.0.steps=50", "stages.0.warmup_steps=50"], "warmup_steps must be fewer than steps"),
        (["stages.0.lr=1e-7"], "final_lr must not exceed lr"),
        (["stages.1.name=charbonnier"], "two stages share a name"),
        (["stages.1.crops=[{size_px: 100}]"], "crops of ldp-tiny must be multiples of 16 px"),
        (["stages.1.crops=[{size_px: 208}]"], "a crop of 208 px does not fit a patch of 192 px"),
        (["stages.1.loss={charbonnier: 0, blur_aware: 0, blur_weighting: 0}"], "at least one weight"),
    ],
)
def test_fields_that_do_not_go_together(assignments: list[str], sentence: str) -> None:
    assert sentence in refused(*assignments).message


def test_every_fault_is_told_at_once() -> None:
    message = refused("global_batch=0", "ema=2", "extra=1").message
    assert all(name in message for name in ("global_batch", "ema", "extra"))


def test_unknown_names(tmp_path: Path) -> None:
    assert refused(what="ldp-tinny").hint.startswith("did you mean 'ldp-tiny'?")
    with pytest.raises(UsageError, match="no recipe is called 'papr'") as caught:
        resolve("ldp-tiny", recipe_name="papr", changes=SAMPLE)
    assert "did you mean 'paper'?" in caught.value.hint
    with pytest.raises(UsageError, match="dataset: Field required") as caught:
        resolve("ldp-tiny")
    assert caught.value.hint == "name it with --dataset"
    assert "neither a network nor a .yaml file" in refused(what=str(tmp_path)).message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"- a\n- list\n", "expected a mapping of fields, found list"),
        (b"", "found NoneType"),
        (b"network: [\n", "is not valid YAML"),
        (b"network: \xff\xfe\xfa\n", "is not valid YAML"),
        (b"network: ldp-tinny\n", "no network is called 'ldp-tinny'"),
        (b"network: ldp-tiny\nrecipe: 7\n", "no recipe is called '7'"),
        (b"network: ldp-tiny\nsteps: 7\n", "steps: Extra inputs are not permitted"),
        (b"network: {name: my-net, width: 8}\n", "network.encoder: Field required"),
        (b"dataset: sample\n", "network: Field required"),
    ],
)
def test_files_that_are_no_configuration(content: bytes, sentence: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        resolve(str(file), changes=SAMPLE)
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match=r"nowhere\.yaml"):
        resolve(str(tmp_path / "nowhere.yaml"))


PHASES = st.lists(st.tuples(st.floats(0, 0.999), st.sampled_from([32, 48, 64, 96])), max_size=4)


@given(steps=st.integers(1, 400), phases=PHASES)
@settings(max_examples=60, deadline=None)
def test_crops_cover_every_step_once(steps: int, phases: list[tuple[float, int]]) -> None:
    starts = sorted({0.0, *(start for start, _ in phases)})
    sizes = [32, *(size for _, size in phases)]
    crops = tuple(CropPhase(start=start, size_px=size) for start, size in zip(starts, sizes, strict=False))
    stage = Stage(name="one", steps=steps, crops=crops)
    seen = Counter(stage.crop_px(step) for step in range(steps))
    assert sum(stage.crop_steps().values()) == steps
    assert {size: count for size, count in stage.crop_steps().items() if count} == seen
    last = max(phase.start for phase in crops)
    assert stage.crop_px(steps - 1) == crops[-1].size_px or math.ceil(last * steps) >= steps


def test_a_phase_begins_where_it_says() -> None:
    stage = Stage(name="one", steps=10, crops=(CropPhase(size_px=32), CropPhase(start=0.65, size_px=48)))
    assert [stage.crop_px(step) for step in range(10)] == [32] * 7 + [48] * 3
    assert stage.crop_steps() == {32: 7, 48: 3}


def test_the_stage_of_a_step() -> None:
    config = tiny_config()
    assert [config.stage_at(step)[0].name for step in range(12)] == ["charbonnier"] * 9 + ["total"] * 3
    assert [config.stage_at(step)[1] for step in (0, 8, 9, 11)] == [0, 8, 0, 2]
    with pytest.raises(IndexError):
        config.stage_at(12)
    assert (config.steps, config.largest_crop_px) == (12, 48)


def test_what_a_run_needs() -> None:
    tiny = tiny_config()
    assert (tiny.wants_clip, tiny.wants_probability, tiny.wants_maps) == (False, True, True)
    plain = tiny_config("network.prior=none", "stages.1.loss.blur_weighting=0")
    assert (plain.wants_clip, plain.wants_probability, plain.wants_maps) == (False, False, False)
    assert tiny_config("stages.1.loss.blur_aware=0.1").wants_clip


def test_the_file_in_the_documents_is_one(file: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "train.md").read_text()
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    config = resolve(str(file))
    assert (config.dataset, config.recipe, config.blur_map) == ("dpd-blur", "1x24g", "disparity")
    assert config.stages[0].crop_steps() == {192: 100_000, 256: 100_000}
    assert not config.wants_clip


def test_a_recipe_for_a_gpu_does_without_clip() -> None:
    config = resolve(
        "ldp-small", changes={**SAMPLE, "blur_map": "disparity"}, assignments=["stages.1.loss.blur_aware=0"]
    )
    assert not config.wants_clip
    assert config.stages[1].loss == LossWeights(charbonnier=1, blur_aware=0, blur_weighting=0.2)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        tiny_config().seed = 3  # type: ignore[misc]  # what is to fail
