from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.rows import ROW_SCHEMA, to_table
from pipeline.store.parts import DamagedPartError, decode, encode, open_part

COLUMNS = ["key", "status", "finished_at", "kendall"]


def test_any_damaged_byte_of_a_column_is_noticed(row):
    """Checksums: without them a flipped bit in a number is read as another number."""
    table = to_table([row(n, kendall=n / 7, traceback="x" * 999) for n in range(9)])
    good = encode(table)
    group = pq.ParquetFile(pa.BufferReader(good)).metadata.row_group(0)
    noticed = 0
    for index in (ROW_SCHEMA.names.index("key"), ROW_SCHEMA.names.index("kendall")):
        chunk = group.column(index)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        for position in range(start, start + chunk.total_compressed_size):
            bad = good[:position] + bytes([good[position] ^ 4]) + good[position + 1 :]
            try:
                got = decode(open_part("bad", pa.BufferReader(bad)), ROW_SCHEMA, COLUMNS)
            except DamagedPartError:
                noticed += 1
            else:  # bytes of page headers that say nothing about the values
                assert got.equals(table.select(COLUMNS))
    assert noticed > 100


def test_keys_are_not_dictionary_encoded_and_the_rest_is(row):
    data = encode(to_table([row(n) for n in range(100)]))
    group = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0)
    encodings = {group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)}
    assert "RLE_DICTIONARY" not in encodings["key"]
    assert "RLE_DICTIONARY" in encodings["status"]
