"""Measuring methods made up for the purpose, in this process and in one of their own."""

import os
import threading
from contextlib import contextmanager

import pytest

from ldpbench.core.errors import (
    IntegrityError,
    LdpbenchError,
    MethodError,
    MissingPrerequisiteError,
    StorageError,
    UsageError,
)
from ldpbench.core.progress import Silent
from ldpbench.evaluation.cost import steady
from ldpbench.evaluation.cost.hardware import busy_remark, hardware_here
from ldpbench.evaluation.cost.measure import measure
from ldpbench.evaluation.cost.plan import Request, make_plan, parse_size
from ldpbench.evaluation.cost.process import measure_apart
from ldpbench.evaluation.cost.run import measure_all
from ldpbench.methods.inference import Inference
from ldpbench.methods.tiling import Tiling
from ldpbench.records.cost import CostRecord
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.toy_methods import write_method, write_network


def plan_of(*folders, sizes=("48x32",), repeats=1, **request):
    return make_plan(Request(methods=[str(path) for path in folders], sizes=sizes, repeats=repeats, **request))


def job_of(folder, **request):
    (job,) = plan_of(folder, **request).jobs
    return job


def ignore(*_):
    pass


def test_a_network_without_weights_is_measured_untrained(tmp_path):
    record = measure(job_of(write_network(tmp_path), sizes=["64x48"], repeats=2))
    assert record.method.untrained
    assert record.method.weights_sha256 is None
    assert (record.height_px, record.width_px, record.repeats) == (48, 64, 2)
    assert record.parameters == 331 == record.method.parameters
    assert record.macs == 64 * 48 * 9 * (6 * 4 + 4 * 3), "two convolutions of 3x3: 6 to 4 channels, 4 to 3"
    assert record.macs_left_out == ("add", "relu")
    assert record.macs_missing is None
    assert record.remarks[-1] == "only 2 times"
    assert CostRecord.model_validate_json(record.model_dump_json(by_alias=True)) == record


def test_padding_to_the_size_rule_counts(tmp_path):
    """62 x 46 px are padded to 64 x 48 before the network sees them."""
    job = job_of(write_network(tmp_path), sizes=["62x46"])
    assert measure(job).macs == 64 * 48 * 9 * (6 * 4 + 4 * 3)


def test_tiles_count_with_their_overlap(tmp_path):
    folder, tiles = write_network(tmp_path), Inference(tiles=Tiling(64, 16))
    whole, tiled = (measure(job_of(folder, sizes=["128x64"], inference=way)) for way in (None, tiles))
    assert (whole.inference, tiled.inference) == ("whole", "tiles of 64 px, overlap 16 px")
    assert tiled.macs == 3 * whole.macs // 2, "three tiles of 64 px cover 128 px with an overlap of 16"
    held = measure(job_of(folder, sizes=["64x48"], inference=tiles))
    assert held.inference == "whole", "one tile holds all of it"


def test_parts_larger_than_the_picture_of_the_first_call(tmp_path):
    """The very first call is of 128 px: windows and tiles that are larger must bear it."""
    folder = write_network(tmp_path)
    for way in (Inference(windows_px=160), Inference(tiles=Tiling(160, 16))):
        record = measure(job_of(folder, sizes=["200x200"], inference=way))
        assert record.macs == 4 * 160 * 160 * 9 * (6 * 4 + 4 * 3), "two by two parts"


def test_a_network_that_is_held_twice_is_counted_once(tmp_path):
    folder = write_network(tmp_path)
    code = (folder / "__init__.py").read_text()
    (folder / "__init__.py").write_text(
        f"{code}    toy = Toy(network, record)\n".replace("    return Toy(network, record)\n", "")
    )
    with (folder / "__init__.py").open("a") as file:
        file.write("    toy.head = network.last\n    return toy\n")
    assert measure(job_of(folder)).parameters == 331


def test_the_ensemble_costs_four_times(tmp_path):
    folder = write_network(tmp_path)
    plain, fourfold = (measure(job_of(folder, ensemble=way)) for way in ("none", "x4"))
    assert fourfold.macs == 4 * plain.macs
    assert fourfold.parameters == plain.parameters


def test_a_method_without_a_network_has_no_multiply_adds(tmp_path):
    record = measure(job_of(write_method(tmp_path, "still", "return left", kind="training-free")))
    assert (record.parameters, record.macs, record.macs_left_out) == (0, None, ())
    assert record.macs_missing == "no network: training-free"
    assert not record.method.untrained


