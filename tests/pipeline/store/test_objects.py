"""What is particular to object stores."""

from __future__ import annotations

import sys
import warnings

import boto3
import pytest

from pipeline.store import ResultStore, StoreError
from tasks.errors import InputError


def objects(url):
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    found = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]


def test_objects_have_the_names_of_the_layout(s3, row):
    store = ResultStore(s3 + "/")
    assert store.root == s3
    store.append([row(0)])
    store.write_text("study.yaml", "x")
    part, study = objects(s3)
    assert part.startswith("runs/one/results/task=nasbench201-cifar10/part-s-")
    assert study == "runs/one/study.yaml"


def test_prefixes_that_start_alike_are_separate(s3, row):
    ResultStore(s3).append([row(0)])
    ResultStore(s3 + "-2").append([row(1)])
    assert ResultStore(s3).read()["key"].to_pylist() == ["k0"]


def test_more_parts_than_requests_at_once(s3, row):
    store = ResultStore(s3)
    for number in range(40):
        store.append([row(number)])
    assert store.read().num_rows == 40
    assert store.compact().files_after == 1
    assert len(objects(s3)) == 1
    assert store.read().num_rows == 40


def test_another_process_is_seen_at_once(s3, row, script):
    store = ResultStore(s3)
    store.append([row(0)])
    assert store.read().num_rows == 1
    ResultStore(s3).append([row(1)])
    assert script("processes.py", "compact_once", s3).wait(60) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.read().num_rows == 2


def test_missing_bucket(s3, row):
    store = ResultStore("s3://no-such-bucket-here/run")
    with pytest.raises(StoreError, match=r"cannot write s3://no-such-bucket-here/run/results/.*bucket"):
        store.append([row(0)])
    with pytest.raises(StoreError, match=r"cannot list s3://no-such-bucket-here/run/results: .*bucket"):
        store.read()


def test_missing_credentials(s3, row, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    store = ResultStore(s3)
    with pytest.raises(StoreError, match=r"redentials.*Check the URL, the credentials"):
        store.append([row(0)])


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("s3://bucket/x", "s3fs", "s3"), ("gs://bucket/x", "gcsfs", "gcs")],
)
def test_missing_client_says_what_to_install(url, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)  # what an import of a missing package meets
    with pytest.raises(
        InputError, match=rf"{url}.*needs the package {module} .*pip install naspred\[{extra}\]"
    ):
        ResultStore(url)
