"""Checks that need no method to run: its record, and what its code imports."""

import ast
from pathlib import Path

from ldpbench.methods.contract.finding import BrokenContractError
from ldpbench.methods.find import FoundMethod, find_methods
from ldpbench.records.baseline import RECORD_FILE

PUBLIC_DOOR = "ldpbench.api"


def check_record(method: FoundMethod) -> str:
    """The record names everything that users and the leaderboard need."""
    record = method.record
    empty = [name for name in ("version", "title", "summary", "licence_code") if not str(getattr(record, name)).strip()]
    if record.paper is None and (record.weights or record.reported or record.code):
        empty.append("paper")
    if empty:
        raise BrokenContractError(
            f"{RECORD_FILE}: expected {', '.join(empty)}, found nothing there",
            "fill them in: `none stated` where there is no licence, a venue `unpublished` where there is no paper yet",
        )
    installed = find_methods().get(record.id)
    if installed is not None and installed.folder.resolve() != method.folder.resolve():
        raise BrokenContractError(
            f"the id {record.id!r} is that of another method, in {installed.folder}",
            f"rename the folder and the id in {RECORD_FILE}: results are kept by id",
        )
    return f"{record.kind}, wants {', '.join(record.inputs)}; licence of the code: {record.licence_code}"


def check_imports(method: FoundMethod) -> str:
    """The code uses nothing of ours but the public door, which stays as it is."""
    files = sorted(path for path in method.folder.rglob("*.py") if "__pycache__" not in path.parts)
    for path in files:
        for line, name in _imported(path, method.folder):
            if name.partition(".")[0] == "ldpbench" and name != PUBLIC_DOOR and not name.startswith(f"{PUBLIC_DOOR}."):
                raise BrokenContractError(
                    f"{path.relative_to(method.folder)}:{line} imports {name}, expected nothing of ldpbench but "
                    f"{PUBLIC_DOOR}",
                    f"take it from {PUBLIC_DOOR}, or write it yourself: everything else may change any day",
                )
    return f"{len(files)} files, nothing of ldpbench but {PUBLIC_DOOR}"


def _imported(path: Path, folder: Path) -> list[tuple[int, str]]:
    """Line and full name of everything that a file imports."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise BrokenContractError(f"{path.relative_to(folder)} is no Python: {error}", "correct the file") from error
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""] if node.module != "ldpbench" else [f"ldpbench.{a.name}" for a in node.names]
            found += [(node.lineno, name) for name in names]
    return found
