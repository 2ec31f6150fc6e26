"""Putting a run together: data, blur maps, network, losses, and what the loop calls in between."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ldpbench.blurmap.cache import CachedEstimator
from ldpbench.blurmap.catalogue import estimator
from ldpbench.blurmap.clip.dense import BLUR_PROMPTS, blur_aware_logits
from ldpbench.blurmap.clip.weights import load_encoder
from ldpbench.blurmap.estimator import BlurMapEstimator
from ldpbench.core.environment import cpu_name, gpu_name
from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import canonical_json
from ldpbench.core.home import Home
from ldpbench.core.progress import Progress
from ldpbench.core.seeding import derive_seed
from ldpbench.data.prepared import PreparedDataset, Samples, open_prepared
from ldpbench.data.training.patches import load_patch_index
from ldpbench.methods.checkpoint import TRUTH, NetworkDeblurrer
from ldpbench.networks.build import build_network
from ldpbench.training.batches import Batch, make_batch
from ldpbench.training.config import TrainConfig
from ldpbench.training.final import best_folder, write_method
from ldpbench.training.loop import Surroundings
from ldpbench.training.losses.total import TotalLoss
from ldpbench.training.mirror import mirror_to
from ldpbench.training.pictures import draw_comparison
from ldpbench.training.sampler import Sampler
from ldpbench.training.scenes import Scenes, load_scenes
from ldpbench.training.team import Team
from ldpbench.training.validate import Validation, validate

TEST_SPLIT = "test"
DECODED_FOLDER = "decoded"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a command asks for beside the configuration: nothing of it changes a number."""

    clip_weights: str | None = None
    tensorboard: bool = False


def open_splits(config: TrainConfig, home: Home) -> tuple[PreparedDataset, Samples, Samples]:
    """The dataset with its training and validation scenes.

    Raises:
        UsageError: If a split is the test split, or both are one, and nobody said that this is meant.
        MissingPrerequisiteError: If a split is not prepared.
    """
    prepared = open_prepared(home, config.dataset)
    names = [prepared.card.split_name(name) for name in (config.split, config.val_split)]
    for role, name in zip(("training", "validation"), names, strict=True):
        if name == TEST_SPLIT and not config.allow_test:
            raise UsageError(
                f"{role} on the test split of {config.dataset}: scores on it would say nothing afterwards",
                hint="choose another split, or say --i-know",
            )
    if names[0] is not None and names[0] == names[1] and not config.allow_test:
        raise UsageError(
            f"{config.dataset}: training and validation on the same split {names[0]}",
            hint="choose another --set val_split=..., or say --i-know",
        )
    return prepared, prepared.split(config.split), prepared.split(config.val_split)


def make_prior(config: TrainConfig, home: Home, clip_weights: str | None, device: str) -> BlurMapEstimator | None:
    """The estimator of a run's blur maps, with its cache on disk; None if the run needs none.

    Raises:
        UsageError: If there is none of that name.
        MissingPrerequisiteError: If its weights are not there.
    """
    if not config.wants_maps:
        return None
    return CachedEstimator(estimator(config.blur_map, clip_weights=clip_weights, device=device), home.blur_maps)


