"""A model card: what a network is, how it came about and what it measured, rendered from its records."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ldpbench.metrics.catalogue import get_spec
from ldpbench.networks.checkpoint_record import CHECKPOINT_FILE, CheckpointRecord
from ldpbench.records import BaselineRecord
from ldpbench.training.export.measured import Measured

_HUB_LICENCES = {"CC0-1.0": "cc0-1.0", "MIT": "mit", "Apache-2.0": "apache-2.0", "CC-BY-4.0": "cc-by-4.0"}
"""Licences that the Hub has a short name for; every other one is ``other`` with a name of its own."""

_LABELS = {
    "fingerprint": "fingerprint of the scenes",
    "psnr": "validation PSNR (dB)",
    "ssim": "validation SSIM",
    "psnr_input": "validation PSNR of the blurry input (dB)",
    "count": "validation pictures",
}
"""Of facts of a training whose keys do not speak for themselves."""


def render_model_card(
    checkpoint: CheckpointRecord, method: BaselineRecord, measured: Sequence[Measured] = (), *, name: str
) -> str:
    """The README of an exported folder, in Markdown with the front matter that the Hub reads.

    Args:
        checkpoint: The network and how it was trained.
        method: What the method says of itself.
        measured: Scores of evaluations with these weights.
        name: The folder's name, for the examples.
    """
    parts = [
        _front_matter(checkpoint, method),
        f"# {method.title}",
        " ".join(method.summary.split()),
        _facts(checkpoint, method),
        "## Use",
        _use(name, str(checkpoint.training.get("dataset", "dpd-blur"))),
        "## Training",
        _training(checkpoint.training),
        "## Scores",
        _scores(measured),
        "## Known issues",
        "\n".join(f"- {' '.join(issue.split())}" for issue in method.known_issues) or "- none known",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(checkpoint: CheckpointRecord, method: BaselineRecord) -> str:
    licence = method.licence_weights
    document: dict[str, Any] = {"license": _HUB_LICENCES.get(licence or "", "other")}
    if document["license"] == "other":
        document["license_name"] = "none-stated" if licence is None else "as-stated"
    document |= {
        "library_name": "ldpbench",
        "pipeline_tag": "image-to-image",
        "tags": ["dual-pixel", "defocus-deblurring", checkpoint.network.name],
    }
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---"


def _facts(checkpoint: CheckpointRecord, method: BaselineRecord) -> str:
    weights = checkpoint.weights
    lines = [
        f"- Network: {checkpoint.network.name}; every option is in `{CHECKPOINT_FILE}`.",
        f"- Inputs: {', '.join(method.inputs)}, RGB, white is 1; sides are padded to multiples of "
        f"{checkpoint.network.multiple_of} px.",
        f"- Blur map: {checkpoint.blur_map or 'none'}.",
        f"- Licence of the weights: {method.licence_weights or 'none stated'}; of the code: {method.licence_code}.",
        f"- Weights: `{weights.file}`, {weights.bytes:,} bytes, SHA-256 `{weights.sha256}`.",
    ]
    if method.parameters is not None:
        lines.insert(1, f"- Parameters: {method.parameters:,}.")
    if method.paper is not None:
        lines.append(f"- Method: {method.paper.title} ({method.paper.venue} {method.paper.year}).")
    return "\n".join(lines)


def _use(name: str, dataset: str) -> str:
    return (
        "The folder is a method: nothing in it is code, and the weights are compared with their checksum.\n\n"
        f"```text\nldpbench evaluate --method ./{name} --dataset {dataset}\n```\n\n"
        f'```python\nfrom ldpbench.api import deblur\n\nsharp = deblur(left, right, "./{name}")\n```'
    )


def _training(training: Mapping[str, Any]) -> str:
    rows = [f"| {_LABELS.get(key, _cell(key))} | {_cell(value)} |" for key, value in _flat(training)]
    return "\n".join(["| what | value |", "|---|---|", *rows]) if rows else "Nothing is recorded of the training."


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A nested document as rows: keys joined by dots, short lists on one line."""
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            yield from _flat({str(number): item for number, item in enumerate(value)}, f"{path}.")
        elif isinstance(value, list | tuple):
            yield path, ", ".join(map(str, value))
        elif value is not None:
            yield path, str(value)


def _cell(text: str) -> str:
    """Text that cannot end a cell or a row."""
    return " ".join(text.split()).replace("|", "\\|")


def _scores(measured: Sequence[Measured]) -> str:
    if not measured:
        return "None was measured with these weights where they were exported: run `ldpbench evaluate`."
    rows = [
        "| dataset | split | protocol | metric | mean | images | hardware |",
        "|---|---|---|---|--:|--:|---|",
        *(
            f"| {one.dataset} | {one.split} | {_cell(one.protocol)} | {_metric(one)} | {one.n_images} | "
            f"{_cell(one.hardware)} |"
            for one in measured
        ),
    ]
    return "Means over all images of a complete split, measured by `ldpbench evaluate`.\n\n" + "\n".join(rows)


def _metric(one: Measured) -> str:
    spec = get_spec(one.metric)
    value = "identical" if math.isinf(one.mean) else f"{one.mean:.{spec.decimals}f}"
    return f"{spec.title} | {value}"
