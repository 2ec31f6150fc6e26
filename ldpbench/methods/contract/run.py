"""Running the checks on a method, in an order in which the first failure is the one to mend."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ldpbench.core.errors import IntegrityError, UsageError
from ldpbench.methods.contract import answers, network, sources
from ldpbench.methods.contract.finding import BrokenContractError, Finding, found_by, telling
from ldpbench.methods.contract.subject import Subject
from ldpbench.methods.contract.surroundings import watched
from ldpbench.methods.find import FoundMethod, find_method, find_methods, methods_in
from ldpbench.methods.inference import WHOLE
from ldpbench.methods.loading import load_method, own_inference
from ldpbench.methods.weights import choose_weights
from ldpbench.records.baseline import RECORD_FILE

BUILDS, ANSWERS = "builds", "answers"
_OF_SOURCES: tuple[tuple[str, Callable[[FoundMethod], str]], ...] = (
    ("record", sources.check_record),
    ("imports", sources.check_imports),
)
_OF_ANSWERS: tuple[tuple[str, Callable[[Subject], str]], ...] = (
    (ANSWERS, answers.check_answer),
    ("size rule", answers.check_sizes),
    ("any picture", answers.check_pictures),
    ("repeatable", answers.check_repeatable),
    ("batch", answers.check_batch),
    ("views", answers.check_views),
    ("inputs", answers.check_inputs_untouched),
    ("process", answers.check_surroundings),
    ("inference mode", answers.check_inference_mode),
)
_OF_NETWORKS: tuple[tuple[str, Callable[[Subject], str]], ...] = (
    ("parameters", network.check_parameters),
    ("multiply-adds", network.check_macs),
    ("recognition", network.check_recognition),
    ("weights", network.check_weights),
)


@dataclass(frozen=True)
class Report:
    """What was found of one method."""

    method: str
    """Its id; the folder's name if its record cannot be read."""
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()
    """Checks that were not made, because they need what failed."""

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(finding.passed for finding in self.findings)


def check_folder(id_or_path: str | Path, *, weights: str | Path | None = None, device: str = "cpu") -> list[Report]:
    """Examine the method of an id or of ``path:variant``; of a plugin folder all its variants.

    Args:
        id_or_path: Also a checkpoint folder.
        weights: As in ``check_method``.
        device: Where it runs.

    Raises:
        UsageError: If it is no method, takes no weights and some are given, or has several variants to give them to.
        MissingPrerequisiteError: If it needs something that is not here, or is not offered.
        IntegrityError: If the weights are damaged or of another network.
    """
    try:
        methods = _methods_behind(id_or_path)
    except UsageError as error:
        folder = Path(id_or_path).expanduser()
        if not (folder / RECORD_FILE).is_file():
            raise
        return [Report(folder.absolute().name, (Finding("record", False, error.message, error.hint),))]
    if weights is not None and len(methods) > 1:
        names = ", ".join(f"{id_or_path}:{method.record.variant}" for method in methods)
        raise UsageError(f"{id_or_path} has {len(methods)} variants, the weights are of one", hint=f"name one: {names}")
    return [_report(method, check_method(method, weights=weights, device=device)) for method in methods]


def _methods_behind(id_or_path: str | Path) -> list[FoundMethod]:
    method = find_method(id_or_path)
    if str(id_or_path) in find_methods() or not Path(id_or_path).expanduser().is_dir():
        return [method]
    return methods_in(method.folder)


def _report(method: FoundMethod, findings: list[Finding]) -> Report:
    made = {finding.name for finding in findings}
    planned = (*(name for name, _ in _OF_SOURCES), BUILDS, *(name for name, _ in _after_building(method)))
    return Report(method.record.id, tuple(findings), tuple(name for name in planned if name not in made))


def check_method(
    id_or_path: str | Path | FoundMethod, *, weights: str | Path | None = None, device: str = "cpu"
) -> list[Finding]:
    """Examine one method.

    A network without given weights gets made-up ones, which are the same every time. A check that failed and that all
    later ones need is the last one.

    Args:
        id_or_path: An id, a plugin folder (its default variant), ``path:variant`` or a checkpoint folder.
        weights: Weights for a network, as ``load_method`` takes them.
        device: Where it runs.

    Raises:
        UsageError: If it is no method, its record is not valid, or it takes no weights and some are given.
        MissingPrerequisiteError: If it needs something that is not here, or is not offered.
        IntegrityError: If the weights are damaged or of another network.
    """
    method = id_or_path if isinstance(id_or_path, FoundMethod) else find_method(id_or_path)
    if weights is not None:
        choose_weights(method, str(weights))  # weights that are not there, or not wanted, are no fault of the method
    findings = [found_by(name, partial(check, method)) for name, check in _OF_SOURCES]
    try:
        subject = _built(method, weights, device)
    except BrokenContractError as broken:
        return [*findings, Finding(BUILDS, False, broken.detail, broken.hint)]
    kind = "made-up" if subject.fresh else "its own" if method.record.needs_weights else "no"
    findings.append(Finding(BUILDS, True, f"{type(subject.deblurrer).__name__}, {kind} weights"))
    for name, check in _after_building(method):
        with watched():  # a method that spoils the process fails the check of that name, and spoils nothing else
            findings.append(found_by(name, partial(check, subject)))
        if name == ANSWERS and not findings[-1].passed:
            break
    return findings


def _after_building(method: FoundMethod) -> list[tuple[str, Callable[[Subject], str]]]:
    checks = list(_OF_ANSWERS)
    if own_inference(method.record).kind != "whole":
        checks.append(("own inference", answers.check_own_inference))
    if method.record.kind == "network" and not method.is_checkpoint:
        checks += _OF_NETWORKS
    return checks


def _built(method: FoundMethod, weights: str | Path | None, device: str) -> Subject:
    """Load a method; nothing of the process may change, but initial weights may draw random numbers."""
    fresh = method.record.needs_weights and not method.is_checkpoint and weights is None
    what, hint = "building it", "make the import and build() run"
    # Weights that somebody gave are somebody's: if they do not fit, that is told as such.
    with telling(what, hint, spared=(IntegrityError,)), watched(random_numbers=False) as changes:
        loaded = load_method(method, device=device, inference=WHOLE, weights=weights, untrained=fresh)
    if changes:
        raise BrokenContractError(
            f"importing and building it changed {'; '.join(changes)}", "leave what belongs to the process alone"
        )
    if fresh and loaded.network is not None:
        network.stir(loaded.network, method.record.id)
    return Subject(method, loaded, device, fresh)
