"""Plain pickles are read, anything else is refused before it runs."""

import bz2
import collections
import copyreg
import os
import pickle

import numpy as np
import pytest

from tasks.benchmarks.unpickle import load_data, load_plain
from tasks.errors import InputError

PLAIN = {
    "numbers": [0, -1, 255, 70_000, 2**70, 1.5, float("inf"), True, False, None],
    "text": ["", "grüße", "x" * 300],
    "nested": {"tuple": (1, (2, 3), (), (1, 2, 3, 4)), "set": {1, 2}, "frozen": frozenset({"a"}), 5: {}},
    "shared": [[1]] * 2,
}


@pytest.mark.parametrize("protocol", [4, 5])
def test_plain_data_are_read(protocol, tmp_path):
    content = pickle.dumps(PLAIN, protocol)
    assert load_plain(content) == PLAIN
    path = tmp_path / "plain.pkl"
    path.write_bytes(content)
    assert load_plain(path) == load_plain(str(path)) == PLAIN


@pytest.mark.parametrize("protocol", range(4))
def test_older_protocols_are_read(protocol):
    # Before protocol 4 sets were written as a call of their class, which is refused.
    content = {key: value for key, value in PLAIN.items() if key != "nested"}
    assert load_plain(pickle.dumps(content, protocol)) == content


class _Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_malicious_pickle_is_refused_and_does_not_run(protocol, tmp_path):
    marker = tmp_path / "executed"
    content = pickle.dumps({"000000": [1.0, _Malicious(marker)]}, protocol)
    with pytest.raises(InputError, match=r"refused, instruction \w+ at byte \d+"):
        load_plain(content)
    assert not marker.exists()
    pickle.loads(content)  # the attack is a real one
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "instruction"),
    [
        (b"(S'true'\nios\nsystem\n.", "STRING"),
        (b"(ios\nsystem\n.", "INST"),
        (b"cos\nsystem\n(Vtrue\ntR.", "GLOBAL"),
        (b"Vpersistent\nQ.", "BINPERSID"),
        (b"Ppersistent\n.", "PERSID"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"}}b.", "BUILD"),
        (b"}(o.", "OBJ"),
        (b"})\x81.", "NEWOBJ"),
        (b"}})\x92.", "NEWOBJ_EX"),
    ],
)
def test_every_way_to_a_call_is_refused(content, instruction):
    with pytest.raises(InputError, match=f"refused, instruction {instruction} at byte"):
        load_plain(content)


def test_registered_extensions_are_refused():
    copyreg.add_extension("collections", "OrderedDict", 0x1234)
    try:
        content = pickle.dumps(collections.OrderedDict(a=1), protocol=2)
        with pytest.raises(InputError, match="EXT2"):
            load_plain(content)
    finally:
        copyreg.remove_extension("collections", "OrderedDict", 0x1234)


@pytest.mark.parametrize("value", [np.float64(1.0), np.zeros(2), collections.OrderedDict(), b"bytes", 1j])
def test_other_types_are_refused(value):
    with pytest.raises(InputError, match="refused"):
        load_plain(pickle.dumps([value]))


@pytest.mark.parametrize(
    "content",
    [b"", b"no pickle", pickle.dumps(PLAIN)[:-40], b"\x80\x04.", b"]K\x01s.", b"h\x07.", b"Iabc\n."],
)
def test_damaged_pickles_are_named(content, tmp_path):
    path = tmp_path / "damaged.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.pkl"):
        load_plain(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.pkl: cannot be read \(No such file"):
        load_plain(tmp_path / "absent.pkl")


DATA = [
    np.float64(1.5),
    np.int64(3),
    np.bool_(True),
    np.arange(6.0).reshape(2, 3),
    collections.OrderedDict(a=1),
]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_values_are_data(protocol, tmp_path):
    content = pickle.dumps({"values": DATA, **{k: v for k, v in PLAIN.items() if k != "nested"}}, protocol)
    path = tmp_path / "data.pickle.pbz2"
    path.write_bytes(bz2.compress(content))
    for read in (load_data(content)["values"], load_data(path)["values"]):
        assert [type(value) for value in read] == [type(value) for value in DATA]
        np.testing.assert_equal(read, DATA)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_data_files_cannot_call_anything_else(protocol, tmp_path):
    marker = tmp_path / "executed"
    path = tmp_path / "evil.pickle"
    path.write_bytes(pickle.dumps({"values": [*DATA, _Malicious(marker)]}, protocol))
    with pytest.raises(InputError, match=r"evil\.pickle: refused"):
        load_data(path)
    assert not marker.exists()


def test_names_reached_through_listed_modules_are_refused():
    # numpy's own module reaches os; a dotted name must not.
    for module, name in (("numpy", "os.system"), ("collections", "abc"), ("builtins", "getattr")):
        content = (
            b"\x80\x04"
            + b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
            + b"\x93."
        )
        with pytest.raises(InputError, match="not on the list"):
            load_data(content)
    with pytest.raises(InputError, match="encoding"):
        load_data(b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8\x86R.")


def test_damaged_archive_is_named(tmp_path):
    path = tmp_path / "x.pickle.pbz2"
    path.write_bytes(b"not bz2")
    with pytest.raises(InputError, match="pbz2: cannot be read"):
        load_data(path)
