"""Files of TensorFlow records, read without TensorFlow.

A record is its length (8 bytes, little-endian), the masked CRC-32C of those 8 bytes, the content,
and the masked CRC-32C of the content (documentation of ``tf.io.TFRecordWriter``).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from tasks.benchmarks.crc32c import Registers, crc32c
from tasks.errors import InputError

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_MASK_DELTA = np.uint32(0xA282EAD8)
_BATCH_BYTES = 2**20
"""Records are checked together when they reach this size."""


def read_tfrecord(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield byte offset and content of each record, in the order of the file.

    Memory is bounded by 1 MiB and the longest record. Every checksum is verified; a record is
    yielded only if all before it are sound.

    Raises:
        InputError: There is no such file, it is not of this format, or a record is damaged or cut
            off; names the file and the byte at which the record begins.
    """
    batch: list[tuple[int, bytes, int]] = []
    size = 0
    try:
        for frame in _frames(Path(path)):
            batch.append(frame)
            size += len(frame[1])
            if size >= _BATCH_BYTES:
                yield from _verified(batch, path)
                batch, size = [], 0
    except InputError:
        # The frame that could not be read comes after those that wait.
        yield from _verified(batch, path)
        raise
    yield from _verified(batch, path)


def mask(checksums: Registers) -> Registers:
    """Return checksums as they are stored: a CRC of data that holds its own CRC is a weak one."""
    rotated = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return rotated + _MASK_DELTA


def _frames(path: Path) -> Iterator[tuple[int, bytes, int]]:
    """Yield byte offset, unchecked content and stored checksum of each record."""
    try:
        with path.open("rb", buffering=_BATCH_BYTES) as file:
            end = os.fstat(file.fileno()).st_size
            offset = 0
            while offset < end:
                header = file.read(_HEADER.size)
                where = f"{path}: record at byte {offset}"
                if len(header) < _HEADER.size:
                    raise InputError(f"{where} is cut off after {len(header)} bytes of its header")
                length, checksum = _HEADER.unpack(header)
                if checksum != _length_checksum(length):
                    hint = "this is not an uncompressed TFRecord file, or " if offset == 0 else ""
                    raise InputError(f"{where}: {hint}its length is damaged (wrong checksum)")
                rest = end - offset - _HEADER.size
                if length + _FOOTER.size > rest:
                    raise InputError(
                        f"{where} is cut off: it has {length} bytes and a checksum of {_FOOTER.size}, but "
                        f"the file ends after {rest}; download it again"
                    )
                content = file.read(length)
                yield offset, content, _FOOTER.unpack(file.read(_FOOTER.size))[0]
                offset += _HEADER.size + length + _FOOTER.size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _verified(batch: list[tuple[int, bytes, int]], path: str | Path) -> Iterator[tuple[int, bytes]]:
    stored = np.array([checksum for _, _, checksum in batch], dtype=np.uint32)
    sound = mask(crc32c([content for _, content, _ in batch])) == stored
    for (offset, content, _), good in zip(batch, sound.tolist(), strict=True):
        if not good:
            raise InputError(
                f"{path}: record at byte {offset}: its content is damaged (wrong checksum); download the "
                "file again"
            )
        yield offset, content


@lru_cache(maxsize=2**16)
def _length_checksum(length: int) -> int:
    return int(mask(crc32c([struct.pack("<Q", length)]))[0])
