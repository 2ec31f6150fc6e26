"""A run as a folder that somebody can hand in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.atomic import replacing_folder, write_bytes, write_text
from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.evaluation.predictions import FOLDER, suffix_of
from ldpbench.records import RunRecord
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import RunStore
from ldpbench.submission.files import is_allowed
from ldpbench.submission.record import CARD, FILE, PREDICTIONS, RUN, Submission, is_submission

FILE_LIMIT_BYTES = 100 * 10**6
WHOLE_LIMIT_BYTES = 10**9
"""What GitHub takes in one file, and what it asks for in one repository."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What only the authors know."""

    contact: str
    licence: str
    paper: str | None = None
    code: str | None = None
    training_data: str | None = None


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A submission that was made."""

    folder: Path
    submission: Submission
    n_bytes: int
    remarks: tuple[str, ...]


def pack(run_id: str, store: RunStore, about: About, out: Path) -> Packed:
    """Put a run and its pictures into a folder of their own.

    Args:
        run_id: A finished run whose pictures were kept.
        store: Where the run folders are.
        about: What only the authors know.
        out: The new folder; an earlier submission there is replaced.

    Raises:
        UsageError: If ``out`` is something else, the run is not finished, or a scene's name cannot be a file's.
        MissingPrerequisiteError: If there is no such run, or its pictures were not kept.
        IntegrityError: If the run folder is damaged.
        StorageError: If the disk refuses.
    """
    if out.exists() and not is_submission(out) and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already and is no submission", hint="name another folder")
    stored = read_run(store.folder(run_id))
    record = stored.record
    _demand_whole(record)
    assert record.predictions is not None, "demanded"
    files = {f"{RUN}/run.json": store.read(run_id, "run.json"), CARD: _card(record, about).encode()}
    names = [name for name in store.folder(run_id).names() if name.startswith("scores") and name.endswith(".jsonl")]
    files |= {f"{RUN}/{name}": store.read(run_id, name) for name in names}
    for row in stored.rows:
        if row.failure is None:
            name = f"{row.sample_id}{suffix_of(record.predictions)}"
            files[f"{PREDICTIONS}/{name}"] = store.read(run_id, f"{FOLDER}/{name}")
    strange = [name for name in files if not is_allowed(name)]
    if strange:
        raise UsageError(f"{strange[0]!r} cannot be a file of a submission", hint="rename the scenes of the dataset")
    submission = _submission(record, about, {name: sha256_bytes(data) for name, data in sorted(files.items())})
    with replacing_folder(out) as fresh:
        for name, data in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            write_bytes(fresh / name, data)
        write_text(fresh / FILE, submission.model_dump_json(by_alias=True, indent=2) + "\n")
    sizes = {name: len(data) for name, data in files.items()}
    return Packed(folder=out, submission=submission, n_bytes=sum(sizes.values()), remarks=tuple(_remarks(sizes)))


def _demand_whole(record: RunRecord) -> None:
    if record.predictions is None:
        method, dataset = record.method.id, record.dataset.id
        raise MissingPrerequisiteError(
            f"the pictures of {record.run_id} were not kept",
            hint=f"`ldpbench evaluate --method {method} --dataset {dataset} --save-predictions png16` keeps them",
        )
    if record.status not in ("complete", "partial") or not record.protocols:
        raise UsageError(f"{record.run_id} is {record.status}", hint="run the same evaluation again to finish it")


def _submission(record: RunRecord, about: About, files: dict[str, str]) -> Submission:
    return Submission(
        schema=1,
        method_id=record.method.id,
        title=record.method.title,
        contact=about.contact,
        licence=about.licence,
        paper=about.paper,
        code=about.code,
        training_data=about.training_data,
        run_id=record.run_id,
        dataset=record.dataset.id,
        split=record.dataset.split,
        protocols=tuple(protocol.hash for protocol in record.protocols),
        files=files,
    )


def _card(record: RunRecord, about: About) -> str:
    """The same for people."""
    method = record.method
    facts = [
        ("Method", f"{method.title} (`{method.id}`, {method.kind}, {' + '.join(method.inputs)})"),
        ("Dataset", f"{record.dataset.id}, {record.dataset.split}"),
        ("Protocols", ", ".join(protocol.id for protocol in record.protocols)),
        ("Contact", about.contact),
        ("Licence of the pictures", about.licence),
        ("Paper", about.paper),
        ("Code", about.code),
        ("Trained on", about.training_data),
        ("Weights", method.weights_sha256 and f"SHA-256 `{method.weights_sha256}`"),
        ("Run", f"`{record.run_id}`, {record.started_at}"),
    ]
    lines = [f"- {term}: {text}" for term, text in facts if text]
    return "\n".join([f"# {method.title}", "", *lines]) + "\n"


def _remarks(sizes: dict[str, int]) -> Sequence[str]:
    large = [name for name, size in sizes.items() if size > FILE_LIMIT_BYTES]
    remarks = []
    if large:
        remarks.append(f"{len(large)} files are larger than 100 MB, such as {large[0]}: GitHub wants Git LFS for them")
    if sum(sizes.values()) > WHOLE_LIMIT_BYTES:
        remarks.append("the whole is larger than 1 GB: use Git LFS, or ask the maintainers where to put it")
    return remarks
