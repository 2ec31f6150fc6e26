"""What happens when the loss is no number: the step is kept so that anyone can repeat it, and the run stops."""

from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from ldpbench.core.atomic import replacing_folder, write_bytes, write_json
from ldpbench.core.errors import LdpbenchError
from ldpbench.training.batches import Batch


class DivergedError(LdpbenchError):
    """The loss or its gradient is not finite."""

    kind = "diverged"


def save_reproducer(
    run: Path, step: int, rank: int, network: nn.Module, batches: list[Batch], *, loss: float, norm: float
) -> Path:
    """Keep the weights before a step and its batches.

    Returns:
        A folder with ``model.safetensors``, ``batch-N.safetensors`` and ``step.json``.
    """
    target = run / f"diverged-step-{step:08d}-process-{rank}"
    with replacing_folder(target) as fresh:
        write_bytes(fresh / "model.safetensors", _bytes(network.state_dict()))
        for number, batch in enumerate(batches):
            write_bytes(fresh / f"batch-{number}.safetensors", _bytes(batch.tensors()))
        write_json(fresh / "step.json", {"step": step, "loss": repr(loss), "gradient_norm": repr(norm)})
    return target


def diverged(step: int, folder: Path, *, loss: float, norm: float) -> DivergedError:
    """The error that ends the run."""
    return DivergedError(
        f"step {step}: the loss is {loss} and the norm of its gradient {norm}; weights and batch are in {folder}",
        hint="lower the learning rate or the gradient clip, or use float32, and resume",
    )


def _bytes(tensors: dict[str, Tensor]) -> bytes:
    return save({key: value.detach().to("cpu").contiguous() for key, value in tensors.items()})
