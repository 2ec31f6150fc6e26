"""``simulate``: dual-pixel views of any pictures."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.options import DeviceOption, ForceOption, demand_device
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError

if TYPE_CHECKING:
    from ldpbench.simulation.models import Model


class ModelName(StrEnum):
    """The three simulators."""

    RDPD = "rdpd"
    DDD = "ddd"
    REALISTIC = "realistic"


_DEFAULT_CAMERA = {ModelName.RDPD: "rdpd/set0", ModelName.DDD: "ddd/test", ModelName.REALISTIC: "realistic"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "ldpbench simulate --model realistic --images photos --out views"
    command(app, "simulate", schema="simulate", example=example)(_simulate)


def _simulate(
    session: Session,
    images: Annotated[Path, typer.Option("--images", help="A folder of sharp pictures: PNG, JPEG, TIFF, WebP.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.")],
    model: Annotated[ModelName, typer.Option("--model", help="The image formation.")] = ModelName.REALISTIC,
    depth: Annotated[
        Path | None,
        typer.Option("--depth", help="A folder of depth maps of the same names: 16-bit PNG in mm, .npy or .pfm in m."),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option("--camera", help="rdpd/set0 to set4; ddd/train0 to train4, ddd/test, ddd/test1, ddd/sample."),
    ] = None,
    psf: Annotated[
        str | None, typer.Option("--psf", help="Shape of the kernels: rdpd/0 to rdpd/11, or realistic. Not for ddd.")
    ] = None,
    distort: Annotated[
        bool | None, typer.Option("--distort/--no-distort", help="rdpd: the set's radial distortion (off).")
    ] = None,
    centred: Annotated[
        bool | None, typer.Option("--centred/--hanging", help="ddd: centre the boxes vertically (they hang).")
    ] = None,
    max_blur: Annotated[
        int | None, typer.Option("--max-blur", min=1, max=64, help="realistic: largest blur radius in px (8).")
    ] = None,
    focus: Annotated[float | None, typer.Option("--focus", help="realistic: focus distance in m (the middle).")] = None,
    noise: Annotated[str | None, typer.Option("--noise", help="realistic: none, low, medium or high (low).")] = None,
    occlusion: Annotated[
        bool | None,
        typer.Option("--occlusion/--no-occlusion", help="realistic: a blurred foreground covers what is behind (on)."),
    ] = None,
    linear: Annotated[
        bool | None, typer.Option("--linear/--srgb", help="realistic: what the pictures' codes are (sRGB).")
    ] = None,
    bits: Annotated[int, typer.Option("--bits", help="Bit depth to write: 8, or 16 with realistic.")] = 8,
    seed: Annotated[int, typer.Option("--seed", help="Decides procedural depth and noise.")] = 0,
    device: DeviceOption = "cpu",
    force: ForceOption = False,
) -> Answer:
    """Make dual-pixel views of sharp pictures.

    Without --depth each picture gets a procedural depth. The folder holds left, right, center and target pictures, the
    signed blur map in pixels, the depth, a record of every parameter, and preview.png.
    """
    from ldpbench.data.simulated_folder import PREVIEW_FILE, find_jobs, simulate_folder

    given = {
        "psf": psf,
        "distort": distort,
        "centred": centred,
        "max_blur": max_blur,
        "focus": focus,
        "noise": noise,
        "occlusion": occlusion,
        "linear": linear,
    }
    options = {key: value for key, value in given.items() if value is not None}
    chosen = _model(model, camera, options)
    if bits not in (8, 16) or (bits == 16 and model is not ModelName.REALISTIC):
        raise UsageError(f"--bits: expected 8, or 16 with --model realistic, found {bits} with {model.value}")
    demand_device(device)
    jobs = find_jobs(images, depth)
    if depth is None:
        session.reporter.note("no --depth was given: every picture gets a procedural depth")
    name = camera or _DEFAULT_CAMERA[model]
    record = simulate_folder(
        jobs,
        out,
        chosen,
        name=name,
        bits=bits,
        seed=seed,
        device=device,
        force=force,
        progress=session.reporter,
    )
    session.reporter.line(f"{len(jobs)} pictures rendered with {name} into {out}")
    session.reporter.line(f"  look at  {out / PREVIEW_FILE}")
    return Answer({"folder": out, **record})


_OPTIONS_OF = {
    ModelName.RDPD: {"psf", "distort"},
    ModelName.DDD: {"centred"},
    ModelName.REALISTIC: {"psf", "max_blur", "focus", "noise", "occlusion", "linear"},
}


def _model(model: ModelName, camera: str | None, options: Mapping[str, object]) -> "Model":
    from ldpbench.simulation.models import DddModel, RdpdModel, model_preset
    from ldpbench.simulation.noise import noise_preset
    from ldpbench.simulation.psf import psf_preset

    strange = sorted(set(options) - _OPTIONS_OF[model])
    if strange:
        flags = ", ".join("--" + key.replace("_", "-") for key in strange)
        raise UsageError(f"{flags}: not an option of the model {model.value}", hint="see `ldpbench simulate --help`")
    name = camera or _DEFAULT_CAMERA[model]
    if name.partition("/")[0] != model.value:
        raise UsageError(f"--camera {name} is not of the model {model.value}", hint="give both the same name in front")
    chosen = model_preset(name)
    changes = dict(options)
    if "psf" in changes:
        changes["shape"] = psf_preset(str(changes.pop("psf")))
    if isinstance(chosen, RdpdModel):
        keep = bool(changes.pop("distort", False))
        changes["distortion"] = chosen.distortion if keep else None
    elif not isinstance(chosen, DddModel):
        if "noise" in changes:
            changes["noise"] = noise_preset(str(changes["noise"]))
        renamed = {"max_blur": "max_blur_px", "focus": "focus_m", "linear": "is_linear"}
        changes = {renamed.get(key, key): value for key, value in changes.items()}
    return replace(chosen, **changes)  # type: ignore[arg-type]  # the options were checked against the model
