"""Every command line that the documents show is run here, document by document, from top to bottom."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAKE_TARGETS = {"demo", "test"}


def blocks(document: Path, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(document.read_text()) if found == language]


def shell_lines(document: Path) -> list[str]:
    lines = [line.partition("  #")[0].strip() for body in blocks(document, "sh") for line in body.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_the_documents_show_commands():
    assert sum(len(shell_lines(document)) for document in DOCUMENTS) > 10


def test_the_readme_opens_with_the_two_commands():
    first = shell_lines(ROOT / "README.md")[:2]
    assert [line.split()[:2] for line in first] == [["make", "demo"], ["make", "test"]]


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCUMENTS:
        for line in shell_lines(document):
            if line.startswith("make "):
                assert f"\n{line.split()[1]}:" in makefile


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_shown_commands_run(document, home_with_sample, ldpbench, tmp_path, monkeypatch):
    lines = [line for line in shell_lines(document) if line.startswith("ldpbench ")]
    if not lines:
        assert "ldpbench " not in "".join(blocks(document, "sh")).replace("pip install", "")
        return
    real_scenes = os.environ.get("LDPBENCH_TEST_PIXELDP")
    write_pair(tmp_path)
    monkeypatch.chdir(tmp_path)
    skipped = []
    for line in lines if document.name != "add-a-method.md" else shell_lines(document):
        if not line.startswith("ldpbench "):
            run_the_shown_script(document, line, monkeypatch)
            continue
        if "pixeldp" in line and not real_scenes:
            skipped.append(line)
            continue
        words = shlex.split(line.replace("PIXELDP_FOLDER", real_scenes or ""))[1:]
        done = ldpbench(*words)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    if skipped and len(skipped) == len(lines):
        pytest.skip("LDPBENCH_TEST_PIXELDP is not set, and every command here needs real scenes")


def run_the_shown_script(document: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``export`` lines, and the script that docs/add-a-method.md spells out, exactly as it is printed there."""
    if line.startswith("export "):
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, value.replace("$PWD", str(Path.cwd())))
        return
    assert line == "python train.py"
    Path("train.py").write_text(blocks(document, "python")[0])
    subprocess.run([sys.executable, "train.py"], check=True)


def write_pair(folder: Path) -> None:
    import numpy as np

    from ldpbench.data import png16

    picture = np.random.default_rng(0).integers(0, 65535, (64, 64, 3)).astype(np.uint16)
    (folder / "photos").mkdir()
    png16.write(folder / "photos" / "one.png", (picture >> 8).astype(np.uint8))
    for name in ("left.png", "right.png", "output.png", "target.png"):
        png16.write(folder / name, picture)