def new_network(config: TrainConfig, device: torch.device) -> nn.Module:
    """The network with its first weights, which depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        network = build_network(config.network)
    return network.to(device).to(memory_format=_memory_format(config))


def _memory_format(config: TrainConfig) -> torch.memory_format:
    return torch.channels_last if config.channels_last else torch.contiguous_format


def make_losses(
    config: TrainConfig, clip_weights: str | None, device: torch.device
) -> tuple[dict[str, TotalLoss], str | None]:
    """The loss of every stage, and the SHA-256 of CLIP's weights where a stage uses them; CLIP is loaded once.

    Raises:
        MissingPrerequisiteError: If CLIP is needed and its weights are not there.
    """
    blur_aware: Callable[[Tensor], Tensor] | None = None
    sha256 = None
    if config.wants_clip:
        encoder = load_encoder(config.loss_clip, clip_weights, device=str(device))
        sha256 = encoder.weights_sha256

        def blur_aware(images: Tensor) -> Tensor:
            return blur_aware_logits(encoder, images, BLUR_PROMPTS)

    losses = {
        stage.name: TotalLoss(stage.loss, blur_aware if stage.loss.blur_aware > 0 else None) for stage in config.stages
    }
    return losses, sha256


def make_loader(config: TrainConfig, scenes: Scenes, sampler: Sampler, team: Team) -> Callable[[int], list[Batch]]:
    """This process's micro-batches of a step, as a pure function of the step.

    Raises:
        UsageError: If the global batch cannot be shared evenly.
    """
    if config.global_batch % team.world:
        raise UsageError(
            f"a global batch of {config.global_batch} cannot be shared by {team.world} processes",
            hint=f"choose a multiple of {team.world}",
        )
    share = config.global_batch // team.world
    parts = accumulation(share, config.micro_batch)
    layout = _memory_format(config)

    def make(step: int) -> list[Batch]:
        seen = 0 if config.overfit_one_batch else step
        stage, inner = config.stage_at(seen)
        draws = sampler.draws(seen, config.global_batch, stage.crop_px(inner))
        own = draws[team.rank * share : (team.rank + 1) * share]
        size = share // parts
        return [make_batch(scenes, own[at : at + size], team.device, layout) for at in range(0, share, size)]

    return make


def accumulation(share: int, micro_batch: int) -> int:
    """Into how many equal parts one device's share of a batch falls, each at most a micro-batch."""
    return next(parts for parts in range(-(-share // micro_batch), share + 1) if share % parts == 0)


def surround(
    config: TrainConfig, home: Home, folder: Path, team: Team, wishes: Wishes, progress: Progress
) -> Surroundings:
    """Everything the loop needs.

    Raises:
        UsageError: If the configuration does not fit the data or the machine.
        MissingPrerequisiteError: If the dataset, a GPU or weights are not there.
    """
    prepared, train, val = open_splits(config, home)
    prior = make_prior(config, home, wishes.clip_weights, str(team.device))
    losses, loss_clip = make_losses(config, wishes.clip_weights, team.device)
    network = new_network(config, team.device)
    # As JSON gives it back, so that what was stored can be compared with what is here.
    identity = None if prior is None else json.loads(canonical_json(prior.identity))
    with _first_goes_first(team):  # what it keeps on disk, the others find there
        index = load_patch_index(prepared, config.split, config.patches, progress)
        scenes = load_scenes(
            train,
            prior,
            where=config.cache,
            device=team.device,
            folder=home.training / f".{DECODED_FOLDER}",
            mark=[index.fingerprint, config.split, canonical_json(identity)],
            progress=progress,
        )
    flips = config.augmentation == "dual-pixel"
    sampler = Sampler(index.places, config.patches.size_px, seed=config.seed, augment=flips)
    shadow = new_network(config, team.device)
    deblurrer = NetworkDeblurrer(
        shadow, config.network, prior if config.blur_map != TRUTH else None, wants_truth=config.blur_map == TRUTH
    )
    facts = _facts(config, index.fingerprint, loss_clip, team)

    def check(state: dict[str, Tensor]) -> Validation:
        shadow.load_state_dict(state)
        return validate(deblurrer, val, team, count=config.validate_scenes)

    def keep_best(state: dict[str, Tensor], step: int, scores: Validation) -> None:
        write_method(best_folder(folder), config, state, identity, {**facts, "steps": step + 1, **vars(scores)})

    def draw(state: dict[str, Tensor], done: int) -> None:
        shadow.load_state_dict(state)
        draw_comparison(folder, deblurrer, val[0], done)

    return Surroundings(
        config=config,
        team=team,
        folder=folder,
        network=network,
        losses=losses,
        make_batches=make_loader(config, scenes, sampler, team),
        validate=check,
        keep_best=keep_best,
        draw_pictures=draw,
        progress=progress,
        mirror=mirror_to(folder) if wishes.tensorboard and team.is_first else _nobody,
        facts=facts,
        blur_map_identity=identity,
    )


def _facts(config: TrainConfig, fingerprint: str, loss_clip: str | None, team: Team) -> dict[str, Any]:
    """What the weights come from, for their record."""
    return {
        "dataset": config.dataset,
        "split": config.split,
        "fingerprint": fingerprint,
        "seed": config.seed,
        "loss_clip": loss_clip,
        "hardware": {
            "cpu": cpu_name(),
            "gpu": gpu_name() if team.device.type == "cuda" else None,
            "processes": team.world,
        },
    }


@contextmanager
def _first_goes_first(team: Team) -> Iterator[None]:
    """The first process runs the block alone; then all others run it."""
    if not team.is_first:
        team.wait()
    yield
    if team.is_first:
        team.wait()


def _nobody(_kind: str, _step: int, _line: dict[str, Any]) -> None:
    """A journal without a mirror."""
