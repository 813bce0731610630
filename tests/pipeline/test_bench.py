import json

from nasbench101_support import sample_cells, write_records
from tests_support import naspred, rows_of


def official_file(folder):
    cells = sample_cells()
    runs = [
        cell.record(108, 1000.0, 0.9 - 0.01 * number, 0.9)
        for number, cell in enumerate(cells)
        for _ in range(3)
    ]
    return write_records(folder / "nasbench_only108.tfrecord", runs)


def test_an_official_file_becomes_a_table_that_a_study_runs_on(tmp_path):
    done = naspred("bench", "import", "nasbench101", official_file(tmp_path), "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    (document,) = json.loads(done.stdout)["tables"]
    assert document["task"] == "nasbench101/cifar10"
    assert document["architectures"] == 12
    assert document["val_acc_max"] == 90.0
    assert (document["read"], document["left_out"]) == (36, {})
    out = tmp_path / "out"
    table = tmp_path / "nasbench101-cifar10.parquet"
    ran = naspred(
        "run", "--benchmark", table, "--predictors", "bayes_lin_reg,params",
        "--train-sizes", "5", "--test-size", "6", "--trials", "2", "--serial", "--out", out, "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert set(rows_of(out)["space"]) == {"nasbench101"}


def test_what_an_import_leaves_out_is_said(tmp_path):
    good = {"val_accuracy": 50.0, "jacov": {"score": 1.0, "time": 0.1}}
    archs = {"(0, 1, 2, 3, 4, 0)": good, "(0, 1, 2, 3, 4, 1)": {**good, "val_accuracy": float("nan")}}
    source = tmp_path / "zc_nasbench201.json"
    source.write_text(json.dumps({"cifar10": archs}))
    done = naspred("bench", "import", "suite-zero", source, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 read, 1 diverged" in done.stdout
    done = naspred("bench", "import", "suite-zero", source, "--out", tmp_path, "--json")
    (document,) = json.loads(done.stdout)["tables"]
    assert (document["read"], document["left_out"]) == (2, {"diverged": 1})


def test_an_embedded_table_is_described():
    document = json.loads(naspred("bench", "info", "nasbench201/cifar10", "--json").stdout)
    assert document["architectures"] == 15_625
    assert document["canonical_forms"] == 6_466


def test_bad_input_is_explained(tmp_path):
    torn = official_file(tmp_path)
    torn.write_bytes(torn.read_bytes()[:-10])
    for arguments, expected in (
        (("import", "nasbench102", torn), "did you mean 'nasbench101'"),
        (("import", "nasbench101", tmp_path / "nothing"), "no such file or folder; nasbench101 is made from"),
        (("import", "nasbench201", tmp_path), "has no files 000000.pickle.pbz2"),
        (("import", "nasbench101", torn, "--out", tmp_path), "nasbench_only108.tfrecord"),
        (("info", "nasbench201/cifar"), "did you mean"),
    ):
        done = naspred("bench", *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.parquet"))
