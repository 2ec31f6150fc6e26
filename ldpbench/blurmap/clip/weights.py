"""Where CLIP's weights come from, and loading them without running what came with them."""

import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ldpbench.blurmap.clip.encoder import ClipEncoder
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.home import default_home
from ldpbench.core.names import unknown_name
from ldpbench.core.seeding import derive_seed
from ldpbench.data.picture_files import looks_like_html
from ldpbench.records.dataset_source import RemoteFile

WEIGHTS_VARIABLE = "LDPBENCH_CLIP_WEIGHTS"
RANDOM = "random"
_PUBLISHER = "https://openaipublic.azureedge.net/clip/models"
_SNIFF_BYTES = 512
_HUB_FILE = "open_clip_model.safetensors"
_TORCHSCRIPT_EXTRAS = ("input_resolution", "context_length", "vocab_size")


@dataclass(frozen=True)
class ClipModel:
    """A CLIP that estimators use."""

    id: str
    architecture: str
    """In open_clip."""
    file: str
    """OpenAI's own."""
    sha256: str
    bytes: int | None
    hub: str
    """Where the same weights lie as safetensors."""
    licence: str = "MIT"

    @property
    def remote(self) -> RemoteFile:
        """OpenAI's file at its publisher; its checksum is part of the address."""
        return RemoteFile(
            name=self.file,
            uris=(f"{_PUBLISHER}/{self.sha256}/{self.file}",),
            bytes=self.bytes,
            checksum=f"sha256:{self.sha256}",
            checksum_from="publisher",
        )

    @property
    def on_hub(self) -> RemoteFile:
        """The same numbers as safetensors on the Hugging Face Hub, for which nobody published a checksum."""
        return RemoteFile(name=f"{self.id}.safetensors", uris=(f"hf://{self.hub}/{_HUB_FILE}",))


MODELS: Mapping[str, ClipModel] = {
    "clip-vit-b-32": ClipModel(
        "clip-vit-b-32",
        "ViT-B-32-quickgelu",
        "ViT-B-32.pt",
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        None,
        "timm/vit_base_patch32_clip_224.openai",
    ),
    "clip-vit-b-16": ClipModel(
        "clip-vit-b-16",
        "ViT-B-16-quickgelu",
        "ViT-B-16.pt",
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
        None,
        "timm/vit_base_patch16_clip_224.openai",
    ),
}


def clip_model(name: str) -> ClipModel:
    """A CLIP by name.

    Raises:
        UsageError: If there is none.
    """
    if name not in MODELS:
        raise unknown_name("CLIP model", name, MODELS)
    return MODELS[name]


def kept_file(model: ClipModel, folder: Path) -> Path | None:
    """The weights of a model in a folder: under OpenAI's name, or as safetensors under the model's id."""
    names = (model.file, f"{model.id}.safetensors")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def find_weights(model: ClipModel, given: str | None) -> Path:
    """The weights file to use: the one that was given, else that of the environment, else the one that was fetched.

    Args:
        model: Which CLIP.
        given: A file or a folder; None for nothing.

    Raises:
        MissingPrerequisiteError: If there is none; the three ways to get one are named.
    """
    named = given or os.environ.get(WEIGHTS_VARIABLE)
    if named:
        path = Path(named).expanduser()
        found = kept_file(model, path) if path.is_dir() else path
        if found is None or not found.is_file():
            raise MissingPrerequisiteError(
                f"{path} holds no weights of {model.id}: expected {model.file} or {model.id}.safetensors",
                hint=f"run `ldpbench weights get {model.id}`, or name the file itself",
            )
        return found
    fetched = kept_file(model, default_home().weights)
    if fetched is None:
        raise MissingPrerequisiteError(
            f"the weights of {model.id} are not in {default_home().weights}",
            hint=f"run `ldpbench weights get {model.id}`, or name a file: with --clip-weights FILE (an evaluation: "
            f"--weights NAME=FILE), or in {WEIGHTS_VARIABLE}",
        )
    return fetched


