"""Files in the official format of NAS-Bench-101, written by other means than those that read them."""

import base64
import json
import struct

import numpy as np

from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench101 import NasBench101

SPACE = NasBench101()
CIFAR10 = DatasetInfo("cifar10", 10, 32)


def _masked_crc(data):
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    crc = register ^ 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _frame(data):
    length = struct.pack("<Q", len(data))
    return length + _masked_crc(length) + data + _masked_crc(data)


def _varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def _double(number, value):
    return bytes([number << 3 | 1]) + struct.pack("<d", value)


def _bytes(number, value):
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _evaluation(epoch, time, train, val, test):
    fields = (epoch, time, train, val, test)
    encoded = b"".join(_double(i, value) for i, value in enumerate(fields, 1) if value is not None)
    return _bytes(1, encoded + _bytes(6, b"/model/model.ckpt-1"))


def _metrics(epochs, time, val, test, params):
    return (
        _evaluation(0.0, 0.0, 0.1, 0.1, 0.1)
        + _evaluation(epochs / 2, None if time is None else time / 2, 0.5, 0.4, 0.4)
        + _evaluation(float(epochs), time, 0.99, val, test)
        + (b"" if params is None else b"\x10" + _varint(params))
        + _double(3, 1e5)
    )


class Cell:
    """One cell and what its records say."""

    def __init__(self, row, params):
        cell = SPACE.graph(as_arch(row))
        self.arch = as_arch(row)
        self.hash = SPACE.canonical(self.arch)
        self.params = int(params)
        self.adjacency = "".join(str(int(bit)) for bit in cell.adjacency.ravel())
        self.operations = ",".join(cell.operations)

    def record(self, epochs, time, val, test, /, **changes):
        """The content of a record; ``changes`` replace fields."""
        params = changes.pop("params", self.params)
        metrics = base64.b64encode(_metrics(epochs, time, val, test, params)).decode()
        fields = {
            "hash": self.hash,
            "epochs": epochs,
            "adjacency": self.adjacency,
            "operations": self.operations,
            "metrics": metrics,
        }
        return json.dumps(list({**fields, **changes}.values())).encode()


def sample_cells():
    """Twelve different cells of three to seven vertices."""
    codes = SPACE.prune(SPACE.sample(np.random.default_rng(0), 40))
    _, first = np.unique(SPACE.canonical_many(codes), return_index=True)
    codes = codes[np.sort(first)][:12]
    return [Cell(*pair) for pair in zip(codes, SPACE.count(codes, CIFAR10)[0], strict=True)]


def write_records(path, records):
    path.write_bytes(b"".join(map(_frame, records)))
    return path
