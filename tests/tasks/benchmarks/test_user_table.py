"""Users' own tables, right and wrong."""

import json
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.benchmarks.user_table import TableWarning, read_user_table
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

OPS = [["in", "conv", "out"], ["in", "pool", "conv", "out"], ["in", "conv", "pool", "out"], ["in", "out"]]
MATRICES = [
    [[0, 1, 0], [0, 0, 1], [0, 0, 0]],
    [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]],
    [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]],
    [[0, 1], [0, 0]],
]
FLAT = [[entry for row in matrix for entry in row] for matrix in MATRICES]
VAL_ACC = [80.0, 90.5, 90.25, 40.0]


def _cells(**changes):
    """The columns of a small right table, some replaced; None takes a column away."""
    columns = {"ops": OPS, "adjacency": FLAT, "val_acc": VAL_ACC, **changes}
    return {name: column for name, column in columns.items() if column is not None}


def _swap(column, row, value):
    return [*column[:row], value, *column[row + 1 :]]


@pytest.fixture
def write(tmp_path):
    def write(columns, metadata=None, name="my table.parquet"):
        table = pa.table(columns)
        if metadata is not None:
            table = table.replace_schema_metadata({"naspred": json.dumps(metadata)})
        pq.write_table(table, tmp_path / name)
        return tmp_path / name

    return write


def test_cells_become_a_space(write):
    table = read_user_table(write(_cells()))
    assert table.space == DagSpace("custom", ("in", "conv", "pool", "out"), 4)
    assert table.dataset == DatasetInfo("my-table")
    expected = [{"adjacency": m, "ops": o} for m, o in zip(MATRICES, OPS, strict=True)]
    assert [json.loads(table.space.format(as_arch(row))) for row in table.codes] == expected
    # Rows 1 and 2 differ in the order of their vertices only.
    assert table.canonical_ids.tolist() == [0, 1, 1, 2]
    assert table.val_acc.tolist() == VAL_ACC
    assert table.train_time_s.tolist() == [0.0] * 4
    assert table.licence == "not stated"
    assert table.source.endswith("my table.parquet")
    assert table.params is table.flops is table.latency_s is table.test_acc is table.epochs is None


def test_everything_optional_is_read(write):
    columns = _cells(
        train_time_s=[1, 2, 3, 4],
        params=[10, 20, 30, 40],
        flops=[1.0, 2.0, 3.0, 4.0],
        test_acc=[50.0, 60.0, 70.0, 80.0],
        val_loss=[[1.0, 0.5]] * 4,
        **{"target:latency": [-1.0, 0.0, 1.0, 2.0]},
    )
    columns["notes"] = ["free text"] * 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_user_table(write(columns))
    assert table.train_time_s.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert table.params.tolist() == [10, 20, 30, 40]
    assert table.flops.tolist() == [1, 2, 3, 4]
    assert table.flops.dtype == np.int64
    assert table.test_acc.tolist() == [50.0, 60.0, 70.0, 80.0]
    assert table.curves["val_loss"].tolist() == [[1.0, 0.5]] * 4
    assert table.targets["latency"].tolist() == [-1.0, 0.0, 1.0, 2.0]
    assert table.epochs == 2


def test_names_come_from_the_metadata_or_the_caller(write):
    path = write(_cells(), {"space": "mine", "dataset": "birds", "num_classes": 5, "epochs": 9})
    table = read_user_table(path)
    assert table.name == "mine/birds"
    assert table.dataset.num_classes == 5
    assert table.epochs == 9
    assert read_user_table(path, space="other", dataset="cats").name == "other/cats"


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.b_c-d.parquet", "a.b_c-d"), ("Größe 1 (neu).pq", "Gr-e-1-neu"), ("__.parquet", "table")],
)
def test_data_set_is_named_after_the_file(file, name, write):
    assert read_user_table(write(_cells(), name=file)).dataset.name == name


