"""A submission that was found true, as a run of this home."""

from pathlib import Path

from ldpbench.core.atomic import replacing_folder, write_bytes, write_text
from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.results.parquet import write_tables
from ldpbench.results.run_store import folder_at
from ldpbench.submission.verify import Verdict


def accept(verdict: Verdict, home: Home) -> Path:
    """Write the recomputed rows as a run folder; the next ingest takes it in, marked as re-verified.

    Args:
        verdict: Without faults.
        home: Whose run folders it joins.

    Raises:
        UsageError: If there are faults, or a run of that name is here already.
        StorageError: If the disk refuses.
    """
    if verdict.faults:
        raise UsageError("a submission with faults cannot be accepted", hint="`ldpbench check` lists them")
    # The pictures stay in the submission.
    record = verdict.record.model_copy(update={"predictions": None})
    folder = home.runs / record.run_id
    if folder.exists():
        raise UsageError(f"{folder} is there already", hint="remove it first to take it in again")
    home.runs.mkdir(parents=True, exist_ok=True)
    with replacing_folder(folder) as fresh:
        write_text(fresh / "run.json", record.model_dump_json(by_alias=True, indent=2) + "\n")
        lines = [made.row.model_dump_json() + "\n" for made in verdict.made]
        write_text(fresh / "scores.jsonl", "".join(lines))
        for made in verdict.made:
            for name, data in made.files.items():
                (fresh / name).parent.mkdir(exist_ok=True)
                write_bytes(fresh / name, data)
    write_tables(folder_at(folder))
    return folder
