"""The parts of ``timing/1``, each against something that is known."""

import contextlib
import importlib
import time

import numpy as np
import pytest
import torch
from torch import nn

from ldpbench.core.errors import MethodError
from ldpbench.evaluation.cost import steady
from ldpbench.evaluation.cost.compiling import CompilerWatch
from ldpbench.evaluation.cost.count import OUTSIDE_TORCH, Count, counting
from ldpbench.evaluation.cost.memory import Peak, watching_memory
from ldpbench.evaluation.cost.meter import Call, metered_call
from ldpbench.evaluation.cost.scene import mirrored_scene
from ldpbench.evaluation.cost.steady import steady_times
from ldpbench.methods.protocol import Deblurrer

CPU = torch.device("cpu")


class Calls:
    """A made-up method: seconds of its calls, and in which of them a compiler works."""

    def __init__(self, seconds, compiling=()):
        self.seconds, self.compiling, self.made = seconds, set(compiling), 0

    def __call__(self):
        self.made += 1
        return self.seconds(self.made) if callable(self.seconds) else self.seconds

    def worked(self):
        return ("dynamo",) if self.made in self.compiling else ()


def times_of(calls, *, repeats=None, probed=1, told=None):
    return steady_times(
        calls, calls, probed, repeats, (lambda *said: told.append(said)) if told is not None else ignore
    )


def ignore(*_):
    pass


def test_a_fast_method_gets_twenty_times_after_three_calls():
    calls, told = Calls(0.01), []
    times = times_of(calls, told=told)
    assert (times.warmups, len(times.seconds), times.compiled_by) == (3, 20, ())
    assert calls.made == 22, "one of the three was made before"
    assert [done for done, _ in told] == list(range(2, 24))


def test_a_slow_method_gets_three_times():
    times = times_of(Calls(40.0))
    assert times.seconds == (40.0, 40.0, 40.0)


def test_the_budget_ends_the_times_in_between():
    assert len(times_of(Calls(7.0)).seconds) == 9, "the ninth call passes 60 s"


@pytest.mark.parametrize("repeats", [1, 2, 35])
def test_asked_for_repeats_are_taken_whatever_they_last(repeats):
    assert len(times_of(Calls(40.0), repeats=repeats).seconds) == repeats


@pytest.mark.parametrize("last", [1, 4, 9])
def test_calls_up_to_the_last_compilation_do_not_count(last):
    """Also where the compiler comes back in the middle, such as for a shape that it took for a constant."""
    calls = Calls(lambda made: 5.0 if made == last else 0.01, compiling=[last])
    times = times_of(calls)
    assert times.compiled_by == ("dynamo",)
    assert set(times.seconds) == {0.01}
    assert times.warmups == max(last + 1, 3)


def test_a_compiler_that_never_ends_is_refused():
    with pytest.raises(MethodError, match="do not become steady: after 31 calls of one size dynamo still compiled"):
        times_of(Calls(0.01, compiling=range(1000)))


@pytest.mark.parametrize("slow", [2, 3, 5, 8])
def test_slow_first_calls_of_an_unknown_compiler_do_not_count(slow):
    times = times_of(Calls(lambda made: 1.0 if made <= slow else 0.01))
    assert set(times.seconds) == {0.01}
    assert len(times.seconds) == 20
    assert times.warmups == slow + 1


def test_a_slow_call_in_the_middle_counts():
    times = times_of(Calls(lambda made: 1.0 if made == 9 else 0.01))
    assert sorted(times.seconds)[-2:] == [0.01, 1.0]


def test_a_method_that_gets_faster_for_ever_is_refused():
    with pytest.raises(MethodError, match="first was still slower"):
        times_of(Calls(lambda made: 1e12 * 0.5**made), repeats=3)


def test_differences_below_a_millisecond_are_no_sign():
    assert times_of(Calls(lambda made: 3e-4 if made == 3 else 1e-4)).warmups == 3


def test_a_call_too_short_for_the_clock_has_a_time():
    assert min(times_of(Calls(0.0), repeats=1).seconds) > 0


def test_planned_calls_are_those_that_are_made():
    for repeats in (None, 4):
        told = []
        times_of(Calls(0.01), repeats=repeats, told=told)
        assert told[-1][0] == steady.planned_calls(repeats)


def test_numba_is_noticed():
    import numba

    with contextlib.closing(CompilerWatch()) as watch:
        double = numba.njit(lambda x: x + x)
        assert watch.worked() == ()
        double(1)
        assert watch.worked() == ("numba",)
        double(2)
        assert watch.worked() == ()
        double(2.0)
        assert watch.worked() == ("numba",), "a new type is a new signature"


def test_numba_is_noticed_where_the_function_does_not_live_on():
    import numba

    with contextlib.closing(CompilerWatch()) as watch:
        for _ in range(2):
            numba.njit(lambda x: x + 1)(1)
            assert watch.worked() == ("numba",)


