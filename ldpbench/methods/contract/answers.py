"""Checks of what a method answers, whatever is inside it."""

import numpy as np
import torch
from torch import Tensor

from ldpbench.data.sample import Sample
from ldpbench.methods.contract.finding import BrokenContractError, telling
from ldpbench.methods.contract.subject import Subject, difference, item, made_up_views
from ldpbench.methods.contract.surroundings import reseed, watched
from ldpbench.methods.loading import load_method, own_inference
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample

ROUNDING = 1e-4
"""How far two answers may be apart that differ by the order of float32 sums only, as a share of the largest value."""
MAX_CLIPPED = 0.5
"""Share of values outside [0, 1] that no deblurred picture comes near to."""
ODD = (29, 21, 3)
"""Height, width and channels."""
RUN_ON_ALL = "make restore() run on every size that its size rule allows"


def check_answer(subject: Subject) -> str:
    """The answer is a picture."""
    answer = subject.answer
    _demand_picture(answer, subject.first)
    return f"{_name(answer)} {tuple(answer.shape)}, all finite"


def _demand_picture(answer: Tensor, views: dict[str, Tensor]) -> None:
    given = next(iter(views.values()))
    expected = f"({given.shape[0]}, 1 or 3, {given.shape[2]}, {given.shape[3]})"
    if answer.ndim != 4 or answer.shape[0] != given.shape[0] or answer.shape[1] not in (1, 3):
        raise BrokenContractError(
            f"restore() returned the shape {tuple(answer.shape)}, expected {expected}",
            "return one picture per item, with the channels of a picture",
        )
    if answer.shape[-2:] != given.shape[-2:]:
        raise BrokenContractError(
            f"restore() returned the shape {tuple(answer.shape)}, expected {expected}",
            "do not crop: correct the size rule if pictures of this size do not fit the method",
        )
    if not answer.is_floating_point():
        raise BrokenContractError(f"restore() returned {_name(answer)}, expected floats", "convert the answer")
    if answer.device != given.device:
        raise BrokenContractError(
            f"restore() returned a tensor on {answer.device}, expected {given.device}", "move the answer back"
        )
    bad = int((~torch.isfinite(answer)).sum())
    if bad:
        raise BrokenContractError(
            f"{bad} of {answer.numel()} values of the answer are NaN or infinite, expected none",
            "look for a division by zero or a logarithm of zero",
        )


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def check_sizes(subject: Subject) -> str:
    """The size rule is true."""
    rule, facts = subject.deblurrer.size, subject.method.record.size
    if subject.loaded.network is not None and (rule.minimum_px, rule.multiple_of) != (
        facts.minimum_px,
        facts.multiple_of,
    ):
        raise BrokenContractError(
            f"the code wants at least {rule.minimum_px} px and multiples of {rule.multiple_of} px, the record says "
            f"{facts.minimum_px} px and {facts.multiple_of} px",
            "make them equal",
        )
    smallest, step = rule.padded(1), rule.multiple_of
    for height, width in ((smallest, smallest), (smallest + step, smallest)):
        views = subject.views(height, width)
        _demand_picture(subject.ask(views), views)
    if step == 1:
        return f"at least {rule.minimum_px} px, any size: true"
    return f"at least {rule.minimum_px} px, multiples of {step} px: true{_wider(subject, smallest, step)}"


def _wider(subject: Subject, smallest: int, step: int) -> str:
    """A remark if the rule is stricter than the method."""
    half = step // 2
    views = subject.views(smallest + half, smallest + half)
    try:
        _demand_picture(subject.ask(views), views)
    except BrokenContractError:
        return ""
    return f"; {smallest + half} px ran too, so smaller multiples may do"


def check_pictures(subject: Subject) -> str:
    """Pictures of any size run under the engine, which pads, repeats grey, clamps and crops."""
    smallest = subject.deblurrer.size.padded(1)
    shapes = (ODD, (max(2, smallest - 1), smallest + 1, 1))
    clipped = max(_clipped(subject.deblurrer, *shape) for shape in shapes)
    if not subject.fresh and clipped > MAX_CLIPPED:
        raise BrokenContractError(
            f"{clipped:.0%} of the answer's values lie outside [0, 1], expected next to none",
            "answer on the scale of the views, which is [0, 1]",
        )
    return "odd sizes, sizes below the minimum, colour and grey: the shape is kept"


def check_own_inference(subject: Subject) -> str:
    """The way of inference that the record names as its own can be had."""
    way = own_inference(subject.method.record)
    with telling(f"building it for {way.description}", "correct `inference` in the record, or the code"):
        weights = ",".join(map(str, subject.loaded.weights.paths)) if subject.loaded.weights is not None else None
        loaded = load_method(
            subject.method, device=subject.device, inference=way, weights=weights, untrained=subject.fresh
        )
    _clipped(loaded.deblurrer, *ODD)
    return f"{way.description}: runs"


