import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.home import Home
from ldpbench.core.progress import Silent
from ldpbench.training import loop, state
from ldpbench.training.guard import DivergedError
from ldpbench.training.journal import read_journal
from ldpbench.training.run import Finished
from tests.tiny_training import tiny_config, train_tiny


class Stopping(Silent):
    """Progress that does something when a step is told."""

    def __init__(self, at: int, action: Callable[[], None]) -> None:
        self._at = at
        self._action = action

    @contextmanager
    def live(self, *, label: str, total: int, done: int = 0) -> Iterator[Callable[[int, str], None]]:
        def tell(now: int, figures: str) -> None:
            del figures
            if now == self._at:
                self._action()

        yield tell


def losses(folder: Path) -> list[float]:
    lines = [line for line in read_journal(folder) if line["kind"] == "step"]
    assert [line["step"] for line in lines] == list(range(len(lines)))
    return [line["loss"] for line in lines]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "final" / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.fixture(scope="module")
def straight(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    return folder, train_tiny(tiny_config(), sample_home, folder)


def test_a_run_ends_with_a_method_a_journal_and_scores(straight: tuple[Path, Finished]) -> None:
    folder, finished = straight
    assert (finished.done, finished.total) == (12, 12)
    assert finished.last is not None
    assert finished.last.count == 1
    assert len(losses(folder)) == 12
    kinds = [line["kind"] for line in read_journal(folder)]
    assert kinds.count("validation") == 2
    line = next(read_journal(folder))
    wanted = {"loss", "charbonnier", "lr", "gradient_norm", "images_per_s", "wait_share", "memory_bytes"}
    assert wanted <= set(line)
    second_stage = list(read_journal(folder))[-2]
    assert second_stage["blur_weighting"] > 0
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"step-00000008", "step-00000012"}


def test_the_same_configuration_gives_the_same_bits(
    straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path
) -> None:
    train_tiny(tiny_config(), sample_home, tmp_path / "run")
    assert losses(tmp_path / "run") == losses(straight[0])
    assert same(weights(tmp_path / "run"), weights(straight[0]))
    train_tiny(tiny_config(seed=1), sample_home, tmp_path / "other")
    assert losses(tmp_path / "other") != losses(straight[0])


@pytest.mark.parametrize("step", [1, 4, 11])
def test_a_signal_ends_in_a_checkpoint_and_the_run_goes_on_to_the_last_bit(
    step: int, straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path
) -> None:
    ask = Stopping(step, lambda: os.kill(os.getpid(), signal.SIGTERM))
    stopped = train_tiny(tiny_config(), sample_home, tmp_path, ask)
    assert (stopped.done, stopped.method) == (step, None)
    assert (tmp_path / "checkpoints" / f"step-{step:08d}").is_dir()
    finished = train_tiny(tiny_config(), sample_home, tmp_path)
    assert finished.method == straight[1].method
    assert losses(tmp_path) == losses(straight[0])
    assert same(weights(tmp_path), weights(straight[0]))


@pytest.mark.parametrize("step", [2, 7, 10])
def test_after_a_crash_it_goes_on_from_the_last_checkpoint_to_the_last_bit(
    step: int, straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path
) -> None:
    def crash() -> None:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train_tiny(tiny_config(), sample_home, tmp_path, Stopping(step, crash))
    (tmp_path / "checkpoints" / ".step-00000099.abc.part").mkdir(parents=True)  # what a killed process leaves
    train_tiny(tiny_config(), sample_home, tmp_path)
    assert losses(tmp_path) == losses(straight[0])
    assert same(weights(tmp_path), weights(straight[0]))


