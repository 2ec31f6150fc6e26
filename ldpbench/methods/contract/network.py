"""Checks of what only networks have: a cost, weights, and options that weights tell of."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ldpbench.core.resources import load_folder_package
from ldpbench.core.seeding import derive_seed
from ldpbench.methods.contract.finding import BrokenContractError, telling
from ldpbench.methods.contract.subject import Subject, ask, difference
from ldpbench.methods.inference import WHOLE
from ldpbench.methods.loading import load_method, plugin_function
from ldpbench.methods.protocol import Deblurrer
from ldpbench.networks.build import build_published
from ldpbench.networks.cost import count_macs, parameters
from ldpbench.networks.weights.read import read_weights
from ldpbench.networks.weights.recognise import fit
from ldpbench.records.baseline import RECORD_FILE

COST_SIDE_PX = 256
NOISE = 0.1
Shapes = dict[str, tuple[int, ...]]


def stir(network: nn.Module, seed: str) -> None:
    """Add seeded noise to parameters whose numbers are all alike.

    Scales that start at zero hide everything behind them: without this, fresh weights would hide a view that is used.
    """
    generator = torch.Generator().manual_seed(derive_seed(0, "contract", seed))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.is_floating_point() and bool((parameter == parameter.flatten()[:1]).all()):
                noise = NOISE * torch.randn(parameter.shape, generator=generator)
                parameter.add_(noise.to(parameter.device, parameter.dtype))


def check_parameters(subject: Subject) -> str:
    """The record's number of parameters is that of the network as ``build_network`` makes it."""
    declared, measured = subject.method.record.parameters, parameters(_pristine(subject, "meta"))
    if declared is None:
        return _to_be_declared("parameters", measured)
    if declared != measured:
        raise BrokenContractError(
            f"{RECORD_FILE} says parameters: {declared:,}, the network has {measured:,}",
            f"write `parameters: {measured}`, or correct `options`",
        )
    return f"{measured:,}, as declared"


def check_macs(subject: Subject) -> str:
    """The record's cost is that of the network: as it is published, as the method runs it, or between the two."""
    declared, cost = subject.method.record.macs_256, _cost(subject)
    measured = cost.spent if cost.whole is None else cost.whole
    if declared is None:
        return _to_be_declared("macs_256", measured)
    if declared < cost.spent or (cost.whole is not None and declared > max(cost.spent, cost.whole)):
        raise BrokenContractError(
            f"{RECORD_FILE} says macs_256: {declared:,}, the network takes {measured:,}",
            f"write `macs_256: {measured}`, or correct `options`",
        )
    if declared != cost.spent:
        return f"{declared:,} declared; the method leaves a part out and takes {cost.spent:,}"
    return f"{declared:,}, as declared"


def _to_be_declared(name: str, measured: int) -> str:
    return f"{measured:,} measured; write `{name}: {measured}` into {RECORD_FILE}"


def _pristine(subject: Subject, device: str) -> nn.Module:
    """The network before ``build()`` saw it, which may fold kernels or leave parts out. ``meta``: without numbers."""
    with torch.device(device):
        return build_published(subject.method.folder, subject.method.record.options).to(device).eval()


@dataclass(frozen=True)
class Cost:
    """Multiply-adds of a picture of 256 x 256 px: convolutions and matrix products."""

    spent: int
    """By the network as the method runs it."""
    whole: int | None
    """By the network as it was before ``build()``; None if the method never calls it as such, only parts of it."""


