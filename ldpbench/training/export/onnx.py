"""A checkpoint's network as one ONNX file for any picture size, compared with torch before it is written.

The file holds attention scores of a whole picture at a time: memory grows with the square of the number of positions
where attention spans all of them.
"""

import importlib.util
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import ldpbench
from ldpbench.core.atomic import write_bytes
from ldpbench.core.errors import MethodError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_bytes, sha256_file
from ldpbench.networks.bpa import AttentionBlock
from ldpbench.networks.checkpoint import Checkpoint, load_checkpoint
from ldpbench.networks.checkpoint_record import CHECKPOINT_FILE
from ldpbench.networks.config import NetworkConfig
from ldpbench.training.export.sizes import Shape, export_sizes

OPSET = 18
"""Read by every onnxruntime since 1.14 (2023)."""
TOLERANCE = 1e-4
"""Largest difference from torch, white is 1: a fortieth of a code of 8 bits."""
OUTPUT = "restored"
_HINT = "nothing was written; report it with the versions that `ldpbench doctor` prints"
_AXES = {0: "batch", 2: "height", 3: "width"}


@dataclass(frozen=True)
class OnnxExport:
    """What was written."""

    path: Path
    sha256: str
    opset: int
    inputs: tuple[str, ...]
    smallest_px: int
    """Sides from which on the file is right."""
    multiple_of: int
    """Sides have to be multiples of this."""
    largest_difference: float
    """From torch in float64, over all compared pictures."""
    compared_px: tuple[tuple[int, int], ...]
    """Heights and widths of the compared pictures."""


def export_onnx(folder: Path, out: Path) -> OnnxExport:
    """Translate a checkpoint and write it in one step.

    The file takes ``left`` and ``right`` (N, 3, H, W) and, where the network wants one, ``blur_logits`` (N, 1, H, W),
    all float32, and gives ``restored`` (N, 3, H, W). Its metadata say what it was made from.

    Args:
        folder: The checkpoint.
        out: The file to make.

    Raises:
        MissingPrerequisiteError: If the extra ``onnx`` or a file of the checkpoint is not there.
        IntegrityError: If the checkpoint is damaged.
        MethodError: If the network cannot be translated, or the translation computes something else.
        StorageError: If the disk is full or not ours.
    """
    _demand_extra()
    checkpoint = load_checkpoint(folder)
    config = checkpoint.record.network
    sizes = export_sizes(config)
    entry = _Entry(checkpoint.network).eval()
    model = _translate(entry, _pictures(config, sizes.traced, seed=0))
    _name_axes(model.graph.output)
    for key, value in _metadata(checkpoint).items():
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString()
    _check(data)
    batches = [_pictures(config, shape, seed) for seed, shape in enumerate(sizes.compared, start=1)]
    difference = _largest_difference(data, entry, batches)
    write_bytes(out, data)
    return OnnxExport(
        path=out,
        sha256=sha256_bytes(data),
        opset=OPSET,
        inputs=input_names(config),
        smallest_px=sizes.smallest_px,
        multiple_of=config.multiple_of,
        largest_difference=difference,
        compared_px=tuple((height, width) for _, height, width in sizes.compared),
    )


def input_names(config: NetworkConfig) -> tuple[str, ...]:
    """The inputs of an exported network."""
    return ("left", "right", "blur_logits") if config.needs_blur_map else ("left", "right")


class _Entry(nn.Module):
    """A network whose arguments have the names of the file's inputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        for block in network.modules():
            if isinstance(block, AttentionBlock):
                # Attention some rows at a time would be unrolled for the traced size.
                block.implementation = "dense"

    def forward(self, left: Tensor, right: Tensor, blur_logits: Tensor | None = None) -> Tensor:
        restored: Tensor = self.network(left, right, blur_logits)
        return restored


def _demand_extra() -> None:
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPrerequisiteError(
            f"export to ONNX needs {', '.join(missing)}, which is not installed", hint="pip install 'ldpbench[onnx]'"
        )


def _pictures(config: NetworkConfig, shape: Shape, seed: int) -> dict[str, Tensor]:
    batch, *size = shape
    generator = torch.Generator().manual_seed(seed)
    pictures = {name: torch.rand(batch, 3, *size, generator=generator) for name in ("left", "right")}
    if config.needs_blur_map:
        pictures["blur_logits"] = torch.randn(batch, 1, *size, generator=generator)
    return pictures


def _translate(entry: _Entry, pictures: dict[str, Tensor]) -> Any:
    names = tuple(pictures)
    try:
        with warnings.catch_warnings():
            # The views share their axes, so all but one of the names are not used; that is as it should be.
            warnings.filterwarnings("ignore", message=".*axis name.*will not be used", category=UserWarning)
            program = torch.onnx.export(
                entry,
                kwargs=dict(pictures),
                input_names=names,
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamic_shapes=dict.fromkeys(names, _AXES),
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise MethodError(f"the network cannot be translated to ONNX: {reason}", hint=_HINT) from error
    assert program is not None
    return program.model_proto


def _name_axes(outputs: Any) -> None:
    """The output has the size of the inputs; the exporter only knows by which sums of paddings it comes about."""
    for axis, name in _AXES.items():
        outputs[0].type.tensor_type.shape.dim[axis].dim_param = name


def _metadata(checkpoint: Checkpoint) -> dict[str, str]:
    record = checkpoint.record
    return {
        "ldpbench.version": ldpbench.__version__,
        "ldpbench.weights_sha256": record.weights.sha256,
        "ldpbench.checkpoint_sha256": sha256_file(checkpoint.folder / CHECKPOINT_FILE),
        "ldpbench.network": record.network.model_dump_json(),
        "ldpbench.blur_map": json.dumps(record.blur_map_identity, sort_keys=True),
        "ldpbench.training": json.dumps(record.training, sort_keys=True),
        "ldpbench.multiple_of": str(record.network.multiple_of),
        "ldpbench.smallest_px": str(export_sizes(record.network).smallest_px),
    }


def _check(data: bytes) -> None:
    import onnx

    try:
        onnx.checker.check_model(data, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:300]
        raise MethodError(f"the ONNX checker refuses the translation: {reason}", hint=_HINT) from error


def _largest_difference(data: bytes, entry: _Entry, batches: Sequence[dict[str, Tensor]]) -> float:
    """Run both on batches of sizes that were not traced, torch in float64.

    In float32 either may be the one that rounds: torch's means over large pictures lose more digits than the file's.

    Raises:
        MethodError: If they differ by more than ``TOLERANCE``.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    exact = entry.double()
    largest = 0.0
    for pictures in batches:
        with torch.inference_mode():
            expected = exact(**{name: picture.double() for name, picture in pictures.items()})
        (found,) = session.run([OUTPUT], {name: picture.numpy() for name, picture in pictures.items()})
        if found.shape != tuple(expected.shape):
            raise MethodError(f"the ONNX file gives {found.shape}, torch gives {tuple(expected.shape)}", hint=_HINT)
        largest = max(largest, float((torch.from_numpy(found) - expected).abs().max()))
    if not largest <= TOLERANCE:  # also where it is NaN
        raise MethodError(
            f"the ONNX file differs from torch by {largest:.2e}, expected at most {TOLERANCE:.0e}", hint=_HINT
        )
    return largest
