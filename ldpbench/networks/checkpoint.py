"""A checkpoint folder: a network's configuration and its weights, without a line of code.

``checkpoint.json`` names the network, the estimator of its blur map and how it was trained; ``model.safetensors`` holds
the weights. Reading one runs nothing that came with it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from ldpbench.core.atomic import explaining_storage, write_bytes, write_text
from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.networks.build import build_network
from ldpbench.networks.checkpoint_record import (
    CHECKPOINT_FILE,
    WEIGHTS_FILE,
    CheckpointRecord,
    WeightsFile,
    read_record,
)
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.weights.recognise import fit
from ldpbench.networks.weights.safetensors_files import parse_safetensors


@dataclass(frozen=True)
class Checkpoint:
    """A network that is ready to run."""

    record: CheckpointRecord
    network: nn.Module
    """On the CPU, in evaluation mode, float32."""
    folder: Path


def save_checkpoint(
    folder: Path,
    network: NetworkConfig,
    state: dict[str, Tensor],
    *,
    blur_map: str | None,
    blur_map_identity: dict[str, Any] | None,
    training: dict[str, Any],
) -> CheckpointRecord:
    """Write a checkpoint into a folder, the record last.

    Args:
        folder: Where; made if it is not there.
        network: The configuration.
        state: The network's ``state_dict()``.
        blur_map: The estimator's name, as users type it.
        blur_map_identity: The estimator's identity.
        training: JSON-like facts.

    Raises:
        StorageError: If the disk is full or not ours.
    """
    data = save({key: value.detach().to("cpu").contiguous() for key, value in state.items()})
    record = CheckpointRecord(
        network=network,
        blur_map=blur_map,
        blur_map_identity=blur_map_identity,
        training=training,
        weights=WeightsFile(bytes=len(data), sha256=sha256_bytes(data)),
    )
    write_bytes(folder / WEIGHTS_FILE, data)
    write_text(folder / CHECKPOINT_FILE, record.model_dump_json(by_alias=True, indent=2) + "\n")
    return record


def load_checkpoint(folder: Path, network: NetworkConfig | None = None) -> Checkpoint:
    """Build the network of a checkpoint and load its weights, after their checksum was compared.

    Args:
        folder: The checkpoint.
        network: Another configuration with the same weights, such as one with local pooling; None for its own.

    Raises:
        MissingPrerequisiteError: If a file is not there.
        IntegrityError: If the weights are not those of the record, or not of this network.
    """
    record = read_record(folder)
    state = read_weights(folder / record.weights.file, record.weights)
    built = build_network(network or record.network)
    fit_state(built, state, folder / record.weights.file)
    return Checkpoint(record, built.eval(), folder)


def read_weights(path: Path, promised: WeightsFile | None = None) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        MissingPrerequisiteError: If the file is not there.
        IntegrityError: If it is damaged, or not what was promised.
    """
    with explaining_storage("read", path):
        data = path.read_bytes()
    if promised is not None and (len(data), sha256_bytes(data)) != (promised.bytes, promised.sha256):
        raise IntegrityError(
            f"{path} is not what its record promises: expected {promised.bytes} bytes with sha256 "
            f"{promised.sha256[:16]}..., found {len(data)} bytes with {sha256_bytes(data)[:16]}...",
            hint="take the folder from where it was made again",
        )
    return parse_safetensors(data, path)


def fit_state(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load a state dict that must fit exactly.

    Raises:
        IntegrityError: With every entry that does not fit; see ``fit``.
    """
    fit(
        network,
        state,
        path,
        what="the network of its record",
        hint="the configuration beside them must be the one they were trained with",
    )
