"""Plain pickles are read, anything else is refused before it runs."""

import bz2
import collections
import copyreg
import os
import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest
from tests_support import ROOT

from tasks.benchmarks.unpickle import load_data, load_plain, load_python2
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
    np.complex64(1 + 2j),
    np.str_("grün"),
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)),
    np.arange(3, dtype=">i4"),
    np.array(["a", "bcd"]),
    np.zeros((0, 3)),
    np.array(2.5),
    {"ordered": 1},
]


def _data():
    array = np.arange(4.0)
    return {
        "values": [*DATA[:-1], collections.OrderedDict(ordered=1)],
        "nested": {"tuple": (1, (array, {"deep": [array]})), "again": array},
        **{key: value for key, value in PLAIN.items() if key != "nested"},
    }


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("major", [1, 2])
def test_numpy_values_are_data(protocol, major, tmp_path):
    content = pickle.dumps(_data(), protocol)
    here, there = b"numpy._core.", b"numpy.core."
    if major == 1:
        # The same file as numpy 1 writes it; the texts are framed by their length or by lines.
        for name in (b"multiarray", b"numeric"):
            for kind, width in ((b"\x8c", 1), (b"X", 4)):
                old, new = (len(core + name).to_bytes(width, "little") for core in (here, there))
                content = content.replace(kind + old + here + name, kind + new + there + name)
        content = content.replace(b"c" + here, b"c" + there)
        content = _unframed(content) if protocol >= 4 else content
        assert here not in content
    path = tmp_path / "data.pickle.pbz2"
    path.write_bytes(bz2.compress(content))
    for read in (load_data(content), load_data(path), load_python2(content)):
        assert [type(value) for value in read["values"]] == [type(value) for value in DATA]
        np.testing.assert_equal(read["values"], DATA)
        for value, expected in zip(read["values"], DATA, strict=True):
            if isinstance(expected, np.ndarray):
                assert value.dtype == expected.dtype
                assert value.flags.f_contiguous == expected.flags.f_contiguous
                assert value.flags.writeable
        (one, deep), again = read["nested"]["tuple"][1], read["nested"]["again"]
        assert one is again is deep["deep"][0]
        np.testing.assert_array_equal(again, np.arange(4.0))
        assert read["shared"] == [[1]] * 2


def _unframed(content):
    """Take out the frames, whose lengths no longer hold."""
    frames = [position for code, _, position in pickletools.genops(content) if code.name == "FRAME"]
    for position in reversed(frames):
        content = content[:position] + content[position + 9 :]
    return content


def test_arrays_in_recursive_containers_are_found():
    inner = [np.arange(2)]
    outer = {"pair": (inner, 1)}
    inner.append(outer)
    read = load_data(pickle.dumps(outer))
    assert read["pair"][0][1] is read
    np.testing.assert_array_equal(read["pair"][0][0], [0, 1])
    doubled = (np.arange(2),)
    for _ in range(200):  # 2 ** 200 paths, 201 tuples
        doubled = (doubled, doubled)
    assert load_data(pickle.dumps(doubled))[0] is not None


def _name(module, name):
    return f"c{module}\n{name}\n".encode()


def _text(text):
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def _dtype(name):
    return _name("numpy", "dtype") + _text(name) + b"\x85R"


_ARRAY = (
    _name("numpy.core.multiarray", "_reconstruct") + b"(" + _name("numpy", "ndarray") + b"K\x00\x85C\x01btR"
)
_POINTER = b"C\x08AAAAAAAA"
# A pointer to nowhere as an object: through the constructor of arrays, and through the state of a dtype
# that an array already has.
FORGED = {
    "constructor": b"\x80\x03" + _name("collections", "OrderedDict") + _name("numpy", "ndarray")
    + b"(K\x01\x85" + _dtype("O") + _POINTER + b"tR\x85R.",
    "state": b"\x80\x03" + _dtype("V8") + b"q\x050" + _ARRAY + b"q\x06(K\x01K\x01\x85h\x05K\x00" + _POINTER
    + b"tb0h\x05(K\x03" + _text("|") + b"N(" + _text("a") + b"t}" + _text("a") + _dtype("O")
    + b"K\x00\x86sK\x08K\x01K?tb0" + _name("collections", "OrderedDict") + b"h\x06\x85R.",
}  # fmt: skip


