import re
import subprocess
import sys
import time

import pandas as pd
import pyarrow as pa
import pytest
from rows_support import frame, make

from pipeline.report import Report, ReportMeta, build_report
from pipeline.rows import ROW_SCHEMA
from tasks.errors import InputError


def test_arrow_rows_become_a_report():
    study = make(("rf", "gp", "params"), seeds=3, sizes=(5, 50))
    table = pa.Table.from_pandas(study.rows, schema=ROW_SCHEMA, preserve_index=False)
    report = build_report(table, study.expected, ReportMeta("demo"))
    assert isinstance(report, Report)
    assert report.html.startswith("<!doctype html>")
    assert set(re.findall(r'href="([^#"]+)"', report.html)) == set(report.pngs)
    assert report.summary["n_missing"].sum() == len(study.expected) - len(study.rows)


def test_same_rows_give_the_same_bytes():
    rows = make(("rf", "params"), ("darts/cifar10",), seeds=2, sizes=(5, 50)).rows
    first, second = (build_report(rows, None, ReportMeta("demo")) for _ in range(2))
    assert first.html == second.html
    assert first.pngs == second.pngs


def test_rows_are_left_as_they_were():
    rows = make(("rf", "params"), ("darts/cifar10",), seeds=2, sizes=(5, 50)).rows
    before = rows.copy(deep=True)
    build_report(rows, None, ReportMeta("demo"))
    pd.testing.assert_frame_equal(rows, before)


def test_wrong_columns_are_refused():
    with pytest.raises(InputError, match="no column status"):
        build_report(frame({}).drop(columns="status"), None, ReportMeta("demo"))


def test_hundred_thousand_rows_take_seconds():
    study = make(seeds=760)
    assert len(study.rows) > 95_000
    start = time.process_time()
    report = build_report(study.rows, study.expected, ReportMeta("large"))
    assert time.process_time() - start < 15
    assert report.summary["n_trials"].sum() == len(study.rows)


def test_import_is_light():
    code = (
        "import sys, pipeline.report\n"
        "heavy = {'torch', 'ray', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
