"""Command lines as real processes that can be killed, without paying for the imports every time.

One process imports everything once and then forks: each child runs the program's own entry point on its own arguments,
writes to a file of its own, and dies of SIGKILL as any process does.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NURSERY = """
import json, os, sys
import cv2, datasets, numba, torch, yaml
import ldpbench.cli.evaluating, ldpbench.data.prepared, ldpbench.evaluation.plan, ldpbench.evaluation.evaluate
import ldpbench.metrics.catalogue, ldpbench.methods.inference, ldpbench.results.board, ldpbench.results.ingest
from ldpbench.cli.main import main

def child(order):
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(order["environment"])
    sys.argv = ["ldpbench", *order["arguments"]]
    code = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if "arguments" in order:
        pid = os.fork()
        if pid == 0:
            child(order)
        answer = pid
    else:
        pid, status = os.waitpid(order["pid"], 0 if order["wait"] else os.WNOHANG)
        answer = os.waitstatus_to_exitcode(status) if pid else None
    print(json.dumps(answer), flush=True)
"""


@dataclass
class Child:
    """One running command line."""

    nursery: "Nursery"
    pid: int
    log: Path
    returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, minus the signal that killed it; None while it runs."""
        if self.returncode is None:
            self.returncode = self.nursery.ask(pid=self.pid, wait=False)
        return self.returncode

    def wait(self) -> int:
        """Its exit status, once it has one."""
        if self.returncode is None:
            self.returncode = self.nursery.ask(pid=self.pid, wait=True)
        return self.returncode

    def kill(self) -> None:
        """SIGKILL, unless it is over."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    @property
    def said(self) -> str:
        """Everything it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class Nursery:
    """Starts command lines.

    Args:
        logs: Where their output goes, one file each.
    """

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the imports failed"

    def ask(self, **order: Any) -> Any:
        """One order, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, *arguments: str, home: Path, **environment: str) -> Child:
        """Start ``ldpbench`` with these arguments, a home, and more of the environment."""
        self._count += 1
        log = self._logs / f"{self._count:04d}.log"
        log.touch()
        environment = {"LDPBENCH_HOME": str(home), **environment}
        pid = self.ask(arguments=[*arguments], environment=environment, log=str(log))
        return Child(self, pid, log)

    def run(self, *arguments: str, home: Path) -> Child:
        """Start it and wait for its end."""
        child = self.start(*arguments, home=home)
        child.wait()
        return child

    def close(self) -> None:
        """End the process that forks."""
        self._process.communicate()
