"""A measurement in a process of its own: nothing that was done before hides in its memory or its times."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from ldpbench.core.errors import EXIT_INTERRUPTED, LdpbenchError, MethodError
from ldpbench.evaluation.cost.measure import Job, measure
from ldpbench.evaluation.cost.steady import Tell
from ldpbench.records.cost import CostRecord

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_PATIENCE_S = 5.0


def measure_apart(job: Job, tell: Tell) -> CostRecord:
    """As ``measure``, in a fresh process whose libraries take as many threads as the cell's hardware says.

    Args:
        job: What to measure.
        tell: Told how many calls are done and what they took.

    Raises:
        LdpbenchError: What ``measure`` raises there.
        MethodError: If the process dies, such as for want of memory.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_child, args=(job, theirs), name=f"cost of {job.cell.method.id}")
    with _threads(job.cell.hardware.torch_threads):
        process.start()
    theirs.close()
    try:
        while isinstance(told := ours.recv(), tuple):
            tell(*told)
    except EOFError:
        process.join()
        raise MethodError(
            f"its process ended by {_how(process.exitcode)} before it had a result",
            hint="it may have run out of memory: choose a smaller size, or --tile",
        ) from None
    finally:
        ours.close()
        process.join(_PATIENCE_S if sys.exc_info()[0] is None else 0)
        if process.is_alive():
            process.kill()
            process.join()
    if isinstance(told, LdpbenchError):
        raise told
    assert isinstance(told, CostRecord), "nothing else is sent"
    return told


def _child(job: Job, channel: Connection) -> None:
    """Measure, tell, and send the record or the error as the last thing."""
    os.dup2(2, 1)  # what a method prints is no part of our answer
    try:
        channel.send(measure(job, lambda done, figures: channel.send((done, figures))))
    except LdpbenchError as error:
        channel.send(error)
    except (KeyboardInterrupt, BrokenPipeError):  # nobody waits for the answer any more
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # told like every other error, for nobody reads a traceback of this process
        detail = " ".join(str(error).split())
        channel.send(LdpbenchError(f"a bug in ldpbench: {type(error).__name__}: {detail}", hint="report it"))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Libraries read how many threads to take when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {-exit_code}"
    return f"exit code {exit_code}"
