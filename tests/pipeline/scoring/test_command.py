"""``naspred score`` as a user meets it."""

import json

import pandas as pd
import pytest
from tests_support import naspred

CELLS = (
    "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|",
    "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
    "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
)


@pytest.fixture
def command(tmp_path):
    (tmp_path / "archs.txt").write_text("\n".join(CELLS))
    return ["score", "--tasks", "nasbench201/cifar10", "--archs", str(tmp_path / "archs.txt"),
            "--out", str(tmp_path / "out"), "--serial"]  # fmt: skip


def test_scores_resume_and_compaction(command, tmp_path):
    done = naspred(*command, "--predictors", "params,flops", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert [(group["predictor"], group["scores"]) for group in json.loads(done.stdout)["to_score"]] == [
        ("params", 3),
        ("flops", 3),
    ]
    assert not (tmp_path / "out").exists()
    done = naspred(*command, "--predictors", "params,flops", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["statuses"], document["planned"], document["already"]) == ({"ok": 6}, 6, 0)
    (table,) = document["tables"]
    frame = pd.read_parquet(table["path"])
    assert set(frame["arch"]) == set(CELLS)
    assert table["measured"] == 3
    assert frame["params"].nunique() == 3
    done = naspred(*command, "--predictors", "params,flops")
    assert "0 of 6 scores to compute" in done.stdout
    assert "3 architectures: " in done.stdout

    again = naspred("compact", str(tmp_path / "out"), "--json")
    assert again.returncode == 0, again.stderr
    parts = list((tmp_path / "out" / "architectures").rglob("*.parquet"))
    assert json.loads(again.stdout)["files_after"] == len(parts) == 1


def test_wrong_input_is_refused(command, tmp_path):
    done = naspred(*command, "--predictors", "rf")
    assert (done.returncode, "rf needs labelled architectures" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
