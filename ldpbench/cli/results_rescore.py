"""``results rescore``: kept pictures under other metrics."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.ingest import ingest_and_tell
from ldpbench.cli.options import DatasetsOption, RunsOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, UsageError

if TYPE_CHECKING:
    from ldpbench.results.run_store import RunStore


def register(group: typer.Typer) -> None:
    """Add the command."""
    example = "ldpbench results rescore --dataset sample --metrics ssim-gauss,psnr-y"
    command(group, "rescore", schema="results.rescore", example=example)(_rescore)


def _rescore(
    session: Session,
    metrics: Annotated[str, typer.Option("--metrics", help="Ids of metrics, with commas: lpips-alex,ssim-gauss.")],
    run: Annotated[
        list[str] | None,
        typer.Option("--run", help="A run's id; left out: the latest with kept pictures of each method."),
    ] = None,
    method: Annotated[list[str] | None, typer.Option("--method", "-m", help="Only this method's runs.")] = None,
    dataset: DatasetsOption = None,
    protocol: Annotated[list[str] | None, typer.Option("--protocol", help="Only under this protocol.")] = None,
    runs: RunsOption = None,
) -> Answer:
    """Score kept pictures under more metrics, without running the methods again.

    Every run becomes a new one under protocols with the old and the new metrics; the old one stays.
    """
    from ldpbench.evaluation.rescore import rescore
    from ldpbench.results.run_store import RunStore

    store = RunStore(runs or session.home.runs)
    chosen = run or _kept(store, set(method or []), set(dataset or []))
    if not chosen:
        raise UsageError(
            "no run has kept pictures" + (" of these methods and datasets" if method or dataset else ""),
            hint="`ldpbench evaluate --save-predictions png16` keeps them",
        )
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    done = rescore(
        chosen,
        names,
        session.home,
        store,
        protocols=protocol or [],
        command=("ldpbench", *sys.argv[1:]),
        progress=session.reporter,
    )
    session.reporter.table(
        ("run", "from", "images", "failed", "largest change of what was measured before"),
        (
            (
                found.run_id,
                found.from_run,
                str(found.n_images),
                str(found.n_failed),
                ", ".join(f"{name} {change:.2g}" for name, change in found.largest_changes.items()) or "–",
            )
            for found in done
        ),
    )
    ingest_and_tell(session, runs)
    return Answer(
        [
            {
                "run_id": found.run_id,
                "rescored_from": found.from_run,
                "images": found.n_images,
                "failed": found.n_failed,
                "largest_changes": found.largest_changes,
            }
            for found in done
        ],
        exit_code=EXIT_FAILURES if any(found.n_failed for found in done) else EXIT_DONE,
    )


def _kept(store: "RunStore", methods: set[str], datasets: set[str]) -> list[str]:
    """The latest run with kept pictures of every method, dataset and set of protocols."""
    from ldpbench.results.run_folder import RUN_FILE, read_record

    latest: dict[tuple[str, ...], tuple[str, str]] = {}
    for run_id in store.run_ids():
        if RUN_FILE not in store.folder(run_id).names():
            continue
        record = read_record(store.folder(run_id))
        fits = (not methods or record.method.id in methods) and (not datasets or record.dataset.id in datasets)
        if fits and record.predictions is not None:
            key = (record.method.id, record.dataset.id, *sorted(protocol.hash for protocol in record.protocols))
            latest[key] = max(latest.get(key, ("", "")), (record.started_at, run_id))
    return [run_id for _, run_id in latest.values()]