def test_forged_object_pointers_are_refused(tmp_path):
    # In a process of its own: what is not refused ends the process.
    paths = []
    for name, content in FORGED.items():
        paths += [tmp_path / f"{name}.pickle", tmp_path / f"{name}.pickle.pbz2"]
        paths[-2].write_bytes(content)
        paths[-1].write_bytes(bz2.compress(content))
    code = (
        "import sys\n"
        "from tasks.benchmarks.unpickle import load_data, load_python2\n"
        "from tasks.errors import InputError\n"
        "for path in sys.argv[1:]:\n"
        "    for load in (load_data, load_python2):\n"
        "        try:\n"
        "            load(path)\n"
        "        except InputError as error:\n"
        "            print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(paths)
    assert all(": refused, it holds values of the numpy type" in line for line in lines)


_STATE = b"(K\x03" + _text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
_F8 = _dtype("f8") + _STATE


def _array(dtype, shape, content):
    return _ARRAY + b"(K\x01" + shape + dtype + b"\x89" + content + b"tb"


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (_dtype("V8"), "numpy type 'V8'"),
        (_dtype("f8,O"), "numpy type 'f8,O'"),
        (_dtype("M8"), "numpy type 'M8'"),
        (_dtype("f8") + b"(K\x03" + _text("<") + b"N(" + _text("a") + b"t}K\x08K\x01K?tb", "fields or parts"),
        (_dtype("f8") + b"(K\x03" + _text("O") + b"NNNK\x08K\x01K?tb", "more than its byte order"),
        (_dtype("f8") + b"}b", "more than its byte order"),
        (_F8, "as a value"),
        (_name("numpy", "ndarray"), "as a value"),
        (_name("numpy", "ndarray") + b")R", "_Marker.* not callable"),
        (_name("numpy", "ndarray") + b"}b", "sets a state of Marker"),
        (_name("numpy", "dtype") + b"}b", "sets a state of Call"),
        (_name("collections", "OrderedDict") + b")\x81", "instruction NEWOBJ"),
        (b"}" + _name("numpy", "ndarray") + b"K\x01s", "unhashable"),
        (_ARRAY, "an array has no content"),
        (_ARRAY + b"}b", "not shape, type and content"),
        (_array(_F8, b"K\x02\x85", _POINTER), "2 values of type 'f8' come as 8 bytes"),
        (_array(_F8, b"K\x00\x85", _POINTER), "0 values of type 'f8' come as 8 bytes"),
        (_array(_F8, b"J\xff\xff\xff\xff\x85", _POINTER), r"the shape \(-1,\)"),
        (_array(_F8, b"\x88\x85", _POINTER), r"the shape \(True,\)"),
        (_array(_dtype("S0"), b"K\x01\x85", b"C\x00"), "1 values of type 'S0' come as 0 bytes"),
        (_array(_F8, b"K\x01\x85", b"]"), "come as list"),
        (_name("numpy.core.multiarray", "scalar") + b"K\x01" + _POINTER + b"\x86R", "no plain type"),
        (_name("numpy.core.multiarray", "scalar") + _F8 + b"C\x01A\x86R", "1 values .* come as 1 byte"),
        (_name("numpy.core.numeric", "_frombuffer") + b"(" + _POINTER + b"K\x01K\x01\x85" + _text("C")
         + b"tR", "no plain type"),
        (_name("numpy.core.multiarray", "_reconstruct") + b"K\x01\x85R", "another class"),
        (_name("__builtin__", "bytes") + b"J\xff\xff\xff\x7f\x85R", "makes bytes of something else"),
        (b"]r\xff\xff\xff\x7f", "stores a value as number 2147483647"),
    ],
)  # fmt: skip
def test_nothing_but_plain_values_can_be_made(program, problem):
    with pytest.raises(InputError, match=problem):
        load_data(b"\x80\x03" + program + b".")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_damaged_byte_gives_values_or_an_error(protocol):
    rng = np.random.default_rng(protocol)
    content, failed = pickle.dumps(_data(), protocol), 0
    for _ in range(100):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] = rng.integers(256)
        try:
            load_data(bytes(damaged))
        except InputError:
            failed += 1
    assert failed > 20


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
