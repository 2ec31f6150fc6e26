"""Estimators of blur maps as methods of an evaluation: the built-in ones, and plugin folders of ``kind: estimator``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ldpbench.blurmap import catalogue
from ldpbench.blurmap.estimator import BlurMapEstimator
from ldpbench.core.errors import MethodError, MissingPrerequisiteError, UsageError
from ldpbench.core.names import unknown_name
from ldpbench.core.resources import load_folder_package
from ldpbench.methods.find import FoundMethod, find_method, find_methods
from ldpbench.records import BaselineRecord, MethodRef

ESTIMATOR: Final = "estimator"
"""The kind of a method that makes blur maps."""
TRUTH = "truth"
"""The estimator that is no entrant: it is the reference itself."""
_MADE_UP = "random-"


@dataclass(frozen=True, kw_only=True)
class MapMethod:
    """An estimator that may take part in an evaluation."""

    name: str
    """What users type: an id, an id with options, or a plugin folder."""
    ref: MethodRef
    options: dict[str, Any] = field(default_factory=dict)
    """Those that differ from the defaults."""
    clip_weights: str | None = None
    wanting: str | None = None
    """Why it cannot run here, with what helps; None if it can."""

    def load(self, device: str = "cpu") -> BlurMapEstimator:
        """The estimator, ready to work.

        Raises:
            MissingPrerequisiteError: If it needs weights or a device that are not there.
            IntegrityError: If its weights are damaged.
            MethodError: If a plugin cannot be imported or built.
        """
        return load_estimator(self.name, clip_weights=self.clip_weights, device=device)


def map_method_names() -> tuple[str, ...]:
    """Every estimator that can be evaluated: the built-in ones, then the installed plugins'."""
    own = tuple(name for name in catalogue.names() if name != TRUTH)
    return own + tuple(name for name, found in find_methods().items() if found.record.kind == ESTIMATOR)


def map_method_records() -> dict[str, BaselineRecord]:
    """What the built-in estimators say of themselves, by id; plugins have records of their own."""
    summaries = catalogue.summaries()
    return {
        name: BaselineRecord(
            schema=1,
            id=name,
            version=str(catalogue.version(name)),
            title=catalogue.title(name),
            summary=f"An estimator of blur maps: {summaries[name]}.",
            kind=ESTIMATOR,
            inputs=("left", "right"),
            licence_code="Apache-2.0",
        )
        for name in catalogue.names()
        if name != TRUTH
    }


def is_map_method(name: str) -> bool:
    """Whether a name means an estimator and not a method that deblurs; unknown names mean none."""
    if name.partition(":")[0] in catalogue.names():
        return True
    try:
        return find_method(name).record.kind == ESTIMATOR
    except UsageError:
        return False


def map_methods(
    names: Sequence[str] = (), *, weights: Mapping[str, str] | None = None, device: str = "cpu"
) -> list[MapMethod]:
    """Estimators by name, each once.

    Args:
        names: See ``MapMethod.name``; empty for all.
        weights: Files of weights by estimator, without options, in place of those that are looked for.
        device: Where CLIP runs.

    Raises:
        UsageError: If a name or an option is wrong, or weights are given to an estimator that takes none.
        MissingPrerequisiteError: If weights that are given are not there.
        IntegrityError: If weights are damaged: this is told now, not after a night.
        MethodError: If a plugin cannot be imported or built.
    """
    given, wanted = weights or {}, tuple(names) or map_method_names()
    plain = {name: name.partition(":")[0] for name in wanted}
    for name in given:
        if name not in plain.values():
            raise unknown_name("estimator of this evaluation", name, plain.values())
    made = [map_method(name, clip_weights=given.get(plain[name]), device=device) for name in wanted]
    return list({method.ref.id: method for method in made}.values())


