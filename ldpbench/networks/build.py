"""Building a network: of our own family from a configuration, or one of the field's by name and options."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from ldpbench.core.errors import LdpbenchError, MethodError, UsageError
from ldpbench.core.names import unknown_name
from ldpbench.core.resources import load_folder_package, record_folders
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.ldp import Ldp
from ldpbench.networks.zoo import zoo_config, zoo_names
from ldpbench.records import BaselineRecord, read_records
from ldpbench.records.baseline import RECORD_FILE


def build_network(config: NetworkConfig) -> nn.Module:
    """A network of our own family with fresh weights."""
    return Ldp(config)


def network_names() -> list[str]:
    """Everything that ``build_named`` knows."""
    return sorted([*_published(), *zoo_names()])


def _published() -> dict[str, tuple[Path, BaselineRecord]]:
    """Networks of plugin folders by method id, the variants of a folder one by one."""
    folders = record_folders("baselines", RECORD_FILE)
    records = [(folder, record) for folder in folders.values() for record in read_records(folder)]
    return {record.id: (folder, record) for folder, record in records if record.kind == "network"}


def build_named(name: str, **options: Any) -> nn.Module:
    """A network by name.

    Args:
        name: A published network: its plugin's folder, or a variant such as ``ifan-single``, which brings the options
            of its record. Or one of the zoo.
        options: The constructor options of the published code; for the zoo, fields of its configuration that change.

    Raises:
        UsageError: If there is no such network or option, or a value does not fit.
        MethodError: If a plugin's code fails.
    """
    name = name.replace("_", "-")
    published = _published()
    if name in published:
        folder, record = published[name]
        return build_published(folder, {**(record.options if name != folder.name else {}), **options})
    if name not in zoo_names():
        raise unknown_name("network", name, network_names())
    config = zoo_config(name)
    _demand_known(name, options, list(NetworkConfig.model_fields))
    try:
        return build_network(NetworkConfig.model_validate({**config.model_dump(), **options}))
    except ValueError as error:
        raise UsageError(f"{name}: {' '.join(str(error).split())}", hint="see docs/train.md for the options") from error


def build_published(folder: Path, options: Mapping[str, Any]) -> nn.Module:
    """The network of a plugin folder, with fresh weights.

    Raises:
        UsageError: If there is no such option, or the plugin does not like a value.
        MethodError: If the plugin has no ``build_network``, or that fails or returns something else.
    """
    build = getattr(load_folder_package(folder), "build_network", None)
    if not callable(build):
        raise MethodError(f"{folder / '__init__.py'} has no build_network() function", hint="see docs/add-a-method.md")
    _demand_known(folder.name, options, list(inspect.signature(build).parameters))
    try:
        network = build(**options)
    except LdpbenchError:
        raise
    except Exception as error:
        # A plugin is somebody else's code: whatever it raises is told in one line.
        detail = " ".join(str(error).split())
        raise MethodError(f"{folder.name}: build_network failed: {type(error).__name__}: {detail}") from error
    if not isinstance(network, nn.Module):
        raise MethodError(f"{folder.name}: build_network returned {type(network).__name__}, expected a torch module")
    return network


def _demand_known(name: str, options: Mapping[str, Any], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise unknown_name(f"option of {name}", option, known)