ARROW_FORMS = {
    "flat": pa.array(FLAT, pa.list_(pa.int64())),
    "flat int8": pa.array(FLAT, pa.list_(pa.int8())),
    "flat unsigned": pa.array(FLAT, pa.list_(pa.uint64())),
    "flat large": pa.array(FLAT, pa.large_list(pa.int32())),
    "flat float": pa.array(FLAT, pa.list_(pa.float64())),
    "flat bool": pa.array([[bool(e) for e in m] for m in FLAT], pa.list_(pa.bool_())),
    "nested": pa.array(MATRICES, pa.list_(pa.list_(pa.int64()))),
    "nested large": pa.array(MATRICES, pa.large_list(pa.large_list(pa.int16()))),
}


@pytest.mark.parametrize("form", ARROW_FORMS)
def test_all_ways_to_write_a_matrix_mean_the_same(form, write):
    expected = read_user_table(write(_cells()))
    table = read_user_table(write(_cells(adjacency=ARROW_FORMS[form])))
    np.testing.assert_array_equal(table.codes, expected.codes)
    assert table.fingerprint == expected.fingerprint


@pytest.mark.parametrize("rows", [slice(1, 3)])
def test_lists_of_fixed_size_and_categories(rows, write):
    expected = read_user_table(write(_cells(ops=OPS[rows], adjacency=FLAT[rows], val_acc=VAL_ACC[rows])))
    table = read_user_table(
        write(
            {
                "ops": pa.array(OPS[rows], pa.list_(pa.dictionary(pa.int8(), pa.string()), 4)),
                "adjacency": pa.array(MATRICES[rows], pa.list_(pa.list_(pa.int8(), 4), 4)),
                "val_acc": pa.array(VAL_ACC[rows], pa.float32()),
            }
        )
    )
    assert table.fingerprint == expected.fingerprint


def test_many_row_groups(tmp_path):
    table = pa.concat_tables([pa.table(_cells()), pa.table(_cells())])
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=3)
    assert read_user_table(tmp_path / "t.parquet").canonical_ids.tolist() == [0, 1, 1, 2] * 2


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_random_tables_are_read_as_their_notation(tmp_path_factory, seed, nested):
    rng = np.random.default_rng(seed)
    cells = []
    for _ in range(12):
        v = int(rng.integers(2, 7))
        matrix = np.triu(rng.integers(0, 2, (v, v)), 1)
        cells.append((matrix, ["i", *rng.choice(["a", "b"], v - 2), "o"]))
    path = tmp_path_factory.mktemp("random") / "t.parquet"
    columns = {
        "ops": [ops for _, ops in cells],
        "adjacency": [(m if nested else m.ravel()).tolist() for m, _ in cells],
        "val_acc": np.linspace(10, 90, 12),
    }
    pq.write_table(pa.table(columns), path)
    table = read_user_table(path)
    for row, (matrix, ops) in zip(table.codes, cells, strict=True):
        text = json.dumps({"adjacency": matrix.tolist(), "ops": [str(op) for op in ops]})
        assert table.space.parse(text) == as_arch(row)
    assert table.canonical_ids.size == 12


def test_strings_of_a_registered_space(write):
    space = NasBench201()
    codes = space.sample(np.random.default_rng(0), 5)
    columns = {
        "arch": [space.format(as_arch(row)) for row in codes],
        "val_acc": [10.0, 20.0, 30.0, 40.0, 50.0],
    }
    stated = read_user_table(write(columns, {"space": "nasbench201", "dataset": "cifar10"}))
    assert stated.dataset == DatasetInfo("cifar10", num_classes=10, resolution=32)
    by_argument = read_user_table(write(columns, {"dataset": "cifar10"}), space="nasbench201")
    recognised = read_user_table(write(columns, {"dataset": "cifar10"}))
    categories = read_user_table(
        write({**columns, "arch": pa.array(columns["arch"]).dictionary_encode()}, {"dataset": "cifar10"})
    )
    # A canonical column of the file is not trusted: it decides which architectures are the same.
    claimed = read_user_table(write({**columns, "canonical": ["same"] * 5}, {"dataset": "cifar10"}))
    for table in (stated, by_argument, recognised, categories, claimed):
        assert table.space == space
        np.testing.assert_array_equal(table.codes, codes)
        assert table.canonical_ids.tolist() == [0, 1, 2, 3, 4]
        assert table.fingerprint == stated.fingerprint


