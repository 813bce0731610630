"""Logs of NAS-Bench-NLP, and NASLib's pickle of it."""

import json
import pickle

import numpy as np
import pytest

from tasks.benchmarks.io import read_table
from tasks.benchmarks.official.nasbench_nlp import import_nasbench_nlp
from tasks.benchmarks.official.naslib import import_naslib
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.registry import get_space

SPACE = get_space("nasbench_nlp")
EPOCHS = 3
RNN = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}
SIGM = {**RNN, "h_new_0": {"op": "activation_sigm", "input": ["f"]}}

LARGE = {
    **{f"n{i}": {"op": "activation_tanh", "input": [f"n{i - 1}" if i else "x"]} for i in range(30)},
    "h_new_0": {"op": "linear", "input": ["n29", "h_prev_0"]},
}


def log(rng, recipe, *, status="OK", epochs=EPOCHS):
    return {
        "recepie": json.dumps(recipe),
        "recepie_id": 7,
        "status": status,
        "num_params": 1_000_000,
        "train_losses": list(4 + rng.random(epochs)),
        "val_losses": list(4 + rng.random(epochs)),
        "test_losses": list(4 + rng.random(epochs)),
        "wall_times": [100.0] * epochs,
    }


def write(folder, logs):
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(logs):
        (folder / f"log_stats_model_{number}.json").write_text(json.dumps(content))


def test_logs_become_a_table(tmp_path):
    rng = np.random.default_rng(0)
    failed = log(rng, RNN)
    failed["val_losses"][-1] = float("nan")
    logs = [
        log(rng, RNN), log(rng, SIGM), log(rng, RNN), log(rng, RNN, status="FAILED"), failed,
        log(rng, SIGM, epochs=2), log(rng, LARGE),
    ]  # fmt: skip
    folder = tmp_path / "train_logs_wikitext-2"
    write(folder, logs)
    (imported,) = import_nasbench_nlp(folder, tmp_path)
    assert imported.read == len(logs)
    assert imported.left_out == {
        "not finished": 1, "diverged": 1, "outside the space": 1, "of other length": 1,
    }  # fmt: skip
    table = read_table(imported.path)
    assert (table.name, table.epochs) == ("nasbench_nlp/wikitext-2", EPOCHS)
    assert [SPACE.canonical(as_arch(row)) for row in table.codes] == [
        SPACE.canonical(SPACE.parse(json.dumps(recipe))) for recipe in (RNN, SIGM)
    ]
    final = [100 - content["val_losses"][-1] for content in (logs[0], logs[2])]
    assert table.val_acc[0] == pytest.approx(np.mean(final))
    np.testing.assert_allclose(table.curves["train_loss"][1], logs[1]["train_losses"], rtol=1e-6)
    np.testing.assert_array_equal(table.train_time_s, 100.0 * EPOCHS)


def test_what_is_no_log_is_named(tmp_path):
    with pytest.raises(InputError, match="must be a folder with logs"):
        import_nasbench_nlp(tmp_path / "absent", tmp_path)
    write(tmp_path, [{"status": "OK"}])
    with pytest.raises(InputError, match=r"log_stats_model_0\.json: not a log of NAS-Bench-NLP"):
        import_nasbench_nlp(tmp_path, tmp_path)
    for broken in ({"train_losses": None}, {"test_losses": [{}] * EPOCHS}, {"val_losses": [[1.0]] * EPOCHS}):
        write(tmp_path, [{**log(np.random.default_rng(0), RNN), **broken}])
        with pytest.raises(InputError, match=r"log_stats_model_0\.json: not a log of NAS-Bench-NLP"):
            import_nasbench_nlp(tmp_path, tmp_path)
    (tmp_path / "log_stats_model_0.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"log_stats_model_0\.json: not a log of NAS-Bench-NLP"):
        import_nasbench_nlp(tmp_path, tmp_path)
    write(tmp_path, [log(np.random.default_rng(0), RNN, status="FAILED")])
    with pytest.raises(InputError, match=r"none of its 1 runs can be used \(1 not finished\)"):
        import_nasbench_nlp(tmp_path, tmp_path)


def test_naslib_pickle(tmp_path):
    rng = np.random.default_rng(1)
    compact = (((0, 4), (1, 4), (4, 5)), (0, 0, 0, 0, 6, 2), (5,))
    entry = {
        "train_losses": list(4 + rng.random(EPOCHS)),
        "val_losses": list(4 + rng.random(EPOCHS)),
        "test_losses": list(4 + rng.random(EPOCHS)),
        "wall_times": [np.float64(10.0)] * EPOCHS,
    }
    path = tmp_path / "nb_nlp.pickle"
    # A chain of 31 nodes is more than the space holds.
    large = (((0, 4), (1, 4), *((i, i + 1) for i in range(4, 34))), (*[0] * 4, 6, *[2] * 30), (34,))
    path.write_bytes(pickle.dumps({large: entry, compact: entry}))
    (imported,) = import_naslib(path, tmp_path)
    assert (imported.read, imported.left_out) == (2, {"outside the space": 1})
    table = read_table(imported.path)
    assert len(table) == 1
    assert table.name == "nasbench_nlp/ptb"
    assert SPACE.canonical(as_arch(table.codes[0])) == SPACE.canonical(SPACE.parse(json.dumps(RNN)))
    assert table.val_acc[0] == 100 - entry["val_losses"][-1]
    np.testing.assert_allclose(table.curves["val_loss"][0], entry["val_losses"], rtol=1e-6)
    assert table.train_time_s[0] == 30.0