def test_a_checkpoint_of_ours_says_whose_blur_map_is_inside(tmp_path):
    from ldpbench.networks.build import build_network
    from ldpbench.networks.checkpoint_record import read_record
    from ldpbench.networks.cost import parameters

    folder = write_tiny_checkpoint(tmp_path / "final")
    record = measure(job_of(folder, sizes=["64x64"]))
    assert record.blur_map == "disparity"
    assert record.parameters == parameters(build_network(read_record(folder).network))
    assert record.method.weights_sha256 == read_record(folder).weights.sha256
    assert not record.method.untrained
    assert any(name.startswith("everything outside torch") for name in record.macs_left_out)


def test_a_method_that_wants_a_blur_map_is_given_one(tmp_path):
    folder = write_method(tmp_path, "mapped", "return left + 0 * blur_map", inputs=["left", "blur_map"])
    assert measure(job_of(folder)).blur_map is None


COMPILES_PER_SHAPE = """
import time
seen = self.__dict__.setdefault("seen", {})
count = seen[left.shape] = seen.get(left.shape, 0) + 1
time.sleep(0.2 if count <= 4 else 0.002)
return left
"""


def test_what_a_method_prepares_for_a_new_shape_is_no_part_of_its_time(tmp_path):
    """Four slow calls at every size it has not seen: three are the warm-up anyway, the fourth is noticed."""
    record = measure(job_of(write_method(tmp_path, "slow-start", COMPILES_PER_SHAPE), sizes=["160x160"], repeats=5))
    assert max(record.seconds) < 0.1
    assert record.warmups == 4
    assert record.repeats == 5


JIT_IN_EVERY_CALL = "import numba\nnumba.njit(lambda x: x + 1)(left.shape[-1])\nreturn left"


def test_a_method_that_compiles_in_every_call_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(steady, "MOST_WARMUPS", 6)
    with pytest.raises(MethodError, match="do not become steady.*numba still compiled"):
        measure(job_of(write_method(tmp_path, "restless", JIT_IN_EVERY_CALL), sizes=["32x32"]))


def test_memory_of_a_fresh_process_is_that_of_the_call(tmp_path, capfd):
    """96 MiB in one block, whatever this process has done before; what the method prints goes to stderr."""
    folder = write_method(
        tmp_path, "greedy", "print('hello')\nblock = torch.ones(96 << 18)\nreturn left + 0 * block[0]"
    )
    told = []
    record = measure_apart(job_of(folder, repeats=2, threads=1), lambda *said: told.append(said))
    assert record.memory_kind == "resident-increase"
    assert 95 << 20 <= record.peak_memory_bytes <= 104 << 20
    assert record.hardware == hardware_here("cpu", 1)
    steps = [done for done, _ in told]
    assert sorted(set(steps)) == [1, 2, 3, 4, 5]
    assert steps == sorted(steps), "a busy machine may need more warm-up, which repeats a step"
    captured = capfd.readouterr()
    assert "hello" in captured.err
    assert captured.out == ""


def test_a_process_that_dies_is_told_and_leaves_our_surroundings_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    with pytest.raises(MethodError, match="ended by signal 9") as caught:
        measure_apart(job_of(write_method(tmp_path, "dying", "os.kill(os.getpid(), 9)")), ignore)
    assert "memory" in caught.value.hint
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NUMBA_NUM_THREADS" not in os.environ


def test_a_file_is_kept_and_not_measured_again(tmp_path, home):
    plan = plan_of(write_network(tmp_path), sizes=["32x32", "48x32"])
    first = measure_all(plan, home, measure=measure)
    assert [outcome.status for outcome in first] == ["measured", "measured"]
    assert sorted(home.costs.iterdir()) == sorted(outcome.file for outcome in first)
    again = measure_all(plan, home, measure=refuse)
    assert [(outcome.status, outcome.record) for outcome in again] == [
        ("there already", outcome.record) for outcome in first
    ]
    forced = measure_all(plan, home, force=True, measure=measure)
    assert [outcome.status for outcome in forced] == ["measured", "measured"]
    assert len(list(home.costs.iterdir())) == 2


def refuse(job, tell):
    raise AssertionError("measured before")