def load_encoder(name: str, weights: str | None, *, device: str = "cpu") -> ClipEncoder:
    """A frozen CLIP with its weights.

    Args:
        name: ``clip-vit-b-32`` or ``clip-vit-b-16``.
        weights: A file, a folder, ``random`` or ``random:SEED`` (made up, for tests), or None for where they are
            looked for.
        device: Where it runs.

    Raises:
        UsageError: If the name is unknown or the seed is none.
        MissingPrerequisiteError: If the weights are not there.
        IntegrityError: If the file is damaged, of another network, or one that may not be opened.
    """
    import open_clip

    model = clip_model(name)
    if weights is not None and weights.partition(":")[0] == RANDOM:
        seed = _seed(weights)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, RANDOM, name))
            network = _empty(model)
        mark = f"{RANDOM}-{seed}"
    else:
        path = find_weights(model, weights)
        network = _empty(model)
        mark = _load_into(network, path, model)
    tokenizer: Any = open_clip.get_tokenizer(model.architecture)
    return ClipEncoder(network, tokenizer, mark).to(device)


def _seed(weights: str) -> int:
    text = weights.partition(":")[2] or "0"
    if not text.isdecimal():
        raise UsageError(f"--clip-weights {weights}: expected random or random:SEED, a whole number")
    return int(text)


def _empty(model: ClipModel) -> nn.Module:
    """The network without the weights it is for; those it starts with are made up."""
    import logging

    import open_clip

    logging.disable(logging.WARNING)  # open_clip warns that the weights are random, which is why they come next
    try:
        network: nn.Module = open_clip.create_model(model.architecture, pretrained=None, device="cpu")
    finally:
        logging.disable(logging.NOTSET)
    return network


def _load_into(network: nn.Module, path: Path, model: ClipModel) -> str:
    """Load a file into the network; its SHA-256."""
    digest = sha256_file(path)
    state = read_state(path, digest, model)
    own = network.state_dict()
    missing = [f"{key}: missing" for key in own if key not in state]
    unexpected = [f"{key}: unexpected" for key in state if key not in own]
    reshaped = [
        f"{key}: expected {tuple(own[key].shape)}, found {tuple(value.shape)}"
        for key, value in state.items()
        if key in own and own[key].shape != value.shape
    ]
    if missing or unexpected or reshaped:
        raise IntegrityError(
            f"{path} does not hold the weights of {model.id}: of {len(own)} entries {len(missing)} are missing and "
            f"{len(reshaped)} have another shape; {len(unexpected)} are unexpected",
            hint=f"run `ldpbench weights get {model.id}`",
            faults=[*missing, *unexpected, *reshaped],
        )
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return digest


def read_state(path: Path, digest: str, model: ClipModel) -> dict[str, Tensor]:
    """The tensors of a weights file.

    Safetensors and plain state dicts hold numbers alone. OpenAI's own files are TorchScript, which is code: one is
    opened only if its SHA-256 is the published one.

    Raises:
        IntegrityError: If the file is none of these.
    """
    get = f"run `ldpbench weights get {model.id}`"
    with path.open("rb") as stream:
        if looks_like_html(stream.read(_SNIFF_BYTES)):
            raise IntegrityError(f"{path} is a web page, not weights", hint=get)
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise IntegrityError(f"{path} is not a whole safetensors file: {error}", hint=get) from error
    if digest == model.sha256:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that TorchScript is old; OpenAI's files will not change
            script: Any = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]  # torch has none
        return {key: value for key, value in script.state_dict().items() if key not in _TORCHSCRIPT_EXTRAS}
    if not zipfile.is_zipfile(path):
        raise IntegrityError(f"{path} is damaged or no weights file: its sha256 is {digest[:16]}...", hint=get)
    if _is_torchscript(path):
        raise IntegrityError(
            f"{path} is a program (TorchScript) and not OpenAI's own: expected sha256 {model.sha256[:16]}..., "
            f"found {digest[:16]}...; it is not run",
            hint=f"{get}, or give the weights as .safetensors",
        )
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Whatever the restricted reader stumbles over, the file is not one to be used.
        detail = " ".join(str(error).split())[:160]
        raise IntegrityError(f"{path} is no state dict that may be read: {detail}", hint=get) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise IntegrityError(
            f"{path} is no plain state dict: expected names and tensors alone, found {_contents(state)}", hint=get
        )
    return state


def _contents(found: Any) -> str:
    """What a file holds in place of tensors by name."""
    if not isinstance(found, dict):
        return f"a {type(found).__name__}"
    odd = [f"{key} ({type(value).__name__})" for key, value in found.items() if not isinstance(value, Tensor)]
    return ", ".join(odd[:5]) + (", ..." if len(odd) > 5 else "")


def _is_torchscript(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("constants.pkl") for name in archive.namelist())
