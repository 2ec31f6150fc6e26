"""``blurmap``: how blurred every pixel of a pair is, and the maps of a whole dataset."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.metrics import number
from ldpbench.cli.options import DeviceOption, demand_device
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError

if TYPE_CHECKING:
    from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator
    from ldpbench.data.sample import Sample
    from ldpbench.records import MapProtocolSpec, Protocol

DEFAULT_METHOD = "disparity"
_BLURRED_FROM = 0.5


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "blurmap", schema="blurmap", example="ldpbench blurmap left.png right.png -o map.png")(_blurmap)


def _blurmap(
    session: Session,
    left: Annotated[Path | None, typer.Argument(help="The left view, 8- or 16-bit.")] = None,
    right: Annotated[Path | None, typer.Argument(help="The right view.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The grey PNG to write: the probability of blur, white is 1.")
    ] = None,
    bits: Annotated[int, typer.Option("--bits", help="Bit depth of that PNG, 8 or 16.")] = 8,
    colour: Annotated[
        Path | None, typer.Option("--colour", help="Also a picture for the eye: blue is sharp, red is blurred most.")
    ] = None,
    npy: Annotated[
        Path | None, typer.Option("--npy", help="Also the logits, float32, in the unit of the estimator.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="clip-dense, clip-patch, clip-patch-whole, disparity, truth, zeros or a plugin folder; "
            "options follow as in disparity:max_px=8.",
        ),
    ] = DEFAULT_METHOD,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="Instead of two files: every scene of a prepared dataset.")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split of it; all that are here.")] = None,
    clip_weights: Annotated[
        str | None, typer.Option("--clip-weights", help="CLIP's weights: a file or a name; for the CLIP estimators.")
    ] = None,
    device: DeviceOption = "cpu",
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="Only throw away every map that was kept for datasets.")
    ] = False,
) -> Answer:
    """Say how blurred every pixel is.

    Two views give a picture. With --dataset the maps of all its scenes are made once and kept; where the set has true
    maps, they are scored by its map protocols.
    """
    views = [path for path in (left, right) if path is not None]
    outputs = {"--out": out, "--colour": colour, "--npy": npy}
    _demand_one_task(views, outputs, dataset, split, clear=clear_cache)
    if clear_cache:
        return _clear(session)
    if bits not in (8, 16):
        raise UsageError(f"--bits: expected 8 or 16, found {bits}")
    demand_device(device)
    from ldpbench.methods.map_methods import load_estimator

    maker = load_estimator(method, clip_weights=clip_weights, device=device)
    if dataset is not None:
        return _whole_dataset(session, maker, method, dataset, split)
    return _one_pair(session, maker, views, outputs, bits)


def _demand_one_task(
    views: Sequence[Path], outputs: Mapping[str, Path | None], dataset: str | None, split: str | None, *, clear: bool
) -> None:
    """Two views, a dataset, or clearing the cache: exactly one of them, with the options that belong to it."""
    wanted = [
        name for name, is_wanted in (("views", views), ("--dataset", dataset), ("--clear-cache", clear)) if is_wanted
    ]
    written = [name for name, path in outputs.items() if path is not None]
    if len(wanted) != 1:
        found = " and ".join(wanted) or "nothing"
        raise UsageError(
            f"expected two views, or --dataset, or --clear-cache, found {found}",
            hint="for one pair: ldpbench blurmap left.png right.png -o map.png",
        )
    if wanted == ["views"]:
        if len(views) != 2:
            raise UsageError(
                f"expected two views, found only {views[0]}", hint="name the right view after the left one"
            )
        if not written:
            raise UsageError("nothing to write", hint="give --out map.png, --colour or --npy")
        if split is not None:
            raise UsageError("--split belongs to --dataset", hint="leave it out for two views")
    elif written:
        raise UsageError(f"{written[0]} belongs to two views, not to {wanted[0]}", hint="leave it out")


def _clear(session: Session) -> Answer:
    from ldpbench.blurmap.cache import clear

    folder = session.home.blur_maps
    held = clear(folder)
    session.reporter.line(f"{held.maps} maps, {held.bytes:,} bytes removed from {folder}")
    return Answer({"folder": folder, "removed": held.maps, "bytes": held.bytes})


def _one_pair(
    session: Session,
    maker: "BlurMapEstimator",
    views: Sequence[Path],
    outputs: Mapping[str, Path | None],
    bits: int,
) -> Answer:
    """Estimate one map and write it in every form that was asked for."""
    import numpy as np

    from ldpbench.blurmap.picture import colours
    from ldpbench.core.atomic import write_bytes
    from ldpbench.data import png16

    left, right = (png16.read(path) for path in views)
    if left.shape != right.shape or left.dtype != right.dtype:
        raise UsageError(
            f"the views differ: left is {left.dtype} {left.shape}, right is {right.dtype} {right.shape}",
            hint="give two views of the same picture",
        )
    found = maker.estimate(*(png16.to_unit(view).reshape(*view.shape[:2], -1) for view in (left, right)))
    raw = io.BytesIO()
    np.save(raw, found.logits)
    contents = {
        "--out": png16.encode(png16.to_codes(found.probability, bits)),
        "--colour": png16.encode(colours(found.logits)),
        "--npy": raw.getvalue(),
    }
    written = {name: path for name, path in outputs.items() if path is not None}
    for name, path in written.items():
        write_bytes(path, contents[name])
        session.reporter.line(f"{path}")
    logits = found.logits
    session.reporter.note(
        f"{maker.id}: logits {float(logits.min()):.3g} to {float(logits.max()):.3g}; probability is "
        f"{found.normalisation}; {float((found.probability >= _BLURRED_FROM).mean()):.0%} of the pixels are blurred"
    )
    return Answer(
        {
            "method": maker.identity,
            "normalisation": found.normalisation,
            "shape": list(logits.shape),
            "logits_min": float(logits.min()),
            "logits_max": float(logits.max()),
            "blurred_share": float((found.probability >= _BLURRED_FROM).mean()),
            "written": {name.removeprefix("--"): path for name, path in written.items()},
        }
    )


def _whole_dataset(session: Session, maker: "BlurMapEstimator", method: str, dataset: str, split: str | None) -> Answer:
    """Make and keep the map of every scene; score them where there is something to score against."""
    from ldpbench.blurmap.cache import CachedEstimator
    from ldpbench.data.prepared import open_prepared
    from ldpbench.evaluation.map_cells import bind_map_protocols, estimate_checked
    from ldpbench.methods.map_methods import plugin_code_sha256

    prepared = open_prepared(session.home, dataset)
    samples, specs = prepared.samples(split), prepared.card.map_protocols
    protocols = {
        name: bind_map_protocols(prepared.card, part.fingerprint, name) for name, part in prepared.info.splits.items()
    }
    remembering = CachedEstimator(
        maker, session.home.blur_maps, session.reporter, code_sha256=plugin_code_sha256(method)
    )
    rows: list[dict[str, Any]] = []
    for sample in session.reporter.track(samples, label=f"{maker.id} on {dataset}", total=len(samples)):
        rows += _scores(estimate_checked(remembering, sample), sample, protocols[sample.split], specs)
    made, kept = remembering.misses, remembering.hits
    taken = len(samples) - made - kept
    counts = [(made, "made"), (kept, "there already"), (taken, "of the set itself")]
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    session.reporter.line(f"{len(samples)} maps of {dataset}: {said}")
    means = [_mean(spec, rows) for spec in specs if any(row["protocol"] == spec.id for row in rows)]
    for mean in means:
        _show(session, mean)
    if means:
        session.reporter.note(_how_to_store(method, dataset, specs))
    return Answer(
        {
            "dataset": dataset,
            "split": split,
            "method": maker.identity,
            "images": len(samples),
            "made": made,
            "cached": kept,
            "folder": session.home.blur_maps,
            "protocols": means,
            "scores": rows,
        }
    )


def _scores(
    found: "BlurMap", sample: "Sample", protocols: "Sequence[Protocol]", specs: "Sequence[MapProtocolSpec]"
) -> list[dict[str, Any]]:
    """One row for every protocol whose reference the scene has, as an evaluation would store it; NaN: undefined."""
    from ldpbench.evaluation.map_cells import score_map_sample

    values: dict[str, dict[str, float]] = {}
    for score in score_map_sample(found, sample, protocols):
        values.setdefault(score.protocol, {})[score.metric] = math.nan if score.value is None else score.value
    return [
        {
            "split": sample.split,
            "id": sample.id,
            "protocol": spec.id,
            "scores": {metric: values[protocol.hash][metric] for metric in spec.metrics},
        }
        for protocol, spec in zip(protocols, specs, strict=True)
        if protocol.hash in values
    ]


def _mean(spec: "MapProtocolSpec", rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean of each metric over the images that have a value, and how many these are."""
    means = {}
    for metric in spec.metrics:
        values = [row["scores"][metric] for row in rows if row["protocol"] == spec.id]
        defined = [value for value in values if math.isfinite(value)]
        means[metric] = {"mean": sum(defined) / len(defined) if defined else math.nan, "images": len(defined)}
    return {"protocol": spec.id, "title": spec.title, "metrics": means}


def _how_to_store(method: str, dataset: str, specs: "Sequence[MapProtocolSpec]") -> str:
    from ldpbench.methods.map_methods import TRUTH

    if method == TRUTH:
        return "these are the bounds of the measures; the set's own map is not ranked"
    return (
        f"nothing of this is stored: `ldpbench evaluate --task {specs[0].task} --method {method} --dataset {dataset}` "
        "puts it on the boards"
    )


def _show(session: Session, mean: dict[str, Any]) -> None:
    from ldpbench.metrics.catalogue import get_spec

    specs = {metric: get_spec(metric) for metric in mean["metrics"]}
    session.reporter.table(
        ("metric", "better", "images", "mean"),
        (
            (
                specs[metric].title,
                "higher" if specs[metric].higher_is_better else "lower",
                str(value["images"]),
                number(value["mean"], specs[metric].decimals),
            )
            for metric, value in mean["metrics"].items()
        ),
        title=f"{mean['protocol']}: {mean['title']}",
        numbers=2,
    )
