"""A folder of the driver's machine as output of a cluster: what its other nodes cannot keep there is said."""

from contextlib import nullcontext
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from pipeline.commands.backends import open_backend
from pipeline.execute import session
from predictors import registry


@pytest.fixture
def said(monkeypatch):
    """What is printed when a backend is opened on a cluster with these nodes."""
    import ray

    monkeypatch.setattr(session, "ray_session", lambda *_, **__: nullcontext())
    monkeypatch.setattr(session, "node_offers", lambda: ([{"CPU": 4.0}], True))
    monkeypatch.setattr(session, "_has_autoscaler", lambda: False)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "own"))

    def opened(out, names, nodes=("own", "other"), address="auto"):
        alive = [{"Alive": not node.startswith("dead"), "NodeID": node} for node in nodes]
        monkeypatch.setattr(ray, "nodes", lambda: alive)
        screen, infos = (
            Console(file=StringIO(), width=1000),
            {name: registry.get_info(name) for name in names},
        )
        where = SimpleNamespace(address=address, num_cpus=None, device="cpu")
        with open_backend(screen, where, names, infos, serial=False, out=out):
            return screen.file.getvalue()

    return opened


def test_scores_and_supernets_that_other_nodes_cannot_keep(said):
    text = said("/data/[run]", ["snip", "rf", "oneshot"])
    assert text.count("warning") == 1
    assert "results go to /data/[run], a folder of this machine" in text
    assert "(oneshot, snip)" in text


@pytest.mark.parametrize(
    ("out", "names", "nodes", "address"),
    [
        ("s3://bucket/run", ["snip"], ["own", "other"], "auto"),
        ("/data/run", ["rf"], ["own", "other"], "auto"),
        ("/data/run", ["snip"], ["own", "dead"], "auto"),
        ("/data/run", ["snip"], ["own"], "local"),
    ],
)
def test_nothing_is_said_where_nothing_is_lost(said, monkeypatch, tmp_path, out, names, nodes, address):
    monkeypatch.setenv("NASPRED_CLUSTER_CONFIG", str(tmp_path / "none.yaml"))
    assert "warning" not in said(out, names, nodes, address)


def test_nodes_that_may_come_and_drivers_outside(said, monkeypatch, tmp_path):
    config = tmp_path / "c.yaml"
    monkeypatch.setenv("NASPRED_CLUSTER_CONFIG", str(config))
    assert "warning" in said("/data/run", ["omni_ngb"], ["own"], "ray://head:10001")
    assert "warning" not in said("/data/run", ["omni_ngb"], ["own"])
    config.write_text("available_node_types: {}\n")
    assert "warning" in said("/data/run", ["omni_ngb"], ["own"])
    # A Ray of its own on the head of another cluster.
    assert "warning" not in said("/data/run", ["omni_ngb"], ["own"], "local")
