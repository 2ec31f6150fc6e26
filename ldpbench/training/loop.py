"""The loop: batches, loss, step; checkpoints, validation and journal in between."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam, AdamW, Optimizer

from ldpbench.core.progress import Progress
from ldpbench.training.averaging import AveragedWeights
from ldpbench.training.batches import Batch, BatchesAhead
from ldpbench.training.config import TrainConfig
from ldpbench.training.guard import diverged, save_reproducer
from ldpbench.training.journal import Journal
from ldpbench.training.losses.total import TotalLoss
from ldpbench.training.schedule import learning_rate
from ldpbench.training.state import checkpoint_folders, load_state, save_state
from ldpbench.training.team import Team, lost_worker
from ldpbench.training.validate import Validation


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What the loop works with, made by ``setup``."""

    config: TrainConfig
    team: Team
    folder: Path
    network: nn.Module
    losses: dict[str, TotalLoss]
    """By stage."""
    make_batches: Callable[[int], list[Batch]]
    """This process's micro-batches of a step, a pure function."""
    validate: Callable[[dict[str, Tensor]], Validation]
    """Scores of a state of the network."""
    keep_best: Callable[[dict[str, Tensor], int, Validation], None]
    draw_pictures: Callable[[dict[str, Tensor], int], None]
    progress: Progress
    mirror: Callable[[str, int, dict[str, Any]], None]
    """Gets every journal line too; TensorBoard, or nobody."""
    facts: dict[str, Any]
    """What the weights come from."""
    blur_map_identity: dict[str, Any] | None