def map_method(name: str, *, clip_weights: str | None = None, device: str = "cpu") -> MapMethod:
    """One estimator. It is built once, so that everything that decides its maps is known before anything runs.

    Raises:
        As ``map_methods``.
    """
    plain = name.partition(":")[0]
    if plain == TRUTH:
        raise UsageError(
            "'truth' is what maps are compared with and cannot be scored",
            hint=f"choose among {', '.join(map_method_names())}",
        )
    if clip_weights is not None and not catalogue.takes_weights(plain):
        raise UsageError(f"{plain} takes no weights", hint="leave it out of --weights")
    if plain not in catalogue.names():
        return _of_plugin(name, _found_plugin(name))
    try:
        made = catalogue.estimator(name, clip_weights=clip_weights, device=device)
    except MissingPrerequisiteError as error:
        if clip_weights is not None:  # somebody named a file: a slip of theirs is no reason to go on without it
            raise
        wanting = f"{error.message}: {error.hint}" if error.hint else error.message
        return MapMethod(name=name, ref=_built_in_ref(plain, None, {}), clip_weights=clip_weights, wanting=wanting)
    options = catalogue.chosen_options(name, made)
    return MapMethod(name=name, ref=_built_in_ref(plain, made, options), options=options, clip_weights=clip_weights)


def load_estimator(name: str, *, clip_weights: str | None = None, device: str = "cpu") -> BlurMapEstimator:
    """An estimator by name, also ``truth``; ready to work.

    Args:
        name: See ``MapMethod.name``.
        clip_weights: Where CLIP's weights are; None for where they are looked for.
        device: Where CLIP runs.

    Raises:
        UsageError: If a name or an option is wrong.
        MissingPrerequisiteError: If it needs weights or a device that are not there.
        IntegrityError: If its weights are damaged.
        MethodError: If a plugin cannot be imported or built.
    """
    if name.partition(":")[0] in catalogue.names():
        return catalogue.estimator(name, clip_weights=clip_weights, device=device)
    return _built_plugin(_found_plugin(name))


def plugin_code_sha256(name: str) -> str | None:
    """SHA-256 over the sources of the plugin folder behind a name; None for a built-in estimator, which has a version.

    Raises:
        UsageError: If no estimator is called that.
    """
    return None if name.partition(":")[0] in catalogue.names() else _found_plugin(name).code_sha256


def _built_in_ref(plain: str, made: BlurMapEstimator | None, options: dict[str, Any]) -> MethodRef:
    """What a run record says of a built-in estimator; of one that lacks its weights, None is made."""
    said = ", ".join(_said(key, value) for key, value in options.items())
    weights = None if made is None else made.weights_sha256
    return MethodRef(
        id=_safe_id(f"{plain} {said}"),
        version=str(catalogue.version(plain)),
        title=f"{catalogue.title(plain)} ({said})" if said else catalogue.title(plain),
        kind=ESTIMATOR,
        inputs=("left", "right"),
        code_sha256=catalogue.code_sha256(plain),
        weights_sha256=weights,
        untrained=weights is not None and weights.startswith(_MADE_UP),
        parameters=None if made is None else made.parameters,
    )


def _said(option: str, value: Any) -> str:
    """An option in a title: ``max_px 8``, and ``signed`` where it is a switch that is on."""
    if value is True:
        return option
    return f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}"


def _safe_id(text: str) -> str:
    """``disparity max_px 8`` as ``disparity-max-px-8``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _found_plugin(name: str) -> FoundMethod:
    known = map_method_names()
    if name not in find_methods() and not Path(name.partition(":")[0]).expanduser().is_dir():
        raise unknown_name("blur-map estimator", name, (*known, TRUTH))
    found = find_method(name)
    if found.record.kind != ESTIMATOR:
        raise UsageError(
            f"{found.record.id} restores pictures and makes no blur map", hint=f"choose among {', '.join(known)}"
        )
    return found


def _of_plugin(name: str, found: FoundMethod) -> MapMethod:
    from ldpbench.methods.loading import method_ref  # needs torch, which most estimators do not

    if found.record.skipped is None:
        _built_plugin(found)
    return MapMethod(name=name, ref=method_ref(found), wanting=found.record.skipped)


def _built_plugin(found: FoundMethod) -> BlurMapEstimator:
    from ldpbench.methods.loading import plugin_function

    build = plugin_function(load_folder_package(found.folder), found.folder, "build")
    assert build is not None, "demanded"
    made = build()
    if not isinstance(made, BlurMapEstimator):
        raise MethodError(
            f"build() of {found.record.id} returned {type(made).__name__}, expected a BlurMapEstimator",
            hint="derive it from ldpbench.api.BlurMapEstimator",
        )
    return made
