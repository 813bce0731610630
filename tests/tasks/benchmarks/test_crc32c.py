"""CRC-32C against published values and a bit-by-bit implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmarks.crc32c import crc32c


def _bit_by_bit(message):
    register = 0xFFFFFFFF
    for byte in message:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_published_values():
    # RFC 3720, appendix B.4; the first is the check value of the algorithm's catalogue entry.
    ascending = bytes(range(32))
    messages = [b"123456789", bytes(32), b"\xff" * 32, ascending, ascending[::-1]]
    expected = [0xE3069283, 0x8A9136AA, 0x62A8AB43, 0x46DD794E, 0x113FDB5C]
    assert crc32c(messages).tolist() == expected
    assert crc32c(messages).dtype == np.uint32


@given(st.lists(st.binary(max_size=70), max_size=12))
def test_messages_of_mixed_lengths(messages):
    assert crc32c(messages).tolist() == [_bit_by_bit(message) for message in messages]


@pytest.mark.parametrize("length", [255, 256, 257, 4_095, 4_097])
def test_lengths_around_powers_of_two(length):
    message = np.random.default_rng(length).bytes(length)
    assert crc32c([message]).tolist() == [_bit_by_bit(message)]


def test_more_than_fits_one_matrix():
    rng = np.random.default_rng(0)
    # 1.3 MiB in all, and one message that alone is longer than the limit.
    messages = [rng.bytes(int(size)) for size in rng.integers(0, 1_000, size=2_600)]
    messages.insert(7, b"\x01" + bytes(2_000_000))
    found = crc32c(messages)
    for row in (*range(0, len(messages), 400), len(messages) - 1):
        assert found[row] == _bit_by_bit(messages[row])
    # Splitting a message elsewhere must not matter: all at once equals one by one.
    assert [int(crc32c([message])[0]) for message in messages[:50]] == found[:50].tolist()


def test_every_single_bit_matters():
    message = np.random.default_rng(1).bytes(40)
    flipped = []
    for bit in range(8 * len(message)):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        flipped.append(bytes(changed))
    checksums = crc32c([message, *flipped])
    assert len(set(checksums.tolist())) == len(flipped) + 1


def test_no_messages():
    assert crc32c([]).shape == (0,)
    assert crc32c([b"", b""]).tolist() == [0, 0]
