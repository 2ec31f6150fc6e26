"""A Parquet file: numbers with every digit, everything else as text."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from ldpbench.site.exports.shown import ShownTable


def to_parquet(table: ShownTable) -> bytes:
    """The columns of the CSV: doubles where a column holds numbers (null where missing), else strings."""
    arrays: dict[str, pa.Array] = {}
    rows = list(table.rows)
    if table.has_headings:
        arrays["Group"] = pa.array([group for group, _ in rows], pa.string())
    for place, column in enumerate(table.columns):
        cells = [row[place] for _, row in rows]
        arrays[column.heading] = (
            pa.array([cell.value for cell in cells], pa.float64())
            if column.is_number
            else pa.array([None if cell.mark == "missing" else cell.text for cell in cells], pa.string())
        )
        if note := table.notes_title(place):
            arrays[note] = pa.array([cell.note or None for cell in cells], pa.string())
    stream = io.BytesIO()
    pq.write_table(pa.table(arrays, metadata={"caption": table.caption}), stream)
    return stream.getvalue()
