"""Checkpoints of a run that is under way: everything it takes to go on to the last bit."""

import re
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from ldpbench.core.atomic import explaining_storage, replacing_folder, write_bytes, write_text
from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.networks.checkpoint import fit_state, read_weights
from ldpbench.networks.checkpoint_record import WeightsFile
from ldpbench.records import Record
from ldpbench.records.base import validation_sentence
from ldpbench.training.averaging import AveragedWeights

CHECKPOINTS_FOLDER = "checkpoints"
STATE_FILE = "state.json"
_NAME = re.compile(r"^step-(\d{8})$")


class StateRecord(Record):
    """``state.json`` of a checkpoint."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    done: int
    """Steps that are done; the next one has this number."""
    best_psnr: float | None
    best_step: int | None
    files: dict[str, WeightsFile]


def checkpoint_folders(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    folder = run / CHECKPOINTS_FOLDER
    found = [path for path in folder.glob("step-*") if _NAME.match(path.name) and (path / STATE_FILE).is_file()]
    return sorted(found)


def save_state(
    run: Path,
    network: nn.Module,
    averaged: AveragedWeights,
    optimizer: Optimizer,
    *,
    done: int,
    best: tuple[float, int] | None,
    keep: int,
) -> Path:
    """Write a checkpoint in one step and drop the oldest ones.

    Args:
        run: The run folder.
        network: The weights that are trained.
        averaged: Their average.
        optimizer: Its state, keyed by the number of the parameter.
        done: Steps that are done.
        best: Best validation PSNR and its step.
        keep: Checkpoints that stay.

    Raises:
        StorageError: If the disk is full; the older checkpoints are untouched.
    """
    target = run / CHECKPOINTS_FOLDER / f"step-{done:08d}"
    parts = {
        "model.safetensors": network.state_dict(),
        "averaged.safetensors": averaged.state_dict(),
        "optimizer.safetensors": _flat(optimizer),
    }
    with replacing_folder(target) as fresh:
        files = {}
        for name, tensors in parts.items():
            data = save({key: value.detach().to("cpu").contiguous() for key, value in tensors.items()})
            write_bytes(fresh / name, data)
            files[name] = WeightsFile(file=name, bytes=len(data), sha256=sha256_bytes(data))
        record = StateRecord(
            done=done, best_psnr=best[0] if best else None, best_step=best[1] if best else None, files=files
        )
        write_text(fresh / STATE_FILE, record.model_dump_json(by_alias=True, indent=2) + "\n")
    for old in checkpoint_folders(run)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def load_state(folder: Path, network: nn.Module, averaged: AveragedWeights, optimizer: Optimizer) -> StateRecord:
    """Go on from a checkpoint.

    Raises:
        IntegrityError: If it is damaged or of another network.
    """
    path = folder / STATE_FILE
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        record = StateRecord.model_validate_json(text)
    except ValidationError as error:
        raise IntegrityError(
            f"{path} is not what this version writes: {validation_sentence(error)}",
            hint="delete that checkpoint; the run goes on from the one before",
        ) from error
    tensors = {name: read_weights(folder / name, promised) for name, promised in record.files.items()}
    fit_state(network, tensors["model.safetensors"], folder / "model.safetensors")
    averaged.load_state_dict(tensors["averaged.safetensors"])
    _restore(optimizer, tensors["optimizer.safetensors"])
    return record


def _flat(optimizer: Optimizer) -> dict[str, Tensor]:
    """Adam's state as one flat dictionary: ``<number of the parameter>.<name>``."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, entry in state.items() for name, value in entry.items()}


def _restore(optimizer: Optimizer, flat: dict[str, Tensor]) -> None:
    """Give Adam its state back, in the memory layout of each parameter: its fused kernel pairs numbers by address."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, _, name = key.partition(".")
        of = parameters[int(number)]
        laid_out = torch.empty_like(of).copy_(value) if value.shape == of.shape else value
        state.setdefault(int(number), {})[name] = laid_out
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