def test_a_full_disk_at_a_checkpoint_loses_nothing_that_was_kept(
    straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = state.write_bytes
    written: list[Path] = []

    def full(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) > 4:
            raise StorageError(f"cannot write {path}: No space left on device", hint="free some disk space")
        real(path, data)

    monkeypatch.setattr(state, "write_bytes", full)
    with pytest.raises(StorageError):
        train_tiny(tiny_config(), sample_home, tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]
    monkeypatch.undo()
    train_tiny(tiny_config(), sample_home, tmp_path)
    assert losses(tmp_path) == losses(straight[0])


def test_a_finished_run_is_not_trained_again(straight: tuple[Path, Finished], sample_home: Home) -> None:
    folder, first = straight
    before = (folder / "journal.jsonl").read_bytes()
    again = train_tiny(tiny_config(), sample_home, folder)
    assert again == first
    assert (folder / "journal.jsonl").read_bytes() == before


def test_accumulated_micro_batches_give_the_gradient_of_the_whole(
    straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path
) -> None:
    train_tiny(tiny_config("micro_batch=1"), sample_home, tmp_path)
    assert losses(tmp_path) == pytest.approx(losses(straight[0]), rel=1e-5)


def test_every_cache_gives_the_same_run(straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path) -> None:
    train_tiny(tiny_config("cache=disk"), sample_home, tmp_path)
    assert losses(tmp_path) == losses(straight[0])


def test_one_batch_is_learnt_by_heart(sample_home: Home, tmp_path: Path) -> None:
    config = tiny_config("stages.0.steps=80", "stages.0.lr=3.0e-3", "validate_every=1000", overfit_one_batch=True)
    train_tiny(config, sample_home, tmp_path)
    curve = losses(tmp_path)[:80]
    assert curve[-1] < 0.8 * curve[0]


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_it_takes_to_repeat_it(
    sample_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.one_update
    calls: list[int] = []

    def poisoned(config: Any, network: Any, forward: Any, loss: Any, batches: Any, *rest: Any) -> Any:
        calls.append(1)
        if len(calls) == 6:
            batches[0].target[0, 0, 0, 0] = float("nan")
        return real(config, network, forward, loss, batches, *rest)

    monkeypatch.setattr(loop, "one_update", poisoned)
    with pytest.raises(DivergedError, match=r"step 5: the loss is nan") as caught:
        train_tiny(tiny_config(), sample_home, tmp_path)
    kept = tmp_path / "diverged-step-00000005-process-0"
    assert str(kept) in caught.value.message
    batch = load_file(kept / "batch-0.safetensors")
    assert torch.isnan(batch["target"]).sum() == 1
    assert all(torch.isfinite(value).all() for value in load_file(kept / "model.safetensors").values())
    monkeypatch.undo()
    assert train_tiny(tiny_config(), sample_home, tmp_path).done == 12  # it goes on from step 4


def test_the_test_split_is_refused(sample_home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="validation on the test split"):
        train_tiny(tiny_config("val_split=test", "allow_test=false"), sample_home, tmp_path)
    with pytest.raises(UsageError, match="training on the test split"):
        train_tiny(tiny_config("split=test", "allow_test=false"), sample_home, tmp_path)
    with pytest.raises(UsageError, match="on the same split"):
        train_tiny(tiny_config("allow_test=false"), sample_home, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_belongs_to_one_configuration(straight: tuple[Path, Finished], sample_home: Home) -> None:
    with pytest.raises(UsageError, match="another configuration"):
        train_tiny(tiny_config(seed=5), sample_home, straight[0])


def test_a_dataset_that_is_not_prepared_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match="sample is not prepared"):
        train_tiny(tiny_config(), home, tmp_path)


def test_a_damaged_checkpoint_is_named(sample_home: Home, tmp_path: Path) -> None:
    train_tiny(tiny_config(), sample_home, tmp_path, Stopping(5, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    path = tmp_path / "checkpoints" / "step-00000005" / "optimizer.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match=r"optimizer\.safetensors is not what its record promises"):
        train_tiny(tiny_config(), sample_home, tmp_path)


def test_a_batch_that_cannot_be_shared_is_an_error(sample_home: Home) -> None:
    from ldpbench.training.sampler import Sampler
    from ldpbench.training.scenes import Scenes
    from ldpbench.training.setup import make_loader
    from ldpbench.training.team import Team

    sampler = Sampler.__new__(Sampler)
    cpu = torch.device("cpu")
    with pytest.raises(UsageError, match="cannot be shared by 3 processes"):
        make_loader(tiny_config(), Scenes((), cpu), sampler, Team(0, 3, cpu))


def test_the_blur_aware_loss_says_what_it_costs_and_made_up_weights_are_marked(
    sample_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ldpbench.blurmap.clip import weights
    from ldpbench.records import BaselineRecord, load_yaml_record
    from ldpbench.training.run import train
    from ldpbench.training.setup import Wishes
    from ldpbench.training.team import joined_team
    from tests.tiny_clip import tiny_clip

    config = tiny_config(
        "stages.0.steps=2", "stages.0.warmup_steps=0", "stages.1.steps=2", "stages.1.loss.blur_aware=0.1"
    )
    monkeypatch.delenv(weights.WEIGHTS_VARIABLE, raising=False)
    with pytest.raises(MissingPrerequisiteError, match="clip-vit-b-32"):
        train_tiny(config, sample_home, tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(weights, "_empty", lambda _model: tiny_clip())
    with joined_team("cpu") as team:
        train(config, sample_home, tmp_path, team, Wishes(clip_weights="random"), command=["test"], progress=Silent())
    lines = [line for line in read_journal(tmp_path) if line["kind"] == "step"]
    assert "blur_aware" not in lines[0]
    assert lines[-1]["blur_aware_ms"] > 0
    total = lines[-1]["charbonnier"] + 0.1 * lines[-1]["blur_aware"] + 0.2 * lines[-1]["blur_weighting"]
    assert lines[-1]["loss"] == pytest.approx(total, rel=1e-5)
    record = load_yaml_record(tmp_path / "final" / "baseline.yaml", BaselineRecord)
    assert record.title.endswith("loss of RANDOM weights")


def test_killed_before_its_result_was_written_a_run_still_has_its_scores(
    straight: tuple[Path, Finished], sample_home: Home, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(straight[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "final")
    assert train_tiny(tiny_config(), sample_home, tmp_path / "run").last == straight[1].last
