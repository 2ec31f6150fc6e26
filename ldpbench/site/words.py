"""Protocols in words: what each field does to a number, and how two protocols differ."""

from collections.abc import Mapping

from ldpbench.records import MetricSpec, Protocol
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


def region_title(region: str) -> str:
    """A heading for a region."""
    return _REGION_TITLES.get(region, region)


def region_meaning(region: str) -> str:
    """What is scored in a region."""
    return _REGIONS.get(region, f"Only where the dataset's mask “{region}” holds.")


def protocol_facts(protocol: Protocol) -> tuple[Fact, ...]:
    """Every field of a protocol, in words."""
    border = "nothing is cut" if protocol.border_px == 0 else f"{protocol.border_px} px are cut from every side"
    return (
        Fact(term="Dataset", text=f"{protocol.dataset_id}, split {protocol.split}"),
        Fact(term="Content", text="fingerprint", code=protocol.dataset_fingerprint),
        Fact(term="Files read", text=f"{protocol.bits}-bit, {protocol.resolution} resolution"),
        Fact(term="Views offered", text=", ".join(protocol.views)),
        Fact(term="Domain", text=_DOMAIN.get(protocol.domain, protocol.domain)),
        Fact(term="Registration", text=_REGISTRATION.get(protocol.registration, protocol.registration)),
        Fact(term="Border", text=f"{border}{_multiple(protocol)} before scoring"),
        Fact(term="Rounding", text=_ROUNDING.get(protocol.rounding, protocol.rounding)),
        Fact(term="Inference", text=_INFERENCE.get(protocol.inference, protocol.inference)),
        Fact(term="Metrics", text=", ".join(protocol.metrics)),
        Fact(term="Regions", text=", ".join(region_title(region).lower() for region in protocol.regions)),
        Fact(term="Protocol hash", text="over all of the above but the regions", code=protocol.hash),
    )


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
    ("split", "Split", {}),
    ("dataset_fingerprint", "Content", {}),
    ("bits", "Bit depth", {}),
    ("resolution", "Resolution", {}),
    ("views", "Views offered", {}),
    ("domain", "Domain", _DOMAIN),
    ("registration", "Registration", _REGISTRATION),
    ("border_px", "Border in px", {}),
    ("multiple_px", "Cut to a multiple of px", {}),
    ("rounding", "Rounding", _ROUNDING),
    ("inference", "Inference", _INFERENCE),
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
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return words.get(str(value), str(value))
