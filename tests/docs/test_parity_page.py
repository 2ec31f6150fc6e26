"""The page of docs/parity.md: every comparison is on it, with what does not depend on the machine."""

import re

from tests.parity.base import load_golden
from tests.parity.table import GOLDENS, INTRODUCTION, PAGE


def test_the_page_has_a_line_for_every_comparison():
    text = PAGE.read_text(encoding="utf-8")
    again = "run `python -m tests.parity.table`"
    assert text.startswith(INTRODUCTION), f"docs/parity.md is stale: {again}"
    lines = {found[1]: line for line in text.splitlines() if (found := re.match(r"\| (\w+) \| `", line))}
    assert list(lines) == GOLDENS, f"docs/parity.md is stale: {again}"
    for golden, line in lines.items():
        facts, arrays = load_golden(golden)
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        entries = len(facts.get("state_dict") or facts["weights"])
        assert cells[1:3] == [f"`{facts['network']}`", f"{entries} of {entries}"]
        assert cells[5] == cells[6] == f"{facts['parameters']:,}"
        assert (cells[3] == "-") == (not arrays)
        if arrays:
            assert float(cells[4]) < 1e-4, "every network is within a ten-thousandth of its largest value"
