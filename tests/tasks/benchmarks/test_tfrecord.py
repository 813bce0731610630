"""Reading TFRecord files: sound, damaged, cut off and foreign ones."""

import struct
import tracemalloc

import numpy as np
import pytest

from tasks.benchmarks.tfrecord import read_tfrecord
from tasks.errors import InputError

_TABLE = []
for _byte in range(256):
    _register = _byte
    for _ in range(8):
        _register = _register >> 1 ^ (0x82F63B78 if _register & 1 else 0)
    _TABLE.append(_register)


def masked_crc(data):
    """The masked CRC-32C as the format's documentation states it, byte by byte."""
    register = 0xFFFFFFFF
    for byte in data:
        register = _TABLE[(register ^ byte) & 0xFF] ^ register >> 8
    crc = register ^ 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data):
    """One record."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, struct.pack("<I", masked_crc(length)), data, struct.pack("<I", masked_crc(data)))
    )


@pytest.fixture
def records():
    rng = np.random.default_rng(0)
    return [rng.bytes(int(size)) for size in (40, 0, 1, 300, 299, 40)]


def _write(path, content):
    path.write_bytes(content)
    return path


def test_the_published_mask():
    # The bytes that TensorFlow writes for an empty record.
    assert frame(b"")[:12] == bytes.fromhex("000000000000000029039807")
    assert frame(b"")[12:] == bytes.fromhex("d8ea82a2")


def test_records_come_back_with_their_offsets(tmp_path, records):
    path = _write(tmp_path / "a.tfrecord", b"".join(map(frame, records)))
    sizes = [16 + len(record) for record in records]
    offsets = [sum(sizes[:i]) for i in range(len(sizes))]
    assert list(read_tfrecord(path)) == list(zip(offsets, records, strict=True))
    assert list(read_tfrecord(str(path))) == list(read_tfrecord(path))


def test_an_empty_file_has_no_records(tmp_path):
    assert list(read_tfrecord(_write(tmp_path / "a.tfrecord", b""))) == []


@pytest.mark.parametrize("bad", [0, 3, 5])
def test_damaged_content_names_the_record_and_spares_those_before(tmp_path, records, bad):
    frames = [bytearray(frame(record)) for record in records]
    frames[bad][20] ^= 4
    path = _write(tmp_path / "a.tfrecord", b"".join(frames))
    offset = sum(map(len, frames[:bad]))
    read = []
    with pytest.raises(InputError, match=rf"a\.tfrecord: record at byte {offset}: its content is damaged"):
        read.extend(content for _, content in read_tfrecord(path))
    assert read == [] or read == records[:bad]
    stepwise = read_tfrecord(path)
    assert [next(stepwise)[1] for _ in range(bad)] == records[:bad]
    with pytest.raises(InputError, match=f"byte {offset}"):
        next(stepwise)


def test_a_damaged_checksum_counts_as_damage(tmp_path, records):
    content = bytearray(b"".join(map(frame, records)))
    content[-1] ^= 1
    with pytest.raises(InputError, match=f"byte {len(content) - 56}: its content is damaged"):
        list(read_tfrecord(_write(tmp_path / "a.tfrecord", content)))


def test_a_damaged_length_is_not_followed(tmp_path, records):
    content = bytearray(b"".join(map(frame, records)))
    content[56 + 2] ^= 1
    with pytest.raises(InputError, match="record at byte 56: its length is damaged"):
        list(read_tfrecord(_write(tmp_path / "a.tfrecord", content)))


def test_the_first_fault_is_the_one_that_is_named(tmp_path, records):
    content = bytearray(b"".join(map(frame, records)))[:-3]
    content[20] ^= 1
    with pytest.raises(InputError, match="record at byte 0: its content is damaged"):
        list(read_tfrecord(_write(tmp_path / "a.tfrecord", content)))


@pytest.mark.parametrize("keep", range(1, 56))
def test_a_file_cut_off_anywhere_in_its_last_record(tmp_path, records, keep):
    content = b"".join(map(frame, records))
    last = len(content) - 56
    path = _write(tmp_path / "a.tfrecord", content[: last + keep])
    reader = read_tfrecord(path)
    assert [next(reader)[1] for _ in records[:-1]] == records[:-1]
    with pytest.raises(InputError, match=rf"a\.tfrecord: record at byte {last} is cut off"):
        next(reader)


def test_an_enormous_length_is_not_allocated(tmp_path):
    length = struct.pack("<Q", 2**62)
    path = _write(tmp_path / "a.tfrecord", length + struct.pack("<I", masked_crc(length)) + b"abc")
    with pytest.raises(InputError, match=r"has 4611686018427387904 bytes .* ends after 3"):
        list(read_tfrecord(path))


@pytest.mark.parametrize(
    "content", [b"PAR1" * 20, b"\x1f\x8b\x08\x00" + bytes(40), b"<html>not found</html>"]
)
def test_a_foreign_file_is_named(tmp_path, content):
    with pytest.raises(InputError, match="at byte 0: this is not an uncompressed TFRecord file"):
        list(read_tfrecord(_write(tmp_path / "a.tfrecord", content)))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"b\.tfrecord: cannot be read \(No such file"):
        list(read_tfrecord(tmp_path / "b.tfrecord"))
    with pytest.raises(InputError, match="Is a directory"):
        list(read_tfrecord(tmp_path))


def test_memory_does_not_grow_with_the_file(tmp_path):
    # 12 MiB, of one record again and again.
    path = _write(tmp_path / "a.tfrecord", frame(bytes(range(256)) * 4) * 12_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_tfrecord(path)) == 12_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One batch, its matrix, and registers of four bytes per two bytes of content.
    assert peak < 10 * 2**20
