"""Writing and reading benchmark files."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.benchmarks.io import read_table, write_table
from tasks.benchmarks.schema import SCHEMA
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
METADATA = {"space": "nasbench201", "dataset": "mine", "num_classes": 7, "resolution": 8, "epochs": 4}
N = 6


def _columns(space=SPACE):
    rng = np.random.default_rng(0)
    codes = space.sample(rng, N)
    return {
        "arch": [space.format(tuple(row)) for row in codes.tolist()],
        "canonical": space.canonical_many(codes),
        "val_acc": rng.uniform(10, 90, N),
        "test_acc": rng.uniform(10, 90, N),
        "val_acc_runs": [[50.0, 60.0], [1.0]] * (N // 2),
        "params": rng.integers(0, 10**6, N),
        "flops": rng.integers(0, 10**9, N),
        "latency_s": rng.uniform(0, 1, N),
        "train_time_s": rng.uniform(0, 1000, N),
        "epoch_time_s": rng.uniform(0, 10, N),
        "train_loss": rng.normal(size=(N, 4)).tolist(),
        "val_loss": rng.normal(size=(N, 4)).tolist(),
        "val_acc_curve": rng.uniform(0, 100, (N, 4)).tolist(),
        "train_acc_curve": rng.uniform(0, 100, (N, 4)).tolist(),
        "target:robustness": rng.normal(size=N),
    }


def _write(path, columns=None, metadata=None):
    return write_table(path, pa.table(columns or _columns()), METADATA if metadata is None else metadata)


def test_round_trip_of_every_column(tmp_path):
    path, columns = tmp_path / "t.parquet", _columns()
    written = _write(path)
    table = read_table(path)
    assert table.fingerprint == written.fingerprint
    assert table.name == "nasbench201/mine"
    assert table.dataset == DatasetInfo("mine", num_classes=7, resolution=8, channels=3)
    assert table.epochs == 4
    np.testing.assert_array_equal(table.codes, SPACE.parse_many(columns["arch"]))
    for name in ("val_acc", "test_acc", "params", "flops", "latency_s", "train_time_s", "epoch_time_s"):
        np.testing.assert_array_equal(getattr(table, name), columns[name])
    assert set(table.curves) == {"train_loss", "val_loss", "val_acc_curve", "train_acc_curve"}
    for name, curve in table.curves.items():
        assert curve.dtype == np.float32
        np.testing.assert_array_equal(curve, np.array(columns[name], dtype=np.float32))
    np.testing.assert_array_equal(table.targets["robustness"], columns["target:robustness"])
    assert table.params.dtype == table.canonical_ids.dtype == np.int64


def test_file_has_exactly_the_schema_and_its_metadata(tmp_path):
    path = tmp_path / "t.parquet"
    written = _write(path, {name: column for name, column in _columns().items() if name in SCHEMA.names[:3]})
    schema = pq.read_schema(path)
    assert schema.equals(SCHEMA)
    content = json.loads(schema.metadata[b"naspred"])
    assert content["fingerprint"] == written.fingerprint
    assert content["schema_version"] == 1
    assert {name: content[name] for name in METADATA} == METADATA
    table = read_table(path)
    assert table.params is None
    assert table.curves == {}
    assert table.train_time_s.tolist() == [0.0] * N
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_space_of_cells_round_trips(tmp_path):
    space = DagSpace("cells", ("in", "a", "b", "out"), 4)
    path = tmp_path / "t.parquet"
    _write(
        path,
        _columns(space),
        {"space": "cells", "dataset": "d", "operations": ["in", "a", "b", "out"], "vertices": 4},
    )
    table = read_table(path)
    assert table.space == space
    np.testing.assert_array_equal(table.codes, space.sample(np.random.default_rng(0), N))


def test_well_known_data_sets_need_no_facts(tmp_path):
    path = tmp_path / "t.parquet"
    _write(path, metadata={"space": "nasbench201", "dataset": "imagenet16-120"})
    assert read_table(path).dataset == DatasetInfo("imagenet16-120", num_classes=120, resolution=16)


def test_fingerprint_is_that_of_the_content(tmp_path):
    columns = _columns()
    base = _write(tmp_path / "a.parquet").fingerprint
    assert _write(tmp_path / "b.parquet", metadata={**METADATA, "source": "elsewhere"}).fingerprint == base
    assert _write(tmp_path / "c.parquet", metadata={**METADATA, "dataset": "other"}).fingerprint != base
    for name in ("val_acc", "train_time_s", "params", "train_loss", "target:robustness"):
        changed = np.array(columns[name])
        changed[0] += 1
        assert _write(tmp_path / "d.parquet", {**columns, name: changed.tolist()}).fingerprint != base
    reordered = {name: list(column)[::-1] for name, column in columns.items()}
    assert _write(tmp_path / "e.parquet", reordered).fingerprint != base


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"val_accuracy": [1.0] * N}, "unknown column 'val_accuracy'; did you mean 'val_acc"),
        ({"val_acc": ["x"] * N}, "column 'val_acc': has type string, must be double"),
        ({"val_acc": None}, r"column 'val_acc', row 0: is null, must be val_acc in percent"),
        ({"arch": ["x"] * N}, "row 0: .*not of the form"),
        ({"canonical": None}, "column 'canonical'"),
    ],
)
def test_a_wrong_table_is_not_written(change, complaint, tmp_path):
    columns = {**_columns(), **change}
    columns = {name: column for name, column in columns.items() if column is not None}
    with pytest.raises(InputError, match=complaint):
        _write(tmp_path / "t.parquet", columns)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"dataset": "d"}, "metadata 'space' is missing"),
        ({"space": "nasbench201"}, "metadata 'dataset' is missing"),
        ({"space": "nasbench200", "dataset": "d"}, "did you mean 'nasbench201'"),
        ({**METADATA, "epoch": 3}, "unknown metadata 'epoch'; did you mean 'epochs'"),
        ({**METADATA, "epochs": 5}, "number of epochs must be the same everywhere"),
        ({**METADATA, "epochs": 0}, "metadata 'epochs' is 0, must be an integer of at least 1"),
        ({**METADATA, "num_classes": "7"}, "metadata 'num_classes' is '7', must be an integer"),
        ({**METADATA, "dataset": "a/b"}, "metadata 'dataset' is 'a/b'; allowed: letters"),
        ({**METADATA, "source": 3}, "metadata 'source' is 3, must be a string"),
        ({**METADATA, "operations": "abc"}, "metadata 'operations' is 'abc', must be a list"),
        ({**METADATA, "schema_version": 99}, "schema_version is 99, this version of naspred reads up to 1"),
    ],
)
def test_wrong_metadata_are_named(metadata, complaint, tmp_path):
    with pytest.raises(InputError, match=rf"t\.parquet: .*{complaint}"):
        _write(tmp_path / "t.parquet", metadata=metadata)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.parquet"
    _write(path)
    before = path.read_bytes()
    with pytest.raises(InputError):
        _write(path, metadata={"space": "nasbench201"})
    assert path.read_bytes() == before
    with pytest.raises(NotADirectoryError):
        _write(path / "below.parquet")


def test_folder_names_are_not_taken_for_columns(tmp_path):
    folder = tmp_path / "space=other" / "dataset=other"
    folder.mkdir(parents=True)
    _write(folder / "t.parquet")
    assert read_table(folder / "t.parquet").name == "nasbench201/mine"


def test_changed_file_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    _write(path)
    table = pq.read_table(path)
    val_acc = table["val_acc"].to_pylist()
    changed = table.set_column(2, SCHEMA.field("val_acc"), pa.array([val_acc[0] + 0.01, *val_acc[1:]]))
    pq.write_table(changed, path)
    with pytest.raises(InputError, match="damaged or changed after it was written"):
        read_table(path)


def test_any_damaged_byte_is_refused_or_without_effect(tmp_path):
    path = tmp_path / "t.parquet"
    columns = {
        name: column for name, column in _columns().items() if name in ("arch", "canonical", "val_acc")
    }
    sound = _write(path, columns)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    # A share of the footer, where names and positions are, and some of the rest.
    length = int.from_bytes(content[-8:-4], "little") + 8
    positions = [*range(len(content) - length, len(content), 7), *range(0, len(content) - length, 29)]
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            table = read_table(path)
        except InputError:
            refused += 1
        else:
            np.testing.assert_array_equal(table.val_acc, sound.val_acc)
            np.testing.assert_array_equal(table.codes, sound.codes)
    assert refused > len(positions) / 2


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (None, "metadata 'space' is missing"),
        (b"{", "is not JSON"),
        (b"[1]", r"must be a JSON object, got \[1\]"),
        (b'{"space":"nasbench201","dataset":"mine"}', "the metadata says None"),
    ],
)
def test_foreign_metadata_are_named(raw, complaint, tmp_path):
    path = tmp_path / "t.parquet"
    _write(path)
    table = pq.read_table(path).replace_schema_metadata(None if raw is None else {b"naspred": raw})
    pq.write_table(table, path)
    with pytest.raises(InputError, match=complaint):
        read_table(path)


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "absent.parquet")
    with pytest.raises(InputError, match="no such file; a benchmark table is one Parquet file"):
        read_table(tmp_path)
    (tmp_path / "t.csv").write_text("arch,val_acc\n")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_table(tmp_path / "t.csv")
    _write(tmp_path / "t.parquet")
    empty = pq.read_table(tmp_path / "t.parquet").slice(0, 0)
    pq.write_table(empty, tmp_path / "empty.parquet")
    with pytest.raises(InputError, match="the table has no rows"):
        read_table(tmp_path / "empty.parquet")
