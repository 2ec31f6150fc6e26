"""``submit``: hand in results; and the half of ``check`` that looks at what was handed in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES

if TYPE_CHECKING:
    from ldpbench.submission.verify import Verdict

_FAULTS_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = 'ldpbench submit RUN --contact "A. Author <a@example.org>" --out submissions/my-net'
    command(app, "submit", schema="submit", example=example)(_submit)


def _submit(
    session: Session,
    run: Annotated[
        str, typer.Argument(help="Id of a run whose pictures were kept; `ldpbench results runs` lists them.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.")],
    contact: Annotated[str, typer.Option("--contact", help="Whom to ask: a name with a mail or web address.")],
    licence: Annotated[str, typer.Option("--licence", help="Of the pictures that are handed in.")] = "CC-BY-4.0",
    paper: Annotated[str | None, typer.Option("--paper", help="Address of a paper.")] = None,
    code: Annotated[str | None, typer.Option("--code", help="Address of the code.")] = None,
    training_data: Annotated[str | None, typer.Option("--training-data", help="What it was trained on.")] = None,
) -> Answer:
    """Make a folder that a pull request can carry: the run, its pictures, a card and a checksum of everything."""
    from ldpbench.results.run_store import RunStore
    from ldpbench.submission.pack import About, pack

    about = About(contact=contact, licence=licence, paper=paper, code=code, training_data=training_data)
    packed = pack(run, RunStore(session.home.runs), about, out.absolute())
    for remark in packed.remarks:
        session.reporter.warn(remark)
    session.reporter.line(str(packed.folder))
    session.reporter.note(
        f"{len(packed.submission.files)} files, {packed.n_bytes / 1e6:.1f} MB; `ldpbench check {out}` is what the "
        "maintainers will run"
    )
    return Answer(
        {
            "folder": packed.folder,
            "n_files": len(packed.submission.files),
            "n_bytes": packed.n_bytes,
            "remarks": list(packed.remarks),
            "submission": packed.submission.model_dump(mode="json", by_alias=True),
        }
    )


def check_submission(session: Session, folder: Path, *, take_in: bool, summary: Path | None) -> Answer:
    """Recompute everything that was handed in; say what differs; take it in if that was asked for."""
    from ldpbench.core.atomic import write_text
    from ldpbench.submission.accept import accept
    from ldpbench.submission.verify import verify

    verdict = verify(folder, session.home, session.reporter)
    _show(session, verdict)
    run = accept(verdict, session.home) if take_in and not verdict.faults else None
    if run is not None:
        session.reporter.note(f"taken in as {run}: `ldpbench ingest` brings it onto the boards, marked re-verified")
    if summary is not None:
        write_text(summary, _summary(verdict))
    submission = verdict.submission
    answer = {
        "method": submission.method_id,
        "run_id": submission.run_id,
        "dataset": submission.dataset,
        "passed": not verdict.faults,
        "faults": list(verdict.faults),
        "worst": {metric: {"change": change, "image": image} for metric, (change, image) in verdict.worst.items()},
        "run": run,
    }
    return Answer(answer, exit_code=EXIT_FAILURES if verdict.faults else EXIT_DONE)


def _show(session: Session, verdict: "Verdict") -> None:
    submission = verdict.submission
    if verdict.worst:
        session.reporter.table(
            ("metric", "largest difference", "image"),
            ((metric, f"{change:.2g}", image) for metric, (change, image) in sorted(verdict.worst.items())),
            title=f"{submission.method_id} on {submission.dataset}/{submission.split}",
            numbers=1,
        )
    for fault in verdict.faults[:_FAULTS_SHOWN]:
        session.reporter.line(f"FAULT: {fault}")
    if len(verdict.faults) > _FAULTS_SHOWN:
        session.reporter.line(f"and {len(verdict.faults) - _FAULTS_SHOWN} more; --json lists all of them")
    verified = f"re-verified: {len(verdict.made)} images, every number recomputed"
    session.reporter.line(f"{len(verdict.faults)} faults" if verdict.faults else verified)


def _summary(verdict: "Verdict") -> str:
    """The verdict in Markdown, for whoever reads a pull request. Text of others is code, which nothing renders."""
    submission = verdict.submission

    def quoted(text: str) -> str:
        return f"`{text.replace('`', chr(39))}`"

    lines = [f"## {quoted(submission.method_id)} on {quoted(submission.dataset)}", ""]
    if verdict.faults:
        lines += [f"{len(verdict.faults)} faults:", "", *(f"- {quoted(fault)}" for fault in verdict.faults)]
    else:
        lines += [f"Re-verified: {len(verdict.made)} images, every number recomputed.", ""]
        lines += ["| metric | largest difference | image |", "|---|--:|---|"]
        lines += [
            f"| {name} | {change:.2g} | {quoted(image)} |" for name, (change, image) in sorted(verdict.worst.items())
        ]
    return "\n".join(lines) + "\n"
