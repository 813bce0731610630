import sys

import pytest

from tasks.benchmarks.building import engine
from tasks.spaces import registry


@pytest.fixture(autouse=True)
def _plugins_end_with_the_test(monkeypatch):
    """Spaces and engines of plug-ins are known to one test only."""
    monkeypatch.setattr(registry, "_SPACES", dict(registry._SPACES))
    monkeypatch.setattr(engine, "_ENGINES", dict(engine._ENGINES))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("naspred_plugin_"):
            del sys.modules[name]
