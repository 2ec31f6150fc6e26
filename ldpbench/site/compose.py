"""From facts to pages: pure, so that what a page says can be tested without a disk."""

import json
import shlex
from collections.abc import Mapping

from ldpbench.core.names import share_of
from ldpbench.records import Environment, MethodRef, RunRecord
from ldpbench.results.views import StoredRun
from ldpbench.site.board import board_pages_of, gallery_page_of
from ldpbench.site.facts import Facts, SceneKey, ScenePictures
from ldpbench.site.index import index_page
from ldpbench.site.lookup import Lookup
from ldpbench.site.method import method_page_of
from ldpbench.site.names import method_page, run_page
from ldpbench.site.numbers import bytes_text, three_digits
from ldpbench.site.pages import (
    AnyPage,
    Badge,
    Cell,
    Column,
    Fact,
    Link,
    RowGroup,
    RunPage,
    Table,
)
from ldpbench.site.scene import scene_page_of
from ldpbench.site.tables import (
    image_table,
    inputs_text,
)


def compose(facts: Facts, pictures: Mapping[SceneKey, ScenePictures]) -> tuple[AnyPage, ...]:
    """Every page of the site, the index first."""
    lookup = Lookup(facts, pictures)
    return (
        index_page(lookup),
        *(page for protocol in lookup.protocols.values() for page in board_pages_of(protocol, lookup)),
        *(gallery_page_of(dataset_id, split, lookup) for dataset_id, split in lookup.scene_ids),
        *(
            scene_page_of((dataset_id, split, sample_id), lookup)
            for (dataset_id, split), sample_ids in lookup.scene_ids.items()
            for sample_id in sample_ids
        ),
        *(_run_page(run, lookup) for run in lookup.runs),
        *(method_page_of(method_id, lookup) for method_id in sorted(lookup.known_methods)),
    )


def _run_page(run: StoredRun, lookup: Lookup) -> RunPage:
    record = run.record
    links = lookup.scene_links(record.dataset.id, record.dataset.split)
    tables, failures = [], {}
    for protocol in record.protocols:
        if protocol.hash not in lookup.regions:
            continue
        board = lookup.main_board(protocol.hash)
        rows = [score for score in lookup.scores(board) if score.run_id == record.run_id]
        failures.update({score.sample_id: score.failure for score in rows if score.failure})
        table = image_table(rows, board.metrics, links, f"{lookup.board_title(protocol)}, image by image")
        tables.append((Link(text=lookup.board_title(protocol), href=lookup.pages[protocol.hash]), table))
    return RunPage(
        path=run_page(record.run_id),
        title=f"Run {record.run_id}",
        method=Link(text=record.method.title, href=method_page(record.method.id)),
        dataset=lookup.dataset_link(record.dataset.id) if lookup.protocols_of(record.dataset.id) else None,
        badge=Badge(text=record.status, kind="whole" if record.status == "complete" else "part"),
        facts=_run_facts(record),
        environment=_environment_facts(record.environment),
        command=shlex.join(record.command),
        config=json.dumps(record.config, indent=2, sort_keys=True, ensure_ascii=False),
        packages=_packages_table(record.environment),
        failures=_failures_table(failures, links),
        boards=tuple(tables),
    )


def _run_facts(record: RunRecord) -> tuple[Fact, ...]:
    method, dataset = record.method, record.dataset
    amount = f"{share_of(dataset.n_images, dataset.n_images_whole)} images"
    return (
        Fact(term="Status", text=record.status + _failed(record.failures)),
        Fact(term="Method", text=f"{method.id}, version {method.version}, {method.kind}, {inputs_text(method.inputs)}"),
        Fact(term="Code", text="SHA-256 over its sources", code=method.code_sha256),
        _weights_fact(method),
        Fact(term="Dataset", text=f"{dataset.id}, version {dataset.version}, split {dataset.split}, {amount}"),
        Fact(term="Content", text="fingerprint", code=dataset.fingerprint),
        Fact(term="Started", text=record.started_at),
        Fact(term="Finished", text=record.finished_at or "not finished"),
        Fact(term="Wall time", text=f"{three_digits(record.wall_s)} s" if record.wall_s is not None else "not known"),
        Fact(term="Cell", text="equal for runs whose numbers must be equal", code=record.cell),
    )


def _weights_fact(method: MethodRef) -> Fact:
    if method.untrained:
        return Fact(term="Weights", text="made up: it was run for its time alone and has no scores")
    if not method.weights_sha256:
        return Fact(term="Weights", text="none")
    files = ", ".join(method.weights_files)
    return Fact(term="Weights", text=f"{files}, SHA-256" if files else "SHA-256", code=method.weights_sha256)


def _failed(count: int) -> str:
    return f", {count} image{'s' * (count > 1)} failed" if count else ""


def _environment_facts(environment: Environment) -> tuple[Fact, ...]:
    revision = environment.git_revision
    changed = {True: "with uncommitted changes", False: "clean", None: "state not known"}[environment.git_dirty]
    memory = bytes_text(environment.ram_bytes) if environment.ram_bytes is not None else "not known"
    return (
        Fact(term="ldpbench", text=environment.ldpbench_version),
        Fact(term="Git revision", text=changed if revision else "not run from a checkout", code=revision),
        Fact(term="Python", text=environment.python),
        Fact(term="Platform", text=environment.platform),
        Fact(term="CPU", text=f"{environment.cpu}, {environment.cpu_count} cores"),
        Fact(term="Memory", text=memory),
        Fact(term="GPU", text=environment.gpu or "none"),
    )


def _packages_table(environment: Environment) -> Table:
    rows = tuple(
        (Cell(text=name, sort=name), Cell(text=version, sort=version))
        for name, version in sorted(environment.packages.items())
    )
    columns = (Column(title="Package", kind="text"), Column(title="Version", kind="text"))
    return Table(caption="Packages", columns=columns, groups=(RowGroup(rows=rows),))


def _failures_table(failures: Mapping[str, str], links: Mapping[str, str]) -> Table | None:
    if not failures:
        return None
    rows = tuple((Cell(text=name, href=links.get(name)), Cell(text=failures[name])) for name in sorted(failures))
    columns = (Column(title="Image", kind="text"), Column(title="What happened", kind="text"))
    return Table(caption="Failures", columns=columns, groups=(RowGroup(rows=rows),))