def test_strings_of_described_cells(write):
    space = DagSpace("mine", ("in", "conv", "pool", "out"), 4)
    cells = read_user_table(write(_cells(), {"space": "mine", "dataset": "d"}))
    columns = {"arch": [space.format(as_arch(row)) for row in cells.codes], "val_acc": VAL_ACC}
    facts = {"space": "mine", "dataset": "d", "operations": ["in", "conv", "pool", "out"], "vertices": 4}
    table = read_user_table(write(columns, facts))
    assert table.space == space
    assert table.fingerprint == cells.fingerprint


def test_a_likely_slip_in_a_column_name_is_pointed_out(write):
    with pytest.warns(TableWarning, match="column 'train_time' is not used; did you mean 'train_time_s'"):
        read_user_table(write(_cells(train_time=[1.0] * 4)))


WRONG = {
    "no architectures": (
        _cells(ops=None, adjacency=None),
        "no architectures; the file needs a column 'arch'",
    ),
    "no adjacency": (_cells(adjacency=None), r"column 'adjacency' \(the adjacency matrix.* is missing"),
    "no ops": (_cells(ops=None), r"column 'ops' .* is missing; the file has adjacency, val_acc"),
    "no accuracy": (_cells(val_acc=None), r"column 'val_acc' \(val_acc in percent\) is missing"),
    "accuracy text": (
        _cells(val_acc=["a"] * 4),
        "column 'val_acc': has type string, must be val_acc in percent",
    ),
    "accuracy bool": (_cells(val_acc=[True] * 4), "column 'val_acc': has type bool"),
    "accuracy list": (_cells(val_acc=[[1.0]] * 4), "column 'val_acc': has type list"),
    "accuracy null": (_cells(val_acc=_swap(VAL_ACC, 2, None)), "column 'val_acc', row 2: is null"),
    "accuracy nan": (_cells(val_acc=_swap(VAL_ACC, 1, float("nan"))), "column 'val_acc', row 1: is nan"),
    "accuracy inf": (_cells(val_acc=_swap(VAL_ACC, 1, float("inf"))), "column 'val_acc', row 1: is inf"),
    "accuracy high": (_cells(val_acc=_swap(VAL_ACC, 3, 100.5)), r"row 3: is 100.5, .*in \[0, 100\]"),
    "accuracy low": (_cells(val_acc=_swap(VAL_ACC, 0, -1.0)), "column 'val_acc', row 0: is -1"),
    "fractions": (
        _cells(val_acc=[0.1, 0.9, 0.5, 1.0]),
        "column 'val_acc': .*must be in percent, not fractions",
    ),
    "test fractions": (_cells(test_acc=[0.1, 0.9, 0.5, 1.0]), "column 'test_acc': .*in percent"),
    "curve fractions": (_cells(val_acc_curve=[[0.1]] * 4), "column 'val_acc_curve': .*in percent"),
    "ops type": (_cells(ops=["in,out"] * 4), "column 'ops': has type string, must be a list of strings"),
    "ops numbers": (
        _cells(ops=[[1, 2]] * 4),
        "column 'ops': has type list of int64, must be a list of strings",
    ),
    "ops null": (_cells(ops=_swap(OPS, 1, None)), "column 'ops', row 1: is null"),
    "ops null label": (
        _cells(ops=_swap(OPS, 2, ["in", None, "out"])),
        "'ops', row 2: the label of vertex 1 is null",
    ),
    "ops short": (_cells(ops=_swap(OPS, 3, ["in"])), "column 'ops', row 3: has 1 vertices"),
    "ops empty": (_cells(ops=_swap(OPS, 0, [])), "column 'ops', row 0: has 0 vertices"),
    "ops length": (
        _cells(ops=_swap(OPS, 0, ["in", "conv", "conv", "out"])),
        "column 'adjacency', row 0: has 9 entries, but 'ops' of this row has 4 vertices.*16 entries",
    ),
    "ops input": (
        _cells(ops=_swap(OPS, 2, ["x", *OPS[2][1:]])),
        "row 2: the input is labelled 'x', in row 0 'in'",
    ),
    "ops output": (
        _cells(ops=_swap(OPS, 3, ["in", "x"])),
        "row 3: the output is labelled 'x', in row 0 'out'",
    ),
    "ops same": (
        _cells(ops=[["x", *ops[1:-1], "x"] for ops in OPS]),
        "row 0: input and output are both labelled 'x'",
    ),
    "ops inner": (
        _cells(ops=_swap(OPS, 1, ["in", "pool", "out", "out"])),
        "column 'ops', row 1: inner vertex 2 is labelled 'out'",
    ),
    "matrix type": (
        _cells(adjacency=["01"] * 4),
        "column 'adjacency': has type string, must be the adjacency",
    ),
    "matrix texts": (
        _cells(adjacency=[[str(e) for e in m] for m in FLAT]),
        "column 'adjacency': has entries of type string",
    ),
    "matrix null": (_cells(adjacency=_swap(FLAT, 3, None)), "column 'adjacency', row 3: is null"),
    "matrix null entry": (
        _cells(adjacency=_swap(FLAT, 1, [0] * 6 + [None] + [0] * 9)),
        r"row 1: entry \[1\]\[2\] is null",
    ),
    "not square": (
        _cells(adjacency=_swap(FLAT, 2, FLAT[2][:-1])),
        "column 'adjacency', row 2: has 15 entries",
    ),
    "nested rows": (
        _cells(adjacency=_swap(MATRICES, 1, MATRICES[1][:3])),
        "row 1: has 3 rows, .*must be 4 x 4",
    ),
    "nested width": (
        _cells(adjacency=_swap(MATRICES, 1, [*MATRICES[1][:2], [0] * 5, [0] * 4])),
        "row 1: has 5 entries in row 2",
    ),
    "nested null": (
        _cells(adjacency=_swap(MATRICES, 0, [[0] * 3, None, [0] * 3])),
        "row 0: row 1 of the matrix is",
    ),
    "entry two": (
        _cells(adjacency=_swap(FLAT, 1, [0, 2] + [0] * 14)),
        r"row 1: entry \[0\]\[1\] is 2, must be 0 or 1",
    ),
    "entry 256": (_cells(adjacency=_swap(FLAT, 0, [0, 256] + [0] * 7)), r"row 0: entry \[0\]\[1\] is 256"),
    "entry minus": (_cells(adjacency=_swap(FLAT, 3, [0, -1, 0, 0])), r"row 3: entry \[0\]\[1\] is -1"),
    "entry half": (_cells(adjacency=_swap(FLAT, 3, [0, 0.5, 0, 0])), r"row 3: entry \[0\]\[1\] is 0.5"),
    "entry nan": (
        _cells(adjacency=_swap(FLAT, 3, [0, float("nan"), 0, 0])),
        r"row 3: entry \[0\]\[1\] is nan",
    ),
    "cycle": (
        _cells(adjacency=_swap(FLAT, 0, [0, 1, 0, 0, 0, 1, 0, 1, 0])),
        r"row 0: entry \[2\]\[1\] is 1, an arc backwards, which may close a cycle; .*upper triangular",
    ),
    "loop": (
        _cells(adjacency=_swap(FLAT, 2, [1] + [0] * 15)),
        r"row 2: entry \[0\]\[0\] is 1, an arc from a vertex to",
    ),
    "time negative": (_cells(train_time_s=[1.0, -1.0, 1.0, 1.0]), "column 'train_time_s', row 1: is -1"),
    "time gap": (_cells(train_time_s=[1.0, 1.0, None, 1.0]), "column 'train_time_s', row 2: is null"),
    "params half": (_cells(params=[1.0, 2.5, 3.0, 4.0]), "column 'params', row 1: is 2.5, .*a whole number"),
    "params negative": (_cells(params=[1, 2, 3, -4]), "column 'params', row 3: is -4"),
    "target nan": (_cells(**{"target:x": [1.0, 2.0, float("nan"), 4.0]}), "column 'target:x', row 2: is nan"),
    "curve type": (
        _cells(val_loss=[1.0] * 4),
        "column 'val_loss': has type double, must be one loss per epoch",
    ),
    "curve ragged": (
        _cells(val_loss=[[1.0, 2.0]] * 3 + [[1.0]]),
        "column 'val_loss', row 3: has 1 epochs, row 0 has 2",
    ),
    "curve empty": (_cells(val_loss=[[]] * 4), "column 'val_loss'.*(is empty|has type)"),
    "curve null": (
        _cells(val_loss=[[1.0, 2.0]] * 3 + [[1.0, None]]),
        "column 'val_loss', row 3: holds a null",
    ),
    "curve gap": (_cells(val_loss=[[1.0]] * 3 + [None]), "column 'val_loss', row 3: is null"),
    "curve nan": (_cells(val_loss=[[1.0, 2.0]] * 3 + [[1.0, float("nan")]]), "row 3: is nan at epoch 2"),
    "curve range": (_cells(val_acc_curve=[[1.0, 2.0]] * 3 + [[101.0, 1.0]]), "row 3: is 101 at epoch 1"),
    "curves differ": (
        _cells(val_loss=[[1.0]] * 4, train_loss=[[1.0, 2.0]] * 4),
        "number of epochs must be the same",
    ),
    "arch type": ({"arch": [1, 2], "val_acc": [10.0, 20.0]}, "column 'arch': has type int64"),
    "arch unknown": (
        {"arch": ["x", "y"], "val_acc": [10.0, 20.0]},
        "column 'arch', row 0: is 'x', which no registered",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_is_named(case, write):
    columns, complaint = WRONG[case]
    with pytest.raises(InputError, match=rf"my table\.parquet.*{complaint}"):
        read_user_table(write(columns))


def test_a_wrong_architecture_is_named(write):
    good = NasBench201().format((0,) * 6)
    path = write({"arch": [good, good.replace("none~2", "nine~2")], "val_acc": [10.0, 20.0]})
    with pytest.raises(
        InputError, match=r"column 'arch', row 1: .*unknown operation 'nine'.*did you mean 'none'"
    ):
        read_user_table(path)


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        ("nasbench201", "space 'nasbench201' has its own notation"),
        ("a/b", "name of the space is 'a/b'; allowed: letters"),
    ],
)
def test_a_wrong_name_for_cells_is_refused(space, complaint, write):
    with pytest.raises(InputError, match=complaint):
        read_user_table(write(_cells()), space=space)


def test_an_unknown_space_of_strings_is_refused(write):
    path = write({"arch": ["x"], "val_acc": [10.0]}, {"space": "nasbench20"})
    with pytest.raises(
        InputError, match=r"my table\.parquet: unknown search space 'nasbench20'; did you mean"
    ):
        read_user_table(path)
    path = write({"arch": ["x"], "val_acc": [10.0]}, {"operations": ["a", "a"], "vertices": 3})
    with pytest.raises(InputError, match=r"my table\.parquet: space 'custom': operations must be different"):
        read_user_table(path)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["val_acc", "val_acc"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="column 'val_acc' is there 2 times"):
        read_user_table(tmp_path / "t.parquet")


def test_foreign_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.parquet: no such file"):
        read_user_table(tmp_path / "absent.parquet")
    (tmp_path / "t.csv").write_text("ops,adjacency\n")
    with pytest.raises(InputError, match=r"t\.csv: cannot be read as Parquet"):
        read_user_table(tmp_path / "t.csv")
