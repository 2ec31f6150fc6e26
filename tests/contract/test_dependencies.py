"""What the package imports is what it declares: nothing arrives by luck through somebody else's dependencies."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
UNIMPORTED = {
    "pillow",  # asked for by datasets.Image at run time
    "plotly",  # only the file of JavaScript that lies in it is taken
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[<>=!~;\[ ]", requirement)[0]) for requirement in requirements}


def imported(folder: Path) -> set[str]:
    """Distributions that a folder's sources import, by name."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").partition(".")[0])
    owners = packages_distributions()
    third_party = found - set(sys.stdlib_module_names) - {"ldpbench"}
    return {normal(name) for module in third_party for name in owners.get(module, [module])}


def test_every_import_is_declared_and_every_declaration_is_used():
    base = declared(PROJECT["dependencies"])
    extra = {
        name for group, names in PROJECT["optional-dependencies"].items() if group != "dev" for name in declared(names)
    }
    used = imported(ROOT / "ldpbench") | imported(ROOT / "baselines")
    # Two distributions ship the module cv2; ours is the headless one.
    used.discard("opencv-python")
    assert used - extra <= base, "imported, not declared"
    assert base - used - UNIMPORTED - {"aiohttp"} == set(), "declared, not imported"


def test_every_bound_says_why():
    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("\n]")[0].splitlines()
    assert all("#" in line for line in lines if line.strip().startswith('"'))


def test_constraints_pin_everything_that_is_declared():
    pinned = declared((ROOT / "constraints.txt").read_text().splitlines()[1:])
    groups = PROJECT["optional-dependencies"].values()
    assert declared(PROJECT["dependencies"]) | {name for group in groups for name in declared(group)} <= pinned