def test_a_changed_method_is_measured_anew(tmp_path, home):
    folder = write_method(tmp_path, "changing", "return left")
    measure_all(plan_of(folder), home, measure=measure)
    (folder / "more.py").write_text("# a change\n")
    assert [outcome.status for outcome in measure_all(plan_of(folder), home, measure=measure)] == ["measured"]
    assert len(list(home.costs.iterdir())) == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MethodError("broken"), "failed"),
        (MissingPrerequisiteError("broken"), "skipped"),
        (IntegrityError("broken"), "failed"),
        (LdpbenchError("broken"), "failed"),
    ],
)
def test_a_failure_stops_no_other_and_leaves_no_file(tmp_path, home, error, status):
    def failing(job, tell):
        if job.cell.method.id == "bad":
            raise error
        return measure(job, tell)

    plan = plan_of(write_method(tmp_path, "bad", "return left"), write_method(tmp_path, "good", "return left"))
    bad, good = measure_all(plan, home, measure=failing)
    assert (bad.status, bad.reason, bad.file, good.status) == (status, "broken", None, "measured")
    assert list(home.costs.iterdir()) == [good.file]


def test_a_spoilt_file_is_told_and_force_replaces_it(tmp_path, home):
    plan = plan_of(write_method(tmp_path, "still", "return left"))
    (kept,) = measure_all(plan, home, measure=measure)
    kept.file.write_text("{")
    (spoilt,) = measure_all(plan, home, measure=refuse)
    assert spoilt.status == "failed"
    assert "is not the record of a cost" in spoilt.reason
    (forced,) = measure_all(plan, home, force=True, measure=measure)
    assert forced.status == "measured"


def test_a_full_disk_ends_it(tmp_path, home):
    home.root.mkdir()
    home.costs.write_text("not a folder")
    with pytest.raises(StorageError):
        measure_all(plan_of(write_method(tmp_path, "still", "return left")), home, measure=measure)


def test_two_measurements_never_run_at_once(tmp_path, home):
    plan = plan_of(write_method(tmp_path, "still", "return left"))
    inside, most, gate = [], [], threading.Lock()

    def watched(job, tell):
        inside.append(1)
        most.append(len(inside))
        with gate:
            record = measure(job, tell)
        inside.pop()
        return record

    threads = [
        threading.Thread(target=measure_all, args=(plan, home), kwargs={"force": True, "measure": watched})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1]


def test_progress_never_goes_back_and_ends_at_its_total(tmp_path, home):
    class Bar(Silent):
        @contextmanager
        def live(self, *, label, total, done=0):
            self.total, self.steps = total, []
            yield lambda now, figures: self.steps.append(now)

    bar = Bar()
    measure_all(plan_of(write_network(tmp_path), sizes=["32x32", "48x32"]), home, progress=bar, measure=measure)
    assert bar.steps == sorted(bar.steps)
    assert bar.steps[-1] == bar.total == 8


@pytest.mark.parametrize(
    ("text", "size"),
    [("256", (256, 256)), ("pixeldp", (1008, 1344)), ("dpd-blur", (1120, 1680)), ("320x200", (200, 320))],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "257", "0x64", "64", "64x", "64x8", "-64x64", "64X64", "1e3x64", "999999x64", "dpd"]
)
def test_sizes_that_there_are_not(text):
    with pytest.raises(UsageError):
        parse_size(text)


def test_what_cannot_be_run_that_way_is_skipped_with_the_reason(tmp_path):
    folder = write_method(tmp_path, "still", "return left")
    plan = plan_of(folder, inference=Inference(tiles=Tiling(64, 16)), sizes=["32x32", "128x128"])
    assert [job.cell.size for job in plan.jobs] == ["32x32"], "one tile holds all of it"
    assert [(skip.size, skip.reason) for skip in plan.skips] == [("128x128", "it works on whole pictures only")]
    short = plan_of(folder, dtype="bfloat16")
    assert "no network" in short.skips[0].reason


def test_weights_are_for_a_method_that_is_measured(tmp_path):
    folder = write_network(tmp_path)
    with pytest.raises(UsageError, match="no method of this measurement is called 'nobody'"):
        plan_of(folder, weights={"nobody": "x.pth"})
    with pytest.raises(MissingPrerequisiteError, match=r"there is no file .*x\.pth"):
        plan_of(folder, weights={"toy-net": str(tmp_path / "x.pth")})


@pytest.mark.parametrize(
    ("load", "cores", "busy"), [(None, 4, False), (0.5, 2, False), (1.0, 2, True), (3.0, 16, False)]
)
def test_a_busy_machine_is_remarked(load, cores, busy):
    assert (busy_remark(load, cores) is not None) is busy
