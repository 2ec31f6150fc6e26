"""Estimators by name, with options in the name or beside it."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from ldpbench.blurmap.estimator import BlurMapEstimator
from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_document, sha256_file, sha256_folder
from ldpbench.core.names import unknown_name

Builder = Callable[..., BlurMapEstimator]
"""The class of an estimator."""

_FOLDER = Path(__file__).parent
_SHARED = ("amount.py", "estimator.py")
"""Sources that every estimator rests on."""
_CLIP = "ldpbench.blurmap.clip.estimators"
_CLIP_OWN = ("weights", "device")
"""Arguments of a CLIP estimator that are no options: ``clip_weights`` and ``device`` of ``estimator``."""


@dataclass(frozen=True)
class _Entry:
    """Where an estimator lives; nothing of it is imported before somebody asks for it."""

    module: str
    class_name: str
    title: str
    summary: str
    version: int = 1
    """That of the class, known without importing it."""

    @property
    def needs_clip(self) -> bool:
        return self.module == _CLIP

    def load(self) -> Builder:
        found: Builder = getattr(importlib.import_module(self.module), self.class_name)
        return found


_ENTRIES: Mapping[str, _Entry] = {
    "clip-dense": _Entry(
        _CLIP, "ClipDense", "CLIP, dense tokens", "CLIP, asked once for the whole picture, one answer a patch"
    ),
    "clip-patch": _Entry(
        _CLIP, "ClipPatch", "CLIP, patches", "CLIP, asked for each cell of 40 px, as the release does it"
    ),
    "clip-patch-whole": _Entry(
        _CLIP,
        "ClipPatchWhole",
        "CLIP, patches shown whole",
        "CLIP, asked for each cell of 40 px, both halves of a pair shown whole",
    ),
    "disparity": _Entry(
        "ldpbench.blurmap.disparity.estimator",
        "DisparityEstimator",
        "Disparity of the views",
        "how far apart the two views see each point; no training, no weights",
    ),
    "truth": _Entry(
        "ldpbench.blurmap.truth", "TruthEstimator", "The set's own map", "the set's own map, where it has one"
    ),
    "zeros": _Entry("ldpbench.blurmap.zeros", "ZerosEstimator", "All sharp", "everything is sharp"),
}


def names() -> tuple[str, ...]:
    """Every estimator's name."""
    return tuple(_ENTRIES)


def summaries() -> dict[str, str]:
    """What each estimator does, by name."""
    return {name: entry.summary for name, entry in _ENTRIES.items()}


def title(name: str) -> str:
    """An estimator's name for people."""
    return _entry(name).title


def version(name: str) -> int:
    """An estimator's version."""
    return _entry(name).version


def takes_weights(name: str) -> bool:
    """Whether an estimator is nothing without weights; no other name means one."""
    return name in _ENTRIES and _ENTRIES[name].needs_clip


def code_sha256(name: str) -> str:
    """SHA-256 over the sources that decide an estimator's maps: its module or package, and what all of them share."""
    entry = _entry(name)
    shared = [sha256_file(_FOLDER / file) for file in _SHARED]
    package, dot, _ = entry.module.removeprefix(f"{__package__}.").partition(".")
    own = sha256_folder(_FOLDER / package, (".py",)) if dot else sha256_file(_FOLDER / f"{package}.py")
    return sha256_document([own, *shared])


def chosen_options(name: str, made: BlurMapEstimator) -> dict[str, Any]:
    """The options of an estimator that are not at their defaults, in the order of their names.

    Args:
        name: The estimator's name, with or without options.
        made: What ``estimator`` made of it.
    """
    defaults = {key: known.default for key, known in inspect.signature(_entry(name).load()).parameters.items()}
    return {key: value for key, value in sorted(made.options.items()) if key in defaults and value != defaults[key]}


def estimator(name: str, *, clip_weights: str | None = None, device: str = "cpu", **options: Any) -> BlurMapEstimator:
    """An estimator, ready to work.

    Args:
        name: Its name, or name and options as in ``"disparity:max_px=8,sharp_px=0.5"``.
        clip_weights: Where CLIP's weights are; only the CLIP estimators look at it.
        device: Where CLIP runs; the others use the CPU.
        options: More options. Texts are read as the type of the option.

    Raises:
        UsageError: If the name or an option is unknown, given twice, of the wrong type or out of its range.
        MissingPrerequisiteError: If it needs weights or a device that are not there.
    """
    plain, _, tail = name.partition(":")
    entry = _entry(name)
    given = _parsed(tail, name) if tail else {}
    twice = sorted(set(given) & set(options))
    if twice:
        raise UsageError(f"{plain}: the option {twice[0]} is given twice", hint="give it once")
    builder = entry.load()
    typed = _typed(plain, builder, {**given, **options})
    return builder(**typed, weights=clip_weights, device=device) if entry.needs_clip else builder(**typed)


def _entry(name: str) -> _Entry:
    plain = name.partition(":")[0]
    if plain not in _ENTRIES:
        raise unknown_name("blur-map estimator", plain, _ENTRIES)
    return _ENTRIES[plain]


def _parsed(tail: str, name: str) -> dict[str, str]:
    """``key=value,key=value`` as a dict."""
    given: dict[str, str] = {}
    for part in tail.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise UsageError(f"{name!r}: expected name:key=value,key=value, found {part!r}")
        if key in given:
            raise UsageError(f"{name!r}: the option {key} is given twice", hint="give it once")
        given[key] = value
    return given


def _typed(name: str, builder: Builder, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the types that the constructor states."""
    hints = get_type_hints(builder.__init__)
    known = [key for key in inspect.signature(builder).parameters if key not in _CLIP_OWN]
    typed = {}
    for key, value in given.items():
        if key not in known:
            raise unknown_name(f"option of {name}", key, known)
        typed[key] = _read(value, hints.get(key, str), f"{name}: {key}")
    return typed


_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _read(value: Any, kind: Any, where: str) -> Any:
    """A value as the type that an option has; texts are read, options of other types are left to the estimator."""
    if kind is bool:
        found = _TRUTHS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise UsageError(f"{where}: expected true or false, found {value!r}")
        return found
    if kind in (int, float):
        try:
            number = kind(value)
        except (TypeError, ValueError):
            number = None
        if number is None or isinstance(value, bool) or (kind is int and float(value) != number):
            expected = "a whole number" if kind is int else "a number"
            raise UsageError(f"{where}: expected {expected}, found {value!r}")
        return number
    return value