@dataclass(kw_only=True)
class Trainer:
    """One run, from its last checkpoint to its last step."""

    around: Surroundings
    done: int = 0
    best: tuple[float, int] | None = None
    last: Validation | None = None
    stopped: bool = False
    """Whether a signal asked to stop."""
    _meter: "_Meter" = field(init=False)

    def __post_init__(self) -> None:
        config, network = self.around.config, self.around.network
        # Compiled inside, wrapped outside: the wrapper must be what `one_update` sees.
        inside: Any = torch.compile(network) if config.compile else network
        self._forward = self.around.team.wrap(inside)
        self.averaged = AveragedWeights(network, config.ema)
        self.optimizer = new_optimizer(config, network)
        self._journal = Journal(self.around.folder)
        self._meter = _Meter(config.global_batch)

    def resume(self) -> int:
        """Load the newest checkpoint, if there is one, and let the journal forget what came after it.

        Returns:
            Steps that are done.
        """
        found = checkpoint_folders(self.around.folder)
        if found:
            record = load_state(found[-1], self.around.network, self.averaged, self.optimizer)
            self.done = record.done
            if record.best_psnr is not None and record.best_step is not None:
                self.best = (record.best_psnr, record.best_step)
        if self.around.team.is_first:
            self._journal.rewind(self.done)
        self.last = self._journal.last_validation()
        return self.done

    def run(self) -> None:
        """Train to the last step, or to the first signal that asks to stop; then there is a checkpoint."""
        config, team = self.around.config, self.around.team
        total = config.steps
        self.around.network.train()
        label = f"training {config.network.name}"
        with (
            self._listening(),
            BatchesAhead(self.around.make_batches, total) as ahead,
            self.around.progress.live(label=label, total=total, done=self.done) as tell,
        ):
            while self.done < total:
                self._one_step(self.done, ahead, tell)
                self.done += 1
                if team.any(self.stopped):
                    self.stopped = True
                    break
        if not self._is_kept():
            self._checkpoint()

    def try_step(self) -> tuple[float, float]:
        """Do the first step and write nothing.

        Returns:
            The loss and the norm of its gradient.
        """
        self.around.network.train()
        parts, norm = self._update(0, self.around.make_batches(0))
        return float(parts["loss"]), norm

    def _one_step(self, step: int, ahead: BatchesAhead, tell: Callable[[int, str], None]) -> None:
        config, team = self.around.config, self.around.team
        rate = learning_rate(config, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        start, waited = time.perf_counter(), ahead.waited_s
        parts, norm = self._update(step, ahead.take(step))
        self._meter.count(time.perf_counter() - start, ahead.waited_s - waited)
        end = step + 1
        if end % config.journal_every == 0 or end == config.steps:
            self._tell(step, rate, parts, norm, tell)
        if end % config.validate_every == 0 or end == config.steps:
            self._validate(step)
        if end % config.checkpoint_every == 0 or end == config.steps:
            self._checkpoint(end)
        if config.pictures_every and end % config.pictures_every == 0 and team.is_first:
            self.around.draw_pictures(self.averaged.state_dict(), end)

    def _update(self, step: int, batches: list[Batch]) -> tuple[dict[str, Tensor], float]:
        """One step of the optimiser; the means of the loss and its parts, and the norm of the gradient."""
        around = self.around
        stage, _ = around.config.stage_at(step)
        try:
            sums, norm = one_update(
                around.config,
                around.network,
                self._forward,
                around.losses[stage.name],
                batches,
                self.optimizer,
                around.team.device,
            )
        except NotFiniteError as error:
            folder = save_reproducer(
                around.folder, step, around.team.rank, around.network, batches, loss=error.loss, norm=error.norm
            )
            raise diverged(step, folder, loss=error.loss, norm=error.norm) from error
        except RuntimeError as error:
            if around.team.world > 1:
                raise lost_worker(error) from error
            raise
        self.averaged.update(around.network, step)
        return sums, norm

    def _tell(
        self,
        step: int,
        rate: float,
        parts: dict[str, Tensor],
        norm: float,
        tell: Callable[[int, str], None],
    ) -> None:
        team = self.around.team
        names = sorted(parts)
        means = team.sum(torch.stack([parts[name].float() for name in names])) / team.world
        values = dict(zip(names, means.tolist(), strict=True))
        pace = self._meter.read()
        stage, _ = self.around.config.stage_at(step)
        blur_aware = self.around.losses[stage.name].blur_aware
        if blur_aware is not None:
            pace["blur_aware_ms"] = blur_aware.ms_per_call
        line = {**values, "lr": rate, "gradient_norm": norm, **pace, "memory_bytes": _memory(team.device)}
        if team.is_first:
            self._journal.append("step", step, **line)
            self.around.mirror("step", step, line)
        tell(step + 1, _figures(values["loss"], pace, line["memory_bytes"], self.last))

    def _validate(self, step: int) -> None:
        start = time.perf_counter()
        state = self.averaged.state_dict()
        self.last = scores = self.around.validate(state)
        self.around.network.train()
        if self.around.team.is_first:
            line = {**vars(scores), "seconds": time.perf_counter() - start}
            self._journal.append("validation", step, **line)
            self.around.mirror("validation", step, line)
        if self.best is None or scores.psnr > self.best[0]:
            self.best = (scores.psnr, step)
            if self.around.team.is_first:
                self.around.keep_best(state, step, scores)

    def _checkpoint(self, done: int | None = None) -> None:
        config, team = self.around.config, self.around.team
        if team.is_first:
            save_state(
                self.around.folder,
                self.around.network,
                self.averaged,
                self.optimizer,
                done=self.done if done is None else done,
                best=self.best,
                keep=config.keep_last,
            )
        team.wait()

    def _is_kept(self) -> bool:
        newest = checkpoint_folders(self.around.folder)[-1:]
        return self.around.team.any(bool(newest) and newest[0].name == f"step-{self.done:08d}")

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Finish the step at hand on SIGTERM, SIGINT and SIGUSR1, as schedulers send them before they preempt."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stopped = True

        in_main = threading.current_thread() is threading.main_thread()  # only there Python can listen
        wanted = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1] if in_main else []
        before = {number: signal.signal(number, stop) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Meter:
    """Images per second and the share of time spent waiting for data, since the last reading."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._steps, self._seconds, self._waited = 0, 0.0, 0.0

    def count(self, seconds: float, waited: float) -> None:
        """Add a step: what it took, and how much of that it waited. Validation and checkpoints are nobody's step."""
        self._steps += 1
        self._seconds += seconds
        self._waited += waited

    def read(self) -> dict[str, float]:
        """The figures since the last reading."""
        steps, seconds, waited = max(self._steps, 1), max(self._seconds, 1e-9), self._waited
        self._steps, self._seconds, self._waited = 0, 0.0, 0.0
        return {
            "seconds_per_step": seconds / steps,
            "images_per_s": steps * self._batch / seconds,
            "wait_share": waited / seconds,
        }


def new_optimizer(config: TrainConfig, network: nn.Module) -> Optimizer:
    """Adam as the paper has it; AdamW where weights decay."""
    kind = AdamW if config.weight_decay > 0 else Adam
    parameters: Sequence[Tensor] = list(network.parameters())
    return kind(parameters, lr=config.stages[0].lr, betas=config.betas, weight_decay=config.weight_decay, fused=True)


class NotFiniteError(Exception):
    """The loss or its gradient is no number; the weights are those before the step."""

    def __init__(self, loss: float, norm: float) -> None:
        super().__init__(f"loss {loss}, gradient norm {norm}")
        self.loss = loss
        self.norm = norm


def one_update(
    config: TrainConfig,
    network: nn.Module,
    forward: nn.Module,
    loss: TotalLoss,
    batches: Sequence[Batch],
    optimizer: Optimizer,
    device: torch.device,
) -> tuple[dict[str, Tensor], float]:
    """Forward and backward over the micro-batches of a step, then one step of the optimiser.

    Args:
        config: Precision and clipping.
        network: Whose weights are trained.
        forward: The network as it is called: itself, or what averages gradients or was compiled.
        loss: Of the stage.
        batches: Micro-batches of equal size.
        optimizer: Of the network's weights.
        device: Of everything.

    Returns:
        Means of the loss and of its parts over the micro-batches, and the norm of the gradient before clipping.

    Raises:
        NotFiniteError: Before the weights are touched.
    """
    optimizer.zero_grad(set_to_none=True)
    sums: dict[str, Tensor] = {}
    for number, batch in enumerate(batches):
        with _without_sync(forward, is_last=number == len(batches) - 1):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.precision == "bfloat16"):
                restored = forward(batch.left, batch.right, batch.logits)
            parts = loss(restored.float(), batch.target, batch.left, batch.right, batch.probability)
            (parts.total / len(batches)).backward()
        for name, value in {"loss": parts.total.detach(), **parts.parts}.items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value / len(batches)
    norm = float(nn.utils.clip_grad_norm_(list(network.parameters()), config.grad_clip, foreach=True))
    total = float(sums["loss"])
    if not (math.isfinite(norm) and math.isfinite(total)):
        raise NotFiniteError(total, norm)
    optimizer.step()
    return sums, norm


def _without_sync(forward: nn.Module, *, is_last: bool) -> contextlib.AbstractContextManager[None]:
    """Between micro-batches the processes of a team need not talk."""
    if isinstance(forward, DistributedDataParallel) and not is_last:
        return forward.no_sync()
    return contextlib.nullcontext()


def _memory(device: torch.device) -> int:
    """Peak memory of the device; of the process on a CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _figures(loss: float, pace: dict[str, float], memory: float, last: Validation | None) -> str:
    psnr = "" if last is None else f"val {last.psnr:.2f} dB ({last.gain:+.2f}), "
    speed = f"{pace['images_per_s']:.1f} img/s, wait {pace['wait_share']:.1%}"
    return f"loss {loss:.5f}, {psnr}{speed}, {memory / 2**30:.1f} GiB"
