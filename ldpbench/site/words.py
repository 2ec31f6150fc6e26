"""Protocols in words: what each field does to a number, and how two protocols differ."""

from collections.abc import Mapping

from ldpbench.records import MapTruth, MetricSpec, Protocol
from ldpbench.site.pages import Difference, Fact

_ROUNDING = {
    "none": "outputs are scored as they are, without rounding",
    "u8": "outputs are rounded to 8-bit codes before scoring",
    "u16": "outputs are rounded to 16-bit codes before scoring",
}
_DOMAIN = {
    "native": "values as the files hold them",
    "white": "values divided by the scene's white level",
    "sqrt-white": "square root of the values divided by the scene's white level",
}
_REGISTRATION = {
    "none": "target and output are compared pixel by pixel, as they lie",
    "centre-similarity-1": (
        "the target is first shifted and scaled onto the centre view, alike for every method and without looking at "
        "any output (first version of the estimator)"
    ),
}
_INFERENCE = {
    "whole": "every picture in one piece",
    "tiled": "every picture in overlapping tiles",
    "windows": "every picture in windows side by side, the last ones flush with the border",
    "crop": "every picture cut at the bottom and right to a multiple of some pixels, and scored there",
    "tlc": "every picture in one piece, with local statistics (test-time local converter)",
}
_REGIONS = {
    "all": "The whole picture, less the border that the protocol cuts.",
    "in-focus": "Only where the scene is in focus: here a method can do harm.",
    "near": "Only in front of the focal plane.",
    "far": "Only behind the focal plane.",
}
_REGION_TITLES = {
    "all": "Whole picture",
    "in-focus": "In focus",
    "near": "Nearer than focus",
    "far": "Farther than focus",
}


_TASKS = {"deblur": "sharp pictures", "blurmap": "maps of blur", "disparity": "maps of disparity"}
_TASK_TITLES = {"blurmap": "Blur maps", "disparity": "Disparity"}
_REFERENCES = {"blur_map": "the set's blur map", "disparity": "the set's disparity"}
_FRAMES = {
    "whole": "the whole map, in full size",
    "iccp2020": (
        "half size, the part that windows of 111 px cover, less 100 px on every side: as the released evaluation of "
        "Punnappurath et al. (ICCP 2020)"
    ),
}
_ENSEMBLES = {"none": "one pass a picture", "x4": "the mean over the four flips, views exchanged with left and right"}


def protocol_title(protocol: Protocol) -> str:
    """A protocol's title and whatever was not done in the plain way; of maps, with what they are maps of."""
    task = _TASK_TITLES.get(protocol.task)
    return f"{task}: {protocol.heading}" if task else protocol.heading


def region_title(region: str) -> str:
    """A heading for a region."""
    return _REGION_TITLES.get(region, region)


def region_meaning(region: str) -> str:
    """What is scored in a region."""
    return _REGIONS.get(region, f"Only where the dataset's mask “{region}” holds.")


def protocol_facts(protocol: Protocol) -> tuple[Fact, ...]:
    """Every field of a protocol that says something, in words."""
    limit = [] if protocol.limit is None else [Fact(term="Scenes", text=f"only the first {protocol.limit}")]
    how = _restoration_facts(protocol) if protocol.truth is None else _map_facts(protocol.truth)
    return (
        Fact(term="Task", text=_TASKS.get(protocol.task, protocol.task)),
        Fact(term="Dataset", text=f"{protocol.dataset_id}, split {protocol.split}"),
        Fact(term="Content", text="fingerprint", code=protocol.dataset_fingerprint),
        *limit,
        Fact(term="Files read", text=f"{protocol.bits}-bit, {protocol.resolution} resolution"),
        Fact(term="Views offered", text=", ".join(protocol.views)),
        *how,
        Fact(term="Metrics", text=", ".join(protocol.metrics)),
        Fact(term="Regions", text=", ".join(region_title(region).lower() for region in protocol.regions)),
        Fact(term="Protocol hash", text="over all of the above but the regions", code=protocol.hash),
    )


