"""The command line as its users meet it: one JSON document, one-line errors, exit codes, a fast start."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from ldpbench.cli.main import app
from ldpbench.core.errors import UsageError
from ldpbench.data import png16


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def commands() -> list[tuple[str, ...]]:
    """Every command and group, as typed."""
    found: list[tuple[str, ...]] = [()]

    def walk(group: typer.Typer, prefix: tuple[str, ...]) -> None:
        found.extend((*prefix, str(command.name)) for command in group.registered_commands)
        for inner in group.registered_groups:
            assert inner.typer_instance is not None
            found.append((*prefix, str(inner.name)))
            walk(inner.typer_instance, (*prefix, str(inner.name)))

    walk(app, ())
    return found


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command) or "root")
def test_every_help_shows_an_example(command):
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Example: ldpbench " in result.stdout or "Start with: ldpbench " in result.stdout
    leaf = command and not any(other[: len(command)] == command and other != command for other in commands())
    if leaf:
        assert "--json" in result.stdout


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['ldpbench', '--help']\nfrom ldpbench.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'datasets', 'duckdb', 'cv2', 'numba', 'scipy', 'numpy', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["prepare", "smaple"], 2, "error: no dataset is called 'smaple' (did you mean 'sample'? Known: "),
        (["prepare"], 2, "error: "),
        (["nonsense"], 2, "error: No such command 'nonsense'"),
        (["evaluate"], 2, "error: nothing was chosen to evaluate"),
        (["evaluate", "--all"], 3, "error: no dataset is prepared"),
        (["datasets", "verify", "sample"], 3, "error: dataset sample is not prepared"),
        (["results", "show"], 3, "error: "),
        (["leaderboard", "build"], 3, "error: "),
        (["methods", "info", "dp-winer"], 2, "error: no method is called 'dp-winer' (did you mean 'dp-wiener'"),
        (["metrics", "explain", "a.png", "b.png"], 3, "error: cannot read a.png: No such file or directory"),
        (["prepare", "pixeldp", "--source", "/nowhere"], 3, "error: --source /nowhere does not exist"),
    ],
)
def test_errors_are_one_line_and_say_what_to_do(arguments, code, sentence, ldpbench):
    done = ldpbench(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith(sentence), done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert "(" in done.stderr, "the remedy"


@pytest.mark.parametrize("arguments", [["prepare", "smaple"], ["nonsense"], ["evaluate", "--all"]])
def test_errors_are_documents_too(arguments, ldpbench):
    done = ldpbench(*arguments, "--json")
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert document["error"]["message"]
    assert document["error"]["hint"]
    assert done.stderr == ""


def test_tracebacks_only_when_asked_for(ldpbench):
    with pytest.raises(UsageError):
        ldpbench("prepare", "smaple", "-vv")


def test_an_interrupt_ends_with_130(home_with_sample, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ldpbench.evaluation.plan.make_plan", interrupt)
    assert invoke("evaluate", "--all").exit_code == 130


def test_a_bug_is_a_sentence_with_a_way_out(monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("division by\nzero")

    monkeypatch.setattr("ldpbench.data.cards.all_cards", fail)
    result = invoke("datasets", "list")
    assert result.exit_code == 1
    assert (
        result.stderr
        == "error: a bug in ldpbench: ZeroDivisionError: division by zero (report it with the output of -vv)\n"
    )


def test_json_is_one_document(home_with_sample):
    for arguments in (["datasets", "list"], ["datasets", "info", "sample"], ["methods", "list"], ["metrics", "list"]):
        document = json.loads(invoke(*arguments, "--json").stdout)
        assert document["ok"] is True
        assert document["schema"] == f"ldpbench.{arguments[0]}.{arguments[1]}/1"
        assert document["data"]


def test_a_damaged_dataset_is_listed_as_one_and_can_be_removed(home, sample_home):
    folder = home.datasets / "sample"
    shutil.copytree(sample_home.datasets / "sample", folder)
    (folder / "prepared.json").write_text("{}")
    listed = invoke("datasets", "list", "--json")
    state = {row["id"]: row["state"] for row in json.loads(listed.stdout)["data"]}
    assert state.pop("sample") == "damaged"
    assert set(state.values()) == {"not prepared"}
    assert invoke("datasets", "remove", "sample", "--yes").exit_code == 0
    assert not folder.exists()
    assert invoke("datasets", "remove", "sample", "--yes").exit_code == 3


def test_doctor_reports_and_never_fails_on_an_empty_home():
    result = invoke("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["data"]["checks"]}
    assert {"python", "gpu", "disk", "database", "home"} <= set(checks)


def test_a_read_only_home_is_a_sentence(home, ldpbench):
    home.root.mkdir(parents=True)
    home.root.chmod(0o500)
    try:
        (home.root / "probe").mkdir()
    except OSError:
        done = ldpbench("prepare", "sample")
        assert done.returncode == 3
        assert "Permission denied" in done.stderr
        assert done.stderr.count("\n") <= 2
        return
    finally:
        home.root.chmod(0o700)
    # The superuser may write anywhere; a home below a file cannot be made by anybody.
    blocked = home.root / "file"
    blocked.write_text("x")
    done = ldpbench("prepare", "sample", "--home", str(blocked / "home"))
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("error: cannot write ")


def test_deblur_keeps_the_bit_depth(tmp_path):
    rng = np.random.default_rng(0)
    for dtype, shape in ((np.uint8, (40, 52, 3)), (np.uint16, (40, 52))):
        left = rng.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
        png16.write(tmp_path / "l.png", left)
        png16.write(tmp_path / "r.png", left)
        result = invoke(
            "deblur",
            str(tmp_path / "l.png"),
            str(tmp_path / "r.png"),
            "-o",
            str(tmp_path / "out.png"),
            "-m",
            "blurry-input",
        )
        assert result.exit_code == 0, result.stderr
        out = png16.read(tmp_path / "out.png")
        assert out.dtype == dtype
        np.testing.assert_array_equal(out, left)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>no</html>", "web page"),
        (b"", "is empty"),
        (png16.encode(np.ones((30, 30), np.uint8))[:60], "truncated"),
    ],
)
def test_deblur_names_a_bad_view_and_writes_nothing(tmp_path, content, sentence, ldpbench):
    good, bad, out = tmp_path / "l.png", tmp_path / "r.png", tmp_path / "out.png"
    png16.write(good, np.ones((30, 30), np.uint8))
    bad.write_bytes(content)
    done = ldpbench("deblur", str(good), str(bad), "-o", str(out))
    assert done.returncode == 4
    assert done.stderr.startswith(f"error: {bad}: ")
    assert sentence in done.stderr
    assert not out.exists()


def test_views_of_two_sizes_or_depths_are_refused(tmp_path):
    left, right = tmp_path / "l.png", tmp_path / "r.png"
    png16.write(left, np.ones((30, 30), np.uint8))
    for other in (np.ones((30, 31), np.uint8), np.ones((30, 30), np.uint16)):
        png16.write(right, other)
        result = invoke("deblur", str(left), str(right), "-o", str(tmp_path / "out.png"))
        assert result.exit_code == 2
        assert "the views differ" in result.stderr


def test_the_whole_path(home_with_sample):
    """Evaluate, ingest, show, export and build, as a user would; the second evaluate has nothing to do."""
    evaluated = json.loads(invoke("evaluate", "--dataset", "sample", "--method", "blurry-input", "--json").stdout)[
        "data"
    ]
    assert [cell["status"] for cell in evaluated["cells"]] == ["complete"]
    again = json.loads(invoke("evaluate", "--all", "--json").stdout)["data"]
    status = {cell["method"]: cell["status"] for cell in again["cells"]}
    assert status["blurry-input"] == "done-before"
    assert status["dp-wiener"] == "complete"
    board = again["boards"][0]
    ranked = {row["method"]: row for row in board["rows"]}
    assert ranked["dp-wiener"]["rank"] == 1
    gain = ranked["dp-wiener"]["values"]["psnr"] - ranked["blurry-input"]["values"]["psnr"]
    assert gain > 0.5
    shown = invoke("results", "show", "--dataset", "sample", "--regions")
    assert "in-focus only" in shown.stdout
    assert invoke("results", "export", "--exact").stdout.count("dp-wiener") >= 4  # in every region
    table = invoke("results", "export", "--format", "latex", "--protocol", "srgb", "--columns", "psnr").stdout
    assert r"Method & PSNR (dB) $\uparrow$ \\" in table
    assert r"\textbf{23.94}" in table
    built = json.loads(invoke("leaderboard", "build", "--json").stdout)["data"]
    assert Path(built["index"]).is_file()
    assert json.loads(invoke("ingest", "--json").stdout)["data"]["new"] == []