def test_numba_is_noticed_where_it_loads_from_disk(tmp_path, monkeypatch):
    """As a kernel of ours does in a new process: its second dispatcher finds what the first one has written."""
    (tmp_path / "kernel.py").write_text("import numba\n\n\n@numba.njit(cache=True)\ndef kernel(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import kernel

    with contextlib.closing(CompilerWatch()) as watch:
        kernel.kernel(1)
        assert watch.worked() == ("numba",)
        again = importlib.reload(kernel)
        again.kernel(1)
        assert list(again.kernel.stats.cache_hits.values()) == [1]
        assert watch.worked() == ("numba",)


def test_dynamo_is_noticed():
    with contextlib.closing(CompilerWatch()) as watch:
        compiled = torch.compile(lambda x: x.sin() + 1, backend="eager", dynamic=False)
        compiled(torch.ones(3))
        assert watch.worked() == ("dynamo",)
        compiled(torch.ones(3))
        assert watch.worked() == ()
        compiled(torch.ones(5))
        assert watch.worked() == ("dynamo",), "a new shape is compiled anew"


def test_multiply_adds_of_known_layers():
    """A convolution of k x k from a to b channels takes k*k*a*b per position, a product of matrices n*m*k."""
    convolution, linear = nn.Conv2d(3, 5, 3, padding=1), nn.Linear(7, 11)
    count = Count()
    with torch.inference_mode(), counting(count):
        convolution(torch.zeros(1, 3, 8, 10))
        linear(torch.zeros(2, 7))
    assert count.macs == 8 * 10 * 9 * 3 * 5 + 2 * 7 * 11
    assert count.left_out == ()


def test_what_is_left_out_is_named():
    count = Count()
    with torch.inference_mode(), counting(count):
        x = torch.ones(1, 4, 8, 8)
        y = nn.functional.pixel_shuffle(x.flip(-1).permute(0, 1, 3, 2).contiguous()[:, :, 1:].clone(), 2)
        nn.functional.pad(torch.cat([y, y], 1), (1, 1, 1, 1), mode="reflect").reshape(-1)
    assert count.left_out == (), "moving values is no arithmetic"
    with torch.inference_mode(), counting(count):
        torch.fft.rfft2(nn.functional.gelu(x)).abs().softmax(-1)
        nn.functional.max_pool2d(x, 2)
        torch.zeros(4).scatter_add(0, torch.tensor([1]), torch.ones(1))
    assert count.macs == 0
    assert {"abs", "fft_r2c", "gelu", "softmax", "scatter_add"} <= set(count.left_out)
    assert any(name.startswith("max_pool") for name in count.left_out)
    assert OUTSIDE_TORCH not in count.left_out


def test_work_outside_torch_is_named():
    count = Count()
    with torch.inference_mode(), counting(count):
        np.sin(torch.ones(3).numpy())
    assert count.left_out == (OUTSIDE_TORCH,)


def test_attention_is_counted():
    count, q = Count(), torch.zeros(1, 2, 16, 8)
    with torch.inference_mode(), counting(count):
        nn.functional.scaled_dot_product_attention(q, q, q)
    assert count.macs == 2 * 2 * 16 * 16 * 8


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "freed"])
def test_memory_is_the_most_that_was_held(keep):
    """64 MiB that are touched, then freed or kept, show either way."""
    peak, held = Peak(), []
    with watching_memory(CPU, peak):
        block = np.ones(64 << 17)
        if keep:
            held.append(block)
        del block
    assert peak.kind == "resident-increase"
    assert 63 << 20 <= peak.bytes <= 72 << 20


def test_memory_is_found_where_the_kernel_keeps_no_peak(monkeypatch):
    monkeypatch.setattr("ldpbench.evaluation.cost.memory._reset_kernel_peak", lambda: False)
    peak = Peak()
    with watching_memory(CPU, peak):
        block = np.ones(64 << 17)
        time.sleep(0.05)
        del block
    assert 63 << 20 <= peak.bytes <= 72 << 20


def test_memory_is_unknown_without_proc(monkeypatch, tmp_path):
    monkeypatch.setattr("ldpbench.evaluation.cost.memory._STATM", tmp_path / "none")
    peak = Peak()
    with watching_memory(CPU, peak):
        pass
    assert (peak.bytes, peak.kind) == (None, None)


class Fake(Deblurrer):
    def __init__(self, log=None, device="cpu"):
        self.log, self.device = log if log is not None else [], torch.device(device)

    def restore(self, *, left, right, center, blur_map):
        self.log.append("restore")
        time.sleep(0.02)
        return left


def test_on_a_gpu_the_clock_and_the_memory_wait_for_the_device(monkeypatch):
    log, peak = [], Peak()
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: log.append("wait"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: log.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 12345)
    inner = Fake(log, "cuda")
    call = Call(inner, watching_memory(inner.device, peak))
    call.restore(left=torch.zeros(1), right=None, center=None, blur_map=None)
    assert log == ["wait", "reset", "wait", "restore", "wait", "wait"]
    assert (peak.bytes, peak.kind) == (12345, "cuda-allocated")


def test_the_clock_runs_around_the_method_alone():
    assert 0.02 <= metered_call(Fake(), mirrored_scene(16, 16), contextlib.nullcontext()) < 0.2

    @contextlib.contextmanager
    def slow():
        time.sleep(0.3)
        yield

    assert metered_call(Fake(), mirrored_scene(16, 16), slow()) < 0.2


def test_the_scene_has_the_wanted_size_and_is_one_that_a_camera_could_see():
    scene = mirrored_scene(300, 600)
    assert scene.left.shape == (300, 600, 3)
    assert scene.blur_map.shape == (300, 600)
    np.testing.assert_array_equal(scene.left[:256, 256:512], scene.right[:256, 255::-1])
    np.testing.assert_array_equal(scene.right[:256, 256:512], scene.left[:256, 255::-1])
    np.testing.assert_array_equal(scene.left[256:300], scene.left[255:211:-1])
    assert np.array_equal(mirrored_scene(40, 50).left, scene.left[:40, :50])