def _restoration_facts(protocol: Protocol) -> tuple[Fact, ...]:
    border = "nothing is cut" if protocol.border_px == 0 else f"{protocol.border_px} px are cut from every side"
    return (
        Fact(term="Domain", text=_DOMAIN.get(protocol.domain, protocol.domain)),
        Fact(term="Registration", text=_REGISTRATION.get(protocol.registration, protocol.registration)),
        Fact(term="Border", text=f"{border}{_multiple(protocol)} before scoring"),
        Fact(term="Rounding", text=_ROUNDING.get(protocol.rounding, protocol.rounding)),
        Fact(term="Inference", text=_INFERENCE.get(protocol.inference, protocol.inference)),
        Fact(term="Ensemble", text=_ENSEMBLES.get(protocol.ensemble, protocol.ensemble)),
        Fact(term="Arithmetic", text=f"{protocol.dtype} in networks"),
    )


def _map_facts(truth: MapTruth) -> tuple[Fact, ...]:
    """What a map is compared with, and what of a map is read."""
    return (
        Fact(term="Compared with", text=f"{_truth_in_words(truth)}; pixels where it is unknown are left out"),
        Fact(term="Frame", text=_FRAMES.get(truth.frame, truth.frame)),
        Fact(
            term="Read off a map",
            text="sharp or blurred from its probability, with 0.5 as the border; everything else from its logits",
        ),
    )


def _truth_in_words(truth: MapTruth) -> str:
    reference = _REFERENCES.get(truth.reference, truth.reference)
    amount = f"the amount of {reference}, without its sign" if truth.magnitude else reference
    return amount if truth.scale == 1 else f"{amount}, divided by {truth.scale:g}"


def _multiple(protocol: Protocol) -> str:
    if protocol.multiple_px == 1:
        return ""
    return f", after the bottom and right were cut to a multiple of {protocol.multiple_px} px,"


def metric_facts(metrics: tuple[MetricSpec, ...]) -> tuple[Fact, ...]:
    """What each metric's id stands for."""
    return tuple(
        Fact(
            term=spec.title,
            text=_sentence(spec.convention) + (f" Used by {', '.join(spec.used_by)}." if spec.used_by else ""),
            code=spec.ref,
        )
        for spec in metrics
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def licence_notes(metrics: tuple[MetricSpec, ...]) -> tuple[str, ...]:
    """What a reader of perceptual numbers has to know about the code behind them."""
    perceptual = [spec.title for spec in metrics if spec.extra == "perceptual"]
    if not perceptual:
        return ()
    return (
        f"{', '.join(perceptual)}: computed with pyiqa, which is under the PolyForm Noncommercial licence; "
        "some of its metrics add terms of their own.",
    )


_FIELDS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("task", "Task", _TASKS),
    ("split", "Split", {}),
    ("dataset_fingerprint", "Content", {}),
    ("bits", "Bit depth", {}),
    ("resolution", "Resolution", {}),
    ("limit", "Only the first scenes", {"None": "all scenes"}),
    ("views", "Views offered", {}),
    ("domain", "Domain", _DOMAIN),
    ("registration", "Registration", _REGISTRATION),
    ("border_px", "Border in px", {}),
    ("multiple_px", "Cut to a multiple of px", {}),
    ("rounding", "Rounding", _ROUNDING),
    ("inference", "Inference", _INFERENCE),
    ("ensemble", "Ensemble", _ENSEMBLES),
    ("dtype", "Arithmetic", {}),
    ("truth", "Compared with", {"None": "the sharp target"}),
    ("metrics", "Metrics", {}),
)


def differences(this: Protocol, other: Protocol) -> tuple[Difference, ...]:
    """Why two protocols of one dataset cannot share a board: every field that differs."""
    return tuple(
        Difference(field=title, here=_said(getattr(this, name), words), there=_said(getattr(other, name), words))
        for name, title, words in _FIELDS
        if getattr(this, name) != getattr(other, name)
    )


def _said(value: object, words: Mapping[str, str]) -> str:
    if isinstance(value, MapTruth):
        return f"{_truth_in_words(value)}; {_FRAMES.get(value.frame, value.frame)}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return words.get(str(value), str(value))
