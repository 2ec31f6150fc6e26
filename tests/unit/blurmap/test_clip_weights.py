"""CLIP's weights: found, fetched, opened without running anything, and refused with the reason."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ldpbench.blurmap.catalogue import estimator
from ldpbench.blurmap.clip import weights
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.home import Home
from tests.fault_server import Fault, FaultServer
from tests.tiny_clip import tiny_clip

NAME = "clip-vit-b-32"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of a few thousand weights takes the place of the 600 MB one; everything else is real."""
    monkeypatch.delenv(weights.WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setattr(weights, "_empty", lambda _model: tiny_clip(seed=99))


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return {key: value.contiguous() for key, value in tiny_clip(seed=1).state_dict().items()}


def same(encoder: Any, state: dict[str, torch.Tensor]) -> bool:
    own = encoder.model.state_dict()
    return all(torch.equal(own[key], value) for key, value in state.items())


def test_missing_weights_name_the_three_ways(home: Home) -> None:
    with pytest.raises(MissingPrerequisiteError) as caught:
        estimator("clip-dense")
    assert caught.value.exit_code == 3
    for way in ("ldpbench weights get clip-vit-b-32", "--clip-weights", "LDPBENCH_CLIP_WEIGHTS"):
        assert way in caught.value.hint


@pytest.mark.parametrize("name", ["clip-dense", "clip-patch", "clip-patch-whole"])
def test_random_weights_must_be_asked_for_and_are_marked(name: str) -> None:
    made = estimator(name, clip_weights="random:7")
    assert made.weights_sha256 == "random-7"
    assert made.identity["weights"] == "random-7"
    with pytest.raises(UsageError, match="whole number"):
        estimator(name, clip_weights="random:x")


def test_the_seed_decides_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_empty", lambda _model: tiny_clip(seed=int(torch.initial_seed() % 1000)))
    one, again, other = (weights.load_encoder(NAME, mark) for mark in ("random", "random:0", "random:1"))
    assert same(one, again.model.state_dict())
    assert not same(one, other.model.state_dict())


@pytest.mark.parametrize("how", ["file", "folder", "variable", "home"])
def test_a_file_is_found_by_each_way(
    how: str, state: dict[str, torch.Tensor], home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.weights if how == "home" else tmp_path / "somewhere"
    folder.mkdir(parents=True)
    path = folder / f"{NAME}.safetensors"
    save_file(state, path)
    if how == "variable":
        monkeypatch.setenv(weights.WEIGHTS_VARIABLE, str(folder))
    given = {"file": str(path), "folder": str(folder)}.get(how)
    encoder = weights.load_encoder(NAME, given)
    assert same(encoder, state)
    assert encoder.weights_sha256 == sha256_file(path)


def test_a_plain_state_dict_is_read_also_in_half_precision(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save({key: value.half() for key, value in state.items()}, tmp_path / "clip.pt")
    encoder = weights.load_encoder(NAME, str(tmp_path / "clip.pt"))
    assert same(encoder, {key: value.half().float() for key, value in state.items()})
    assert next(encoder.parameters()).dtype == torch.float32


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match=r"expected ViT-B-32\.pt or clip-vit-b-32\.safetensors"):
        weights.load_encoder(NAME, str(tmp_path))


class Evil:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/ldpbench-was-here"),))


def scripted(path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def page(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><html>quota exceeded</html>")


def pickled(path: Path) -> None:
    torch.save({"x": Evil()}, path)


def truncated(path: Path) -> None:
    torch.save(tiny_clip().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.filterwarnings("ignore:`torch.jit:Warning")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (scripted, "is a program .* it is not run"),
        (page, "is a web page"),
        (pickled, "no state dict that may be read"),
        (truncated, "is damaged or no weights file"),
    ],
)
def test_what_may_not_be_opened_is_refused(make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    make(tmp_path / "clip.pt")
    with pytest.raises(IntegrityError, match=said) as caught:
        weights.load_encoder(NAME, str(tmp_path / "clip.pt"))
    assert caught.value.exit_code == 4
    assert not Path("/tmp/ldpbench-was-here").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([torch.zeros(2)], "found a list"),
        (torch.zeros(2), "found a Tensor"),
        ({"state_dict": {"a": torch.zeros(2)}, "epoch": 3}, r"found state_dict \(dict\), epoch \(int\)"),
        ({"a": 3}, r"found a \(int\)"),
    ],
)
def test_what_is_no_plain_state_dict_is_named(content: Any, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "clip.pt")
    with pytest.raises(IntegrityError, match=f"is no plain state dict: .*{said}"):
        weights.load_encoder(NAME, str(tmp_path / "clip.pt"))


def test_a_web_page_is_named_whatever_it_is_called(tmp_path: Path) -> None:
    page(tmp_path / "clip.safetensors")
    with pytest.raises(IntegrityError, match="is a web page"):
        weights.load_encoder(NAME, str(tmp_path / "clip.safetensors"))


def test_cut_safetensors_are_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "clip.safetensors"
    save_file(state, path)
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(IntegrityError, match="not a whole safetensors file"):
        weights.load_encoder(NAME, str(path))


def test_weights_of_another_network_list_what_does_not_fit(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    state.pop("logit_scale")
    state["extra"] = torch.zeros(1)
    state["text_projection"] = torch.zeros(2, 2)
    save_file(state, tmp_path / "clip.safetensors")
    with pytest.raises(IntegrityError, match="1 are missing and 1 have another shape; 1 are unexpected") as caught:
        weights.load_encoder(NAME, str(tmp_path / "clip.safetensors"))
    assert "logit_scale: missing" in caught.value.faults
    assert "extra: unexpected" in caught.value.faults
    assert "text_projection: expected (32, 16), found (2, 2)" in caught.value.faults


@pytest.mark.filterwarnings("ignore:`torch.jit:Warning")
def test_openais_own_program_is_opened_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Holder(torch.nn.Module):
        """As in OpenAI's files: the weights, and three numbers beside them."""

        def __init__(self) -> None:
            super().__init__()
            for key, value in tiny_clip(seed=3).state_dict().items():
                self.register_buffer(key.replace(".", "__"), value)

        def forward(self) -> int:
            return 0

    path = tmp_path / "ViT-B-32.pt"
    torch.jit.save(torch.jit.script(Holder()), str(path))
    known = replace(weights.MODELS[NAME], sha256=sha256_file(path))
    state = weights.read_state(path, known.sha256, known)
    assert torch.equal(state["text_projection"], tiny_clip(seed=3).state_dict()["text_projection"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FaultServer]]:
    """The publisher, on loopback, with 100 kB that pass for its file."""
    content = bytes(range(256)) * 400
    started: list[FaultServer] = []

    def start(*faults: Fault) -> FaultServer:
        running = FaultServer({"ViT-B-32.pt": content}, list(faults))
        running.__enter__()
        started.append(running)
        import hashlib

        digest = hashlib.sha256(content).hexdigest()
        model = replace(weights.MODELS[NAME], sha256=digest)
        monkeypatch.setattr(weights, "_PUBLISHER", running.url("").rstrip("/"))
        monkeypatch.setattr(weights.ClipModel, "remote", property(lambda own: _remote(own, running)))
        monkeypatch.setattr(weights, "MODELS", {NAME: model})
        return running

    def _remote(own: weights.ClipModel, running: FaultServer) -> Any:
        from ldpbench.records.dataset_source import RemoteFile

        return RemoteFile(
            name=own.file,
            uris=(running.url("ViT-B-32.pt"),),
            checksum=f"sha256:{own.sha256}",
            checksum_from="publisher",
        )

    yield start
    for running in started:
        running.__exit__(None, None, None)


def test_get_fetches_verifies_and_resumes(
    server: Callable[..., FaultServer], ldpbench: Callable[..., Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDPBENCH_FETCH_BACKOFF_S", "0.01")
    server(Fault("drop", at=0.5))
    ended = ldpbench("weights", "get", NAME)
    assert ended.returncode == 0, ended.stderr
    assert (home.weights / "ViT-B-32.pt").stat().st_size == 102400
    assert ldpbench("weights", "verify", NAME).stdout == f"ok  {NAME}\n"
    listed = json.loads(ldpbench("weights", "list", "--json").stdout)["data"]
    here = [(row["name"], row["path"]) for row in listed if row["path"]]
    assert here == [(NAME, str(home.weights / "ViT-B-32.pt"))]
    (home.weights / "ViT-B-32.pt").write_bytes(b"damaged")
    damaged = ldpbench("weights", "verify", NAME)
    assert damaged.returncode == 4
    assert "not what was published" in damaged.stderr


def test_verify_knows_the_safetensors_that_list_shows(
    ldpbench: Callable[..., Any], home: Home, state: dict[str, torch.Tensor]
) -> None:
    home.weights.mkdir(parents=True)
    path = home.weights / f"{NAME}.safetensors"
    save_file(state, path)
    told = ldpbench("weights", "verify", NAME)
    assert told.returncode == 0, told.stderr
    assert "no checksum is published" in told.stdout
    answer = json.loads(ldpbench("weights", "verify", NAME, "--json").stdout)["data"][NAME]
    assert answer == {"path": str(path), "sha256": sha256_file(path), "published": False}
    path.write_bytes(path.read_bytes()[:-64])
    assert ldpbench("weights", "verify", NAME).returncode == 4


def test_get_names_what_came_instead(
    server: Callable[..., FaultServer], ldpbench: Callable[..., Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDPBENCH_FETCH_BACKOFF_S", "0.01")
    monkeypatch.setenv("LDPBENCH_FETCH_ATTEMPTS", "2")
    server(*[Fault("page")] * 9)
    ended = ldpbench("weights", "get", NAME)
    assert ended.returncode in (3, 4)
    assert "Traceback" not in ended.stderr
    assert not (home.weights / "ViT-B-32.pt").exists()


def test_offline_and_unknown_names_are_one_line(ldpbench: Callable[..., Any]) -> None:
    offline = ldpbench("weights", "get", NAME, "--offline")
    assert offline.returncode == 3
    unknown = ldpbench("weights", "get", "clip-vit-b-33")
    assert unknown.returncode == 2
    assert "clip-vit-b-32" in unknown.stderr
    absent = ldpbench("weights", "verify", NAME)
    assert absent.returncode == 3
    for ended in (offline, unknown, absent):
        assert len(ended.stderr.strip().splitlines()) == 1


def test_without_weights_the_command_ends_with_3(ldpbench: Callable[..., Any], tmp_path: Path) -> None:
    import numpy as np

    from ldpbench.data import png16

    for name in ("l.png", "r.png"):
        png16.write(tmp_path / name, np.zeros((64, 64, 3), np.uint8))
    views = [str(tmp_path / "l.png"), str(tmp_path / "r.png"), "-o", str(tmp_path / "m.png")]
    ended = ldpbench("blurmap", *views, "--method", "clip-dense")
    assert ended.returncode == 3
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "weights get clip-vit-b-32" in ended.stderr
    assert not (tmp_path / "m.png").exists()
    made = ldpbench("blurmap", *views, "--method", "clip-dense:prompts=dp", "--clip-weights", "random")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "m.png").exists()


def test_doctor_says_what_is_there(ldpbench: Callable[..., Any], home: Home, state: dict[str, torch.Tensor]) -> None:
    assert "no weights here" in ldpbench("doctor").stdout
    home.weights.mkdir(parents=True)
    save_file(state, home.weights / f"{NAME}.safetensors")
    told = ldpbench("doctor")
    assert told.returncode == 3
    line = next(line for line in told.stdout.splitlines() if NAME in line)
    assert line.startswith("!! ")
    assert "image tokens is off by" in line


def test_the_hub_has_them_too(
    ldpbench: Callable[..., Any],
    home: Home,
    state: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_file(state, tmp_path / "hub.safetensors")
    path = "timm/vit_base_patch32_clip_224.openai/resolve/main/open_clip_model.safetensors"
    with FaultServer({path: (tmp_path / "hub.safetensors").read_bytes()}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url("").rstrip("/"))
        ended = ldpbench("weights", "get", NAME, "--from", "hub")
    assert ended.returncode == 0, ended.stderr
    assert "nobody published a checksum" in ended.stderr
    assert same(weights.load_encoder(NAME, None), state)


def test_the_home_of_a_command_is_where_weights_are_looked_for(
    ldpbench: Callable[..., Any], state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    import numpy as np

    from ldpbench.data import png16

    elsewhere = Home(tmp_path / "elsewhere")
    elsewhere.weights.mkdir(parents=True)
    save_file(state, elsewhere.weights / f"{NAME}.safetensors")
    for name in ("l.png", "r.png"):
        png16.write(tmp_path / name, np.zeros((64, 64, 3), np.uint8))
    views = [str(tmp_path / "l.png"), str(tmp_path / "r.png"), "-o", str(tmp_path / "m.png"), "-m", "clip-dense"]
    assert ldpbench("blurmap", *views).returncode == 3
    assert ldpbench("blurmap", *views, "--home", str(elsewhere.root)).returncode == 0
