"""The table of docs/parity.md, measured: ``python -m tests.parity.table`` writes it anew."""

import importlib
from pathlib import Path

import torch

from tests.parity.base import Parity

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in ("base", "table"))
GOLDENS = [golden for name in MODULES for golden in importlib.import_module(f"tests.parity.{name}").GOLDEN]
PAGE = Path(__file__).parents[2] / "docs" / "parity.md"
INTRODUCTION = """\
# Parity with the published networks

Every network here was written anew from a description of the published one. Both are given the same weights, made from
nothing but the names and shapes of their entries, and the same pictures; then every stored output and every stored
intermediate result is compared. A file of published weights therefore fits without a change of names, and gives what
the published code gives. What this does not prove: the published files themselves were not at hand.

`error` is the largest absolute difference over all stored arrays, outputs and what lies between; `relative` is the
largest one over the largest value of its array. `-`: no arrays are stored, and names, shapes, parameters and, in the
methods' own tests, mean, spread and extremes of the outputs are compared. The multiply-adds are of one 256x256 picture:
convolutions and matrix products. IFAN's are fewer than published because filters that are never read are not made,
RDPD's because a first frame has nothing before it to convolve; DeepRFT's include the product of its factors.

The table is measured by a command, and a test fails if a network is missing from it:

```sh
python -m tests.parity.table
```

"""


def _figure(value: int | None, unit: float, digits: int) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"


def row(found: Parity, published: str) -> str:
    """One line of the table."""
    error, relative = ("-" if value is None else f"{value:.1e}" for value in (found.error, found.relative_error))
    equal = f"{found.entries} of {found.entries}" if found.keys_equal else "**no**"
    cells = (
        found.golden,
        f"`{found.network}`",
        equal,
        error,
        relative,
        f"{found.parameters:,}",
        f"{found.expected_parameters:,}",
        _figure(found.macs_256, 1e9, 2),
        published,
    )
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """The whole page."""
    heads = ("compared with", "network", "entries equal", "error", "relative", "parameters", "published")
    heads = (*heads, "GMAC at 256", "published")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in MODULES:
        module = importlib.import_module(f"tests.parity.{name}")
        for golden in module.GOLDEN:
            published = getattr(module, "PUBLISHED_GMACS", {}).get(golden)
            lines.append(row(module.check(golden), "-" if published is None else f"{published:g}"))
    return INTRODUCTION + "\n".join(lines) + "\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    PAGE.write_text(table(), encoding="utf-8")
