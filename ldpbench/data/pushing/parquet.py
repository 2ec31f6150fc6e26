"""Prepared Arrow shards as Parquet files, one at a time, for hubs and their viewers."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ldpbench.core.atomic import explaining_storage

ROW_GROUP_BYTES = 64_000_000
"""Pictures in one row group at most, unless a single scene is larger: viewers read whole row groups."""


def write_parquet(shard: Path, target: Path, row_group_bytes: int = ROW_GROUP_BYTES) -> None:
    """Write one Arrow shard as Parquet. Nothing is compressed: pictures are already.

    Args:
        shard: An Arrow stream file of a prepared dataset.
        target: The Parquet file to make.
        row_group_bytes: Pictures in one row group at most.

    Raises:
        StorageError: If the disk is full or not ours.
    """
    with explaining_storage("write", target), pa.memory_map(str(shard)) as mapped:
        stream = pa.ipc.open_stream(mapped)
        # Without statistics, whose smallest and largest value would be whole pictures.
        options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
        with pq.ParquetWriter(target, stream.schema, **options) as writer:
            for table in _groups(stream, row_group_bytes):
                writer.write_table(table, row_group_size=max(table.num_rows, 1))


def _groups(stream: pa.ipc.RecordBatchStreamReader, limit: int) -> Iterator[pa.Table]:
    batches: list[pa.RecordBatch] = []
    size = 0
    for batch in stream:
        if batches and size + batch.nbytes > limit:
            yield pa.Table.from_batches(batches)
            batches, size = [], 0
        batches.append(batch)
        size += batch.nbytes
    yield pa.Table.from_batches(batches, schema=stream.schema)
