"""Building a network: of our own family from a configuration, or one of the field's by name and options."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.ldp import Ldp
from ldpbench.networks.ldp_official import LdpOfficial
from ldpbench.networks.zoo import zoo_config, zoo_names

OFFICIAL: Mapping[str, Callable[..., nn.Module]] = {"ldp-official": LdpOfficial}
"""Networks of published code, with the constructor options of that code."""


def build_network(config: NetworkConfig) -> nn.Module:
    """A network of our own family with fresh weights."""
    return Ldp(config)


def network_names() -> list[str]:
    """Everything that ``build_named`` knows."""
    return sorted([*OFFICIAL, *zoo_names()])


def build_named(name: str, **options: Any) -> nn.Module:
    """A network by name.

    Args:
        name: A network of published code, or one of the zoo.
        options: The constructor options of the published code; for the zoo, fields of its configuration that change.

    Raises:
        UsageError: If there is no such network or option, or a value does not fit.
    """
    if name in OFFICIAL:
        build = OFFICIAL[name]
        known = list(inspect.signature(build).parameters)
        _demand_known(name, options, known)
        return build(**options)
    if name not in zoo_names():
        raise unknown_name("network", name, network_names())
    config = zoo_config(name)
    _demand_known(name, options, list(NetworkConfig.model_fields))
    try:
        return build_network(NetworkConfig.model_validate({**config.model_dump(), **options}))
    except ValueError as error:
        raise UsageError(f"{name}: {' '.join(str(error).split())}", hint="see docs/train.md for the options") from error


def _demand_known(name: str, options: Mapping[str, Any], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise unknown_name(f"option of {name}", option, known)
