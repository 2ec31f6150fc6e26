"""The named sizes, and the rows of Table 6 made from any of them. Imports no torch."""

from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.networks.config import NetworkConfig, Prior
from ldpbench.records import load_yaml_record
from ldpbench.records.base import validation_sentence

_FOLDER = Path(__file__).parent / "zoo_configs"
PRIORS: tuple[Prior, ...] = ("none", "concat", "sa", "concat+sa", "bpa")


def zoo_names() -> list[str]:
    """The networks that have a name."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@lru_cache
def zoo_config(name: str) -> NetworkConfig:
    """A network's configuration.

    Raises:
        UsageError: If there is none of that name.
    """
    if name not in zoo_names():
        raise unknown_name("network", name, zoo_names())
    return load_yaml_record(_FOLDER / f"{name}.yaml", NetworkConfig)


def with_local_pooling(config: NetworkConfig, patch_px: int) -> NetworkConfig:
    """The same network, with the same weights, whose averages are local: the test-time form of global pooling (TLC).

    Args:
        config: Any configuration.
        patch_px: Side of the patches it was trained on.

    Raises:
        UsageError: If the patches are smaller than a position of the coarsest level.
    """
    try:
        return NetworkConfig.model_validate({**config.model_dump(), "pooling": "local", "pooling_px": patch_px})
    except ValidationError as error:
        raise UsageError(f"TLC with patches of {patch_px} px: {validation_sentence(error)}") from error


def variant(config: NetworkConfig, prior: str) -> NetworkConfig:
    """The same network with another use of the blur map: a row of Table 6.

    Args:
        config: Any configuration.
        prior: ``none``, ``concat``, ``sa``, ``concat+sa`` or ``bpa``.

    Raises:
        UsageError: If there is no such prior.
    """
    if prior not in PRIORS:
        raise unknown_name("prior", prior, PRIORS)
    if prior == config.prior:
        return config
    name = f"{config.name.removesuffix('-' + config.prior.replace('+', '-'))}-{prior.replace('+', '-')}"
    return NetworkConfig.model_validate({**config.model_dump(), "prior": prior, "name": name})