def _clipped(deblurrer: Deblurrer, height: int, width: int, channels: int) -> float:
    """Restore a made-up scene as an evaluation does; the share of values outside [0, 1]."""
    made = made_up_views(height, width, 1, channels=channels)
    views = {name: np.ascontiguousarray(view[0].permute(1, 2, 0).numpy()) for name, view in made.items()}
    sample = Sample(
        id="made-up",
        dataset="contract",
        split="test",
        left=views["left"],
        right=views["right"],
        center=views["center"],
        blur_map=views["blur_map"][:, :, 0],
        bits=16,
        encoding="srgb",
        regions={},
    )
    what = f"a picture of {height}x{width} px, {'grey' if channels == 1 else 'colour'}"
    with telling(what, RUN_ON_ALL):
        restored = restore_sample(deblurrer, sample)
    if restored.image.shape != sample.left.shape or not np.isfinite(restored.image).all():
        raise BrokenContractError(
            f"{what}: expected finite values of the shape {sample.left.shape}, found {restored.image.shape} with "
            f"{int((~np.isfinite(restored.image)).sum())} that are not finite",
            RUN_ON_ALL,
        )
    return restored.clipped_fraction


def check_repeatable(subject: Subject) -> str:
    """Asked twice, it answers the same."""
    with watched():
        reseed(1)  # or random numbers that are not seeded might be the same ones by accident
        again = difference(subject.ask(subject.first), subject.answer)
    allowed = 0.0 if subject.device == "cpu" else _rounding(subject.answer)
    if again > allowed:
        raise BrokenContractError(
            f"two answers to the same views differ by {again:.3g}, expected {allowed:.3g}",
            "use no random numbers that are not seeded in restore(), no dropout, and keep nothing between calls",
        )
    return "the same twice"


def check_batch(subject: Subject) -> str:
    """An item of a batch comes out the same whatever its neighbours are."""
    together = subject.ask(subject.pair)
    _demand_picture(together, subject.pair)
    alone = (subject.answer, subject.ask(item(subject.pair, 1)))
    apart = max(difference(together[number : number + 1], answer) for number, answer in enumerate(alone))
    allowed = _rounding(subject.answer)
    if apart > allowed:
        raise BrokenContractError(
            f"an item in a batch of two differs from the item alone by {apart:.3g}, expected at most {allowed:.3g}",
            "take means, norms and extremes of each item by itself",
        )
    return f"two items at once as one by one, within {apart:.1g}"


def check_views(subject: Subject) -> str:
    """Every view that is declared is used."""
    other = item(subject.pair, 1)
    for name in subject.deblurrer.inputs:
        changed = difference(subject.ask({**subject.first, name: other[name]}), subject.answer)
        if changed == 0:
            raise BrokenContractError(
                f"another {name} view gives the same answer, expected another one: it is declared and not used",
                f"use it, or take {name} out of `inputs`",
            )
    return f"each of {', '.join(subject.deblurrer.inputs)} changes the answer"


def check_inputs_untouched(subject: Subject) -> str:
    """The views belong to the engine."""
    spoilt = subject.observed.spoilt
    if spoilt:
        raise BrokenContractError(
            f"restore() changed {' and '.join(spoilt)} in place, expected the views to be left alone",
            "clone them first, and avoid operations that end in an underscore on what you are given",
        )
    return "left as they were"


def check_surroundings(subject: Subject) -> str:
    """What belongs to the whole process stays as it is."""
    changes = subject.observed.changes
    if changes:
        raise BrokenContractError(
            f"restore() changed {'; '.join(changes)}",
            "leave what belongs to the process alone; random numbers come from a generator of your own",
        )
    return "gradient mode, types, threads and random numbers left as they were"


def check_inference_mode(subject: Subject) -> str:
    """The engine calls under ``torch.inference_mode``; the answer is the one of ordinary evaluation."""
    if subject.answer.requires_grad:
        raise BrokenContractError(
            "the answer under torch.inference_mode() wants gradients, expected none", "do not turn gradients on"
        )
    apart = difference(subject.ask(subject.first, inference_mode=False), subject.answer)
    allowed = _rounding(subject.answer)
    if apart > allowed:
        raise BrokenContractError(
            f"under torch.no_grad() the answer differs by {apart:.3g}, expected at most {allowed:.3g}",
            "do not let the answer depend on the gradient mode",
        )
    return "as under torch.no_grad()"


def _rounding(answer: Tensor) -> float:
    return ROUNDING * max(1.0, float(answer.abs().max()))
