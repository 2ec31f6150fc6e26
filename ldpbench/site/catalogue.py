"""``index.json``: everything the pages show, for programs. docs/leaderboard.md says what each field means."""

import json
from typing import Any

from ldpbench.records import Protocol
from ldpbench.results.export import board_document
from ldpbench.results.views import Board, StoredRun
from ldpbench.site.board import view_path
from ldpbench.site.facts import Facts
from ldpbench.site.lookup import Lookup
from ldpbench.site.names import method_page, run_page

SCHEMA = 1


def catalogue(facts: Facts, version: str) -> bytes:
    """The document. Addresses are relative to it; numbers have every digit; what is infinite has a status.

    Args:
        facts: What the pages are made from.
        version: Of ldpbench.
    """
    lookup = Lookup(facts, {})
    document = {
        "schema": SCHEMA,
        "generator": {"name": "ldpbench", "version": version},
        "datasets": [
            {"id": name, "title": lookup.dataset_title(name), "page": lookup.dataset_link(name).href}
            for name in dict.fromkeys(protocol.dataset_id for protocol in lookup.protocols.values())
        ],
        "boards": [
            _board(board, lookup) for protocol in lookup.protocols.values() for board in _views(protocol, lookup)
        ],
        "methods": [
            {"id": name, "title": _title(name, lookup), "page": method_page(name)}
            for name in sorted(lookup.known_methods)
        ],
        "scenes": [
            {"dataset": dataset_id, "split": split, "id": sample_id, "page": page}
            for dataset_id, split in lookup.scene_ids
            for sample_id, page in lookup.scene_links(dataset_id, split).items()
        ],
        "runs": [_run(run) for run in lookup.runs],
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _views(protocol: Protocol, lookup: Lookup) -> list[Board]:
    return [*lookup.regions[protocol.hash].values(), *lookup.groups(protocol.hash)]


def _board(board: Board, lookup: Lookup) -> dict[str, Any]:
    return {"page": view_path(board, lookup), **board_document(board)}


def _title(method_id: str, lookup: Lookup) -> str:
    record = lookup.facts.methods.get(method_id)
    return record.title if record else lookup.method_titles[method_id]


def _run(run: StoredRun) -> dict[str, Any]:
    record = run.record
    return {
        "id": record.run_id,
        "page": run_page(record.run_id),
        "method": record.method.id,
        "dataset": record.dataset.id,
        "split": record.dataset.split,
        "status": record.status,
        "started_at": record.started_at,
        "weights_sha256": record.method.weights_sha256,
        "protocols": [protocol.hash for protocol in record.protocols],
    }
