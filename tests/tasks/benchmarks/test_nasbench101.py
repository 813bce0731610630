"""Import of NAS-Bench-101 from files in the official format, written here by other means."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from nasbench101_support import CIFAR10, SPACE, Cell, sample_cells, write_records

from tasks.benchmarks.io import read_table, write_table
from tasks.benchmarks.nasbench101 import find_module, import_nasbench101
from tasks.benchmarks.user_table import read_user_table
from tasks.errors import InputError
from tasks.spaces.base import as_arch


@pytest.fixture(scope="module")
def cells():
    return sample_cells()


@pytest.fixture(scope="module")
def runs(cells):
    """(cell, epochs, time, validation, test) of 3 runs of 4 lengths of each cell, in any order."""
    rng = np.random.default_rng(1)
    found = [
        (cell, epochs, *rng.uniform((100.0 * epochs, 0.3, 0.2), (200.0 * epochs, 0.95, 0.9)).tolist())
        for cell in range(len(cells))
        for epochs in (4, 12, 36, 108)
        for _ in range(3)
    ]
    return [found[i] for i in rng.permutation(len(found))]


@pytest.fixture
def full(tmp_path, cells, runs):
    records = [cells[cell].record(*rest) for cell, *rest in runs]
    return write_records(tmp_path / "nasbench_full.tfrecord", records)


@pytest.fixture
def only108(tmp_path, cells, runs):
    records = [cells[cell].record(*rest) for cell, *rest in runs if rest[0] == 108]
    return write_records(tmp_path / "nasbench_only108.tfrecord", records)


def _expected(runs, cell, epochs):
    """(time, validation, test) of the runs of a cell, in the order of the file."""
    return np.array([rest[1:] for other, *rest in runs if (other, rest[0]) == (cell, epochs)])


def _order(runs, *, only108):
    """Cells in the order of their first record."""
    return list(dict.fromkeys(cell for cell, epochs, *_ in runs if epochs == 108 or not only108))


def test_only108(tmp_path, only108, cells, runs):
    (path,) = [table.path for table in import_nasbench101(only108, tmp_path / "table.parquet")]
    assert path == tmp_path / "table.parquet"
    order = _order(runs, only108=True)
    columns = pq.read_table(path).to_pydict()
    assert columns["canonical"] == [cells[cell].hash for cell in order]
    assert columns["arch"] == [SPACE.format(cells[cell].arch) for cell in order]
    assert columns["params"] == [cells[cell].params for cell in order]
    for row, cell in enumerate(order):
        time, val, test = _expected(runs, cell, 108).T
        np.testing.assert_allclose(columns["val_acc_runs"][row], 100 * val, rtol=1e-12)
        assert columns["val_acc"][row] == pytest.approx(100 * val.mean(), rel=1e-12)
        assert columns["test_acc"][row] == pytest.approx(100 * test.mean(), rel=1e-12)
        assert columns["train_time_s"][row] == pytest.approx(time.mean(), rel=1e-12)
    assert not any(name.startswith("target:") for name in columns)

    table = read_table(path)
    assert table.name == "nasbench101/cifar10"
    assert table.epochs == 108
    assert table.licence == "Apache-2.0"
    assert table.source.endswith("nasbench_only108.tfrecord")
    assert (table.dataset.num_classes, table.dataset.resolution) == (10, 32)
    np.testing.assert_array_equal(table.codes, [cells[cell].arch for cell in order])
    np.testing.assert_array_equal(table.flops, SPACE.count(table.codes, table.dataset)[1])


def test_full_adds_the_shorter_trainings(tmp_path, full, cells, runs):
    table = read_table(import_nasbench101(str(full), tmp_path)[0].path)
    assert sorted(table.targets) == ["val_acc_12", "val_acc_36", "val_acc_4"]
    for row, cell in enumerate(_order(runs, only108=False)):
        assert as_arch(table.codes[row]) == cells[cell].arch
        assert table.val_acc[row] == pytest.approx(100 * _expected(runs, cell, 108)[:, 1].mean(), rel=1e-12)
        for epochs in (4, 12, 36):
            expected = 100 * _expected(runs, cell, epochs)[:, 1].mean()
            assert table.targets[f"val_acc_{epochs}"][row] == pytest.approx(expected, rel=1e-12)
    assert [path.name for path in tmp_path.glob("*.parquet")] == ["nasbench101-cifar10.parquet"]


def test_cells_may_be_written_in_any_isomorphic_form(tmp_path):
    # Three parts: the network depends on their order, which is fixed whatever the file says.
    matrix = [[0, 1, 1, 1, 0], *[[0, 0, 0, 0, 1]] * 3, [0] * 5]
    inner = ["conv3x3-bn-relu", "maxpool3x3", "conv1x1-bn-relu"]
    codes = SPACE.parse_many(
        [json.dumps({"matrix": matrix, "ops": ["input", *order, "output"]}) for order in (inner, inner[::-1])]
    )
    assert (codes[0] != codes[1]).any()
    for row, params in zip(codes, SPACE.count(codes, CIFAR10)[0], strict=True):
        cell = Cell(row, params)
        path = write_records(tmp_path / "a.tfrecord", [cell.record(108, 10.0, 0.9, 0.8)] * 3)
        assert read_table(import_nasbench101(path, tmp_path)[0].path).params.tolist() == [cell.params]


def test_progress_is_reported(tmp_path, only108):
    shares = []
    import_nasbench101(only108, tmp_path, shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0


def test_modules_are_found_by_their_hash(tmp_path, only108, cells):
    (path,) = [table.path for table in import_nasbench101(only108, tmp_path)]
    for cell in cells:
        assert find_module(path, cell.hash) == cell.arch
    with pytest.raises(InputError, match=r"none of its 12 cells has the module hash 'abc'"):
        find_module(path, "abc")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        find_module(only108, cells[0].hash)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        find_module(tmp_path / "none.parquet", cells[0].hash)


def test_a_table_of_another_space_has_no_modules(tmp_path, only108):
    (path,) = [table.path for table in import_nasbench101(only108, tmp_path)]
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"naspred": '{"space":"other"}'}), path)
    with pytest.raises(InputError, match="is a table of space 'other', not 'nasbench101'"):
        find_module(path, "0" * 32)


def test_the_table_is_read_like_a_users_own_without_hashing(tmp_path, only108):
    (path,) = [table.path for table in import_nasbench101(only108, tmp_path)]
    assert read_user_table(path).fingerprint == read_table(path).fingerprint
    # Forms that are stated in a sound file are taken as they stand, so a made-up one comes through;
    # in a file that was changed afterwards they are computed.
    columns = pq.read_table(path)
    place = columns.column_names.index("canonical")
    columns = columns.set_column(place, "canonical", pa.array(["same"] * len(columns)))
    facts = json.loads(columns.schema.metadata[b"naspred"])
    own = tmp_path / "own.parquet"
    write_table(own, columns, facts)
    assert np.unique(read_user_table(own).canonical_ids).size == 1
    changed = pq.read_table(own)
    place = changed.column_names.index("val_acc")
    lower = pc.subtract(changed["val_acc"], 1.0)
    pq.write_table(changed.set_column(place, "val_acc", lower), own)
    assert np.unique(read_user_table(own).canonical_ids).size == len(columns)


def test_damage_is_named_and_leaves_nothing_behind(tmp_path, only108):
    content = bytearray(only108.read_bytes())
    content[len(content) // 2] ^= 16
    only108.write_bytes(content)
    with pytest.raises(
        InputError, match=r"nasbench_only108\.tfrecord: record at byte \d+: its content is damaged"
    ):
        import_nasbench101(only108, tmp_path / "table.parquet")
    assert [path.name for path in tmp_path.iterdir()] == [only108.name]


def test_a_file_cut_between_records_is_incomplete(tmp_path, cells, runs):
    records = [cells[cell].record(*rest) for cell, *rest in runs if rest[0] == 108]
    path = write_records(tmp_path / "a.tfrecord", records[:-1])
    last = [cell for cell, epochs, *_ in runs if epochs == 108][-1]
    with pytest.raises(
        InputError, match=f"module {cells[last].hash} has 2 runs of 108 epochs, must be 3; the file"
    ):
        import_nasbench101(path, tmp_path)


def test_short_trainings_alone_are_no_table(tmp_path, cells, runs):
    records = [cells[cell].record(*rest) for cell, *rest in runs if rest[0] == 12]
    with pytest.raises(InputError, match="has 0 runs of 108 epochs, must be 3"):
        import_nasbench101(write_records(tmp_path / "a.tfrecord", records), tmp_path)
    with pytest.raises(InputError, match="the file has no records"):
        import_nasbench101(write_records(tmp_path / "b.tfrecord", []), tmp_path)


@pytest.mark.parametrize(
    ("values", "changes", "complaint"),
    [
        ((108, 9.0, 0.9, 0.8), {"epochs": 50}, r"epochs is 50, must be one of \(4, 12, 36, 108\)"),
        ((108, 9.0, 0.9, 0.8), {"epochs": "108"}, "must be a list"),
        ((108, 9.0, 0.9, 0.8), {"extra": 1}, "must be a list"),
        ((108, 9.0, 0.9, 0.8), {"metrics": "AAA"}, "metrics cannot be decoded"),
        ((108, 9.0, 0.9, 0.8), {"metrics": "!!!!"}, "metrics cannot be decoded"),
        ((108, 9.0, 0.9, 0.8), {"metrics": "CgU="}, "metrics cannot be decoded"),
        ((108, 9.0, 0.9, 0.8), {"metrics": ""}, "metrics hold 0 evaluations, must be 3"),
        ((108, None, 0.9, 0.8), {}, "metrics lack training_time"),
        ((108, 9.0, None, None), {}, "metrics lack validation_accuracy, test_accuracy"),
        ((108, 9.0, 0.9, 0.8), {"params": None}, "metrics lack trainable_parameters"),
        ((108, 9.0, 0.9, 0.8), {"adjacency": "010"}, "adjacency is '010', must be n x n digits"),
        ((108, 9.0, 0.9, 0.8), {"adjacency": "0200"}, "adjacency is '0200', must be n x n digits"),
    ],
)
def test_a_wrong_record_is_named_with_its_offset(tmp_path, cells, values, changes, complaint):
    good = cells[0].record(108, 10.0, 0.9, 0.8)
    path = write_records(tmp_path / "a.tfrecord", [good, cells[0].record(*values, **changes), good])
    with pytest.raises(InputError, match=rf"a\.tfrecord: record at byte {len(good) + 16}: .*{complaint}"):
        import_nasbench101(path, tmp_path)


def test_a_record_that_is_not_json_is_named(tmp_path):
    path = write_records(tmp_path / "a.tfrecord", [b"\xff\x00 image bytes"])
    with pytest.raises(InputError, match=r"record at byte 0: is not JSON .* no file of NAS-Bench-101"):
        import_nasbench101(path, tmp_path)


@pytest.mark.parametrize(
    ("values", "changes", "complaint"),
    [
        ((108, 9.0, float("nan"), 0.8), {}, r"has validation accuracy .*nan.* must be in \[0, 1\]"),
        ((108, 9.0, 0.9, 80.0), {}, r"has test accuracy .*80\.0.*, must be in \[0, 1\]"),
        ((108, -9.0, 0.9, 0.8), {}, r"has training time .*-9\.0.*, must be in \[0, inf\]"),
        ((108, 9.0, 0.9, 0.8), {"hash": "0" * 32}, "module 0{32} has a cell whose module hash is"),
        ((108, 9.0, 0.9, 0.8), {"params": 1}, "states 1 trainable parameters, its network has"),
        ((108, 9.0, 0.9, 0.8), {"operations": "input,conv5x5,output", "adjacency": "010001000"},
         "first record: row 0: .*'ops' has 'conv5x5' at vertex 1"),
    ],
)  # fmt: skip
def test_a_wrong_module_is_named(tmp_path, cells, values, changes, complaint):
    path = write_records(tmp_path / "a.tfrecord", [cells[0].record(*values, **changes)] * 3)
    with pytest.raises(InputError, match=rf"a\.tfrecord: .*{complaint}"):
        import_nasbench101(path, tmp_path)


def test_records_of_a_module_must_agree(tmp_path, cells):
    first, second = cells[:2]
    records = [first.record(108, 9.0, 0.9, 0.8), second.record(108, 9.0, 0.9, 0.8, hash=first.hash)]
    path = write_records(tmp_path / "a.tfrecord", records)
    complaint = f"record at byte {len(records[0]) + 16}: module {first.hash}: cell or parameters differ"
    with pytest.raises(InputError, match=complaint):
        import_nasbench101(path, tmp_path)


def test_the_target_folder_is_checked_before_the_file_is_read(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*missing"):
        import_nasbench101(tmp_path / "none.tfrecord", tmp_path / "missing" / "table.parquet")


def test_the_catalogue_does_not_import_protobuf():
    code = (
        "import sys, tasks.benchmarks.catalog, tasks.benchmarks.user_table;"
        "assert 'google.protobuf' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
