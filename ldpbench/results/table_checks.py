"""What must hold of a run's rows, asked of whole columns: the same questions that reading JSON asks line by line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from ldpbench.records import Certificate, RunRecord
from ldpbench.records.base import validation_sentence
from ldpbench.records.run import ScoreStatus

_PLACE = ("sample_id", "protocol", "region", "metric")
"""What tells one score of a run from another."""


@dataclass(frozen=True)
class _Codes:
    """A column of texts as numbers, and what they stand for."""

    numbers: np.ndarray
    texts: pa.Array


def table_faults(record: RunRecord, images: pa.Table, scores: pa.Table) -> list[str]:
    """Whatever is wrong with the rows of a run.

    Args:
        record: The run.
        images: One row per image, columns as ``tables_of`` gives them.
        scores: One row per score, columns as ``tables_of`` gives them.

    Returns:
        One sentence for each kind of fault, with the number of rows that have it; empty if all is well.
    """
    return [*_image_faults(record, images), *_score_faults(record, images, scores)]


def _image_faults(record: RunRecord, images: pa.Table) -> Iterator[str]:
    yield from _common_faults(record, images, ("sample_id", "height_px", "width_px"))
    repeated = images.num_rows - pc.count_distinct(images["sample_id"]).as_py()
    if repeated:
        yield f"{repeated} images are there twice"
    if record.status == "complete" and images.num_rows != record.dataset.n_images:
        yield f"expected {record.dataset.n_images} images of a complete run, found {images.num_rows}"
    yield from _endless(images, "seconds", "clipped_fraction")
    if negative := _count(pc.less(images["seconds"], 0)):
        yield f"{negative} images took less than no time"
    halves = pc.xor(pc.is_null(images["failure_kind"]), pc.is_null(images["failure_message"]))
    if half := _count(halves):
        yield f"{half} failures lack their kind or their message"
    for text in images["certificates"].drop_null().to_pylist():
        try:
            for certificate in json.loads(text):
                Certificate.model_validate_json(json.dumps(certificate))
        except ValidationError as error:
            yield f"a certificate is not one: {validation_sentence(error)}"
        except (ValueError, TypeError):
            yield "a certificate is not JSON"


def _score_faults(record: RunRecord, images: pa.Table, scores: pa.Table) -> Iterator[str]:
    missing = list(_common_faults(record, scores, (*_PLACE, "status")))
    if missing or scores.num_rows == 0:
        yield from missing
        return
    codes = {name: _codes(scores[name]) for name in (*_PLACE, "status")}
    if strangers := _count(pc.invert(pc.is_in(codes["sample_id"].texts, images["sample_id"]))):
        yield f"the scores of {strangers} images belong to no image of the run"
    yield from _reference_faults(record, codes)
    places = np.sort(_combined(codes, _PLACE))
    if repeated := int(np.count_nonzero(places[1:] == places[:-1])):
        yield f"{repeated} scores are there twice"
    yield from _endless(scores, "value")
    yield from _value_faults(images, scores, codes)


def _common_faults(record: RunRecord, table: pa.Table, needed: tuple[str, ...]) -> Iterator[str]:
    """Of another run, or without what every row has."""
    strange = set(pc.unique(table["run_id"]).to_pylist()) - {record.run_id}
    if strange:
        yield f"expected rows of the run {record.run_id}, found {sorted(map(str, strange))[0]}"
    for name in needed:
        if table[name].null_count:
            yield f"{table[name].null_count} rows have no {name}"


def _endless(table: pa.Table, *names: str) -> Iterator[str]:
    """Numbers that are none."""
    for name in names:
        if wrong := _count(pc.invert(pc.is_finite(table[name]))):
            yield f"{wrong} rows have a {name} that is not finite"


def _reference_faults(record: RunRecord, codes: dict[str, _Codes]) -> Iterator[str]:
    """Protocols, regions and metrics that the record does not speak of."""
    expected = {
        (protocol.hash, region, reference.partition("/")[0])
        for protocol in record.protocols
        for region in protocol.regions
        for reference in protocol.metrics
    }
    names = ("protocol", "region", "metric")
    shape = [len(codes[name].texts) for name in names]
    for numbers in zip(*np.unravel_index(np.flatnonzero(np.bincount(_combined(codes, names))), shape), strict=True):
        place = tuple(codes[name].texts[int(number)].as_py() for name, number in zip(names, numbers, strict=True))
        if place not in expected:
            yield f"the record has no metric {place[2]} in region {place[1]!r} of protocol {place[0][:12]}"


def _value_faults(images: pa.Table, scores: pa.Table, codes: dict[str, _Codes]) -> Iterator[str]:
    """A value without the status that goes with it."""
    status = codes["status"]
    statuses = status.texts.to_pylist()
    if unknown := set(statuses) - set(get_args(ScoreStatus)):
        yield f"no score has the status {sorted(unknown)[0]!r}"
        return
    is_ok = np.array([text == "ok" for text in statuses])[status.numbers]
    has_value = scores["value"].is_valid().to_numpy()
    if wrong := int(np.count_nonzero(is_ok != has_value)):
        yield f"{wrong} scores have a value without the status ok, or the status without a value"
    failed = images.filter(pc.is_valid(images["failure_kind"]))["sample_id"]
    if failed.length():
        sample = codes["sample_id"]
        of_failed = pc.is_in(sample.texts, failed).to_numpy(zero_copy_only=False)[sample.numbers]
        if wrong := int(np.count_nonzero(of_failed & is_ok)):
            yield f"{wrong} scores have a value although their image failed"


def _codes(column: pa.ChunkedArray) -> _Codes:
    whole = pc.dictionary_encode(column).combine_chunks()
    array = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return _Codes(array.indices.to_numpy(), array.dictionary)


def _combined(codes: dict[str, _Codes], names: tuple[str, ...]) -> np.ndarray:
    """One number for each combination of texts."""
    combined = np.zeros(len(codes[names[0]].numbers), np.int64)
    for name in names:
        combined = combined * len(codes[name].texts) + codes[name].numbers
    return combined


def _count(mask: pa.ChunkedArray | pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
