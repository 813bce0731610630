from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def row():
    """Make a result row: key and time are numbers."""

    def make(key, *, status="ok", at=0, space="nasbench201", dataset="cifar10", study="s", **columns):
        return {
            "key": f"k{key}", "study": study, "space": space, "dataset": dataset, "status": status,
            "finished_at": START + timedelta(microseconds=at), **columns,
        }  # fmt: skip

    return make


@pytest.fixture
def script():
    """Start a script of this folder in a new process."""

    def start(name, *args, before=(), **options):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning"}
        command = [*before, sys.executable, str(Path(__file__).with_name(name)), *map(str, args)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **options)

    return start


@pytest.fixture(scope="session")
def s3_server():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """URL of an empty prefix on a real S3 server on this machine."""
    import uuid

    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    bucket = f"bucket-{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/runs/one"


@pytest.fixture(params=["local", "memory", "s3"])
def out(request, tmp_path):
    """A place for a store, once of each kind."""
    if request.param == "local":
        yield str(tmp_path / "out")
    elif request.param == "s3":
        yield request.getfixturevalue("s3")
    else:
        import fsspec

        yield f"memory://{tmp_path.name}/out"
        fsspec.filesystem("memory").store.clear()