class Called(BaseException):
    """Ends a call of a method where it calls its network. No ``Exception``, so that no plugin swallows it.

    Args:
        arguments: What it gives the network.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__()
        self.arguments = arguments


def _cost(subject: Subject) -> Cost:
    """See what the method gives its network, without running that; then count what the network does with it."""
    side = subject.deblurrer.size.padded(COST_SIDE_PX)
    views = subject.views(side, side)
    shadow = copy.deepcopy(subject.network).to("meta")
    try:
        # Without numbers this takes no time. A method that looks at numbers on its way cannot be asked like that.
        method = _rebuilt(subject, shadow)
        return _asked(subject, shadow, method, {name: view.to("meta") for name, view in views.items()})
    except BrokenContractError:
        return _asked(subject, subject.network, subject.deblurrer, views)


def _asked(subject: Subject, network: nn.Module, method: Deblurrer, views: Mapping[str, Tensor]) -> Cost:
    def end(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        raise Called(*arguments)

    try:
        with network.register_forward_pre_hook(end), FlopCounterMode(display=False) as counter:
            ask(method, views)
    except Called as called:
        return _counted(subject, called.arguments)
    return Cost(int(counter.get_total_flops()) // 2, None)


def _counted(subject: Subject, arguments: tuple[Any, ...]) -> Cost:
    """What one call costs; where that cannot be had without numbers, with numbers."""
    try:
        return _counted_on("meta", subject, arguments)
    except Exception:  # whatever a network raises without numbers, it is asked again with some
        with telling("the network alone", "make forward() depend on its arguments alone"):
            return _counted_on("cpu", subject, arguments)


def _counted_on(device: str, subject: Subject, arguments: tuple[Any, ...]) -> Cost:
    grey = [torch.full_like(one, 0.5, device=device) if isinstance(one, Tensor) else one for one in arguments]
    own = copy.deepcopy(subject.network).to(device)
    return Cost(count_macs(own, grey), count_macs(_pristine(subject, device), grey))


def _rebuilt(subject: Subject, network: nn.Module) -> Deblurrer:
    """The method around another copy of its network."""
    build = plugin_function(load_folder_package(subject.method.folder), subject.method.folder, "build")
    assert build is not None, "it was built before"
    with telling("build()", "make build() depend on its arguments alone"):
        deblurrer: Deblurrer = build(network, subject.method.record)
    return deblurrer


def check_recognition(subject: Subject) -> str:
    """``infer_options`` finds the options of its own weights, and keeps its hands off those of others."""
    folder, record = subject.method.folder, subject.method.record
    infer = plugin_function(load_folder_package(folder), folder, "infer_options", optional=True)
    if infer is None:
        return "no infer_options(): weights of another width will be refused"
    with telling("infer_options() of another network's weights", "return None for what you do not know"):
        foreign = [infer({}), infer({"somebody.elses.weight": (3, 1, 4), "bias": ()})]
    if any(options is not None for options in foreign):
        raise BrokenContractError(
            f"infer_options() of another network's weights gives {foreign}, expected None twice",
            "decide by names of entries that only yours has",
        )
    own = _shapes(_pristine(subject, "meta"))
    with telling("infer_options() of its own weights", "read the options off the shapes"):
        found = infer(own)
    if found is None:
        raise BrokenContractError(
            "infer_options() of its own weights gives None, expected its options", "read the options off the shapes"
        )
    rebuilt = _shapes_of(folder, {**record.options, **found})
    odd = sorted(key for key in {*own, *rebuilt} if own.get(key) != rebuilt.get(key))
    if odd:
        raise BrokenContractError(
            f"infer_options() gives {found}; of {len(own)} entries {len(odd)} differ with them, such as {odd[0]}: "
            f"expected {own.get(odd[0])}, found {rebuilt.get(odd[0])}",
            "read the options off the shapes",
        )
    return f"finds {', '.join(f'{name}={value}' for name, value in found.items()) or 'no options'}"


def _shapes(network: nn.Module) -> Shapes:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def _shapes_of(folder: Path, options: Mapping[str, Any]) -> Shapes:
    what = f"build_network() with {dict(options)}"
    with telling(what, "give options that build_network() takes"), torch.device("meta"):
        return _shapes(build_published(folder, options))


def check_weights(subject: Subject) -> str:
    """Weights that are written to a file and read again give the same answer."""
    record = subject.method.record
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(0, "contract", record.id))
        network = _pristine(subject, "cpu")
    stir(network, record.id)
    state = {key: value.detach().clone().contiguous() for key, value in network.state_dict().items()}
    expected = ask(_rebuilt(subject, network.to(subject.device)), subject.first)
    with TemporaryDirectory(prefix="ldpbench-check-") as folder:
        path = Path(folder) / f"{record.id}.safetensors"
        save_file(state, path)
        with telling("loading its own weights", "let state_dict() hold everything that was learnt"):
            again = _read_again(subject, path)
    apart = difference(ask(again, subject.first), expected)
    allowed = 1e-6 * max(1.0, float(expected.abs().max()))
    if apart > allowed:
        raise BrokenContractError(
            f"with its own weights, written and read again, the answer differs by {apart:.3g}, expected at most "
            f"{allowed:.3g}",
            "keep everything that decides the answer in parameters, buffers or options",
        )
    return f"{len(state)} entries, written and read again: the same answer"


def _read_again(subject: Subject, path: Path) -> Deblurrer:
    """The method with the weights of a file, on the way that users' files take."""
    method = subject.method
    if plugin_function(load_folder_package(method.folder), method.folder, "merge", optional=True) is None:
        return load_method(method, device=subject.device, inference=WHOLE, weights=path).deblurrer
    network = _pristine(subject, "cpu")  # one file is not what it merges
    fit(network, read_weights(path).state or {}, path, what=method.record.title)
    return _rebuilt(subject, network.to(subject.device))
