"""The named sizes, and the rows of Table 6 made from any of them. Imports no torch."""

from functools import lru_cache
from pathlib import Path

from ldpbench.core.names import unknown_name
from ldpbench.networks.config import NetworkConfig, Prior
from ldpbench.records import load_yaml_record

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
