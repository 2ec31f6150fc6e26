import gc
import sys
from pathlib import Path

# tests/factories.py is shared by several test folders.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def pytest_unconfigure():
    """Hypothesis leaves a callback with the garbage collector that outlives DuckDB, which then reports leaks."""
    gc.callbacks[:] = [callback for callback in gc.callbacks if not callback.__module__.startswith("hypothesis")]
