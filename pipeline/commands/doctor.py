"""``naspred doctor``: is this installation able to run a study?"""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.commands.inspect import console

_PACKAGES = (
    "ray",
    "torch",
    "gpytorch",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "ngboost",
)
_IMPORTS = {"scikit-learn": "sklearn"}
_MIN_FREE_GB = 2.0

Finding = tuple[bool, str]


def check(*, json: bool) -> int:
    """Check packages, data, disk and Ray; returns 0 if a study can run here, else 1."""
    findings: list[tuple[str, bool, str]] = []
    for name, test in _tests():
        try:
            good, text = test()
        except Exception as error:  # noqa: BLE001 - whatever is broken is what is to be reported
            good, text = False, f"{type(error).__name__}: {error}"
        findings.append((name, good, text))
    healthy = all(good for _, good, _ in findings)
    if json:
        checks = [{"check": name, "ok": good, "detail": text} for name, good, text in findings]
        Console(soft_wrap=True).print_json(data={"ok": healthy, "checks": checks})
    else:
        table = Table(box=None, show_header=False)
        for name, good, text in findings:
            table.add_row("[green]ok[/green]" if good else "[red]problem[/red]", name, text)
        console().print(table)
    return 0 if healthy else 1


def _tests() -> list[tuple[str, Callable[[], Finding]]]:
    tests: list[tuple[str, Callable[[], Finding]]] = [("python", _python)]
    tests += [(name, _package(name)) for name in _PACKAGES]
    return [
        *tests,
        ("cpus", _cpus),
        ("gpu", _gpu),
        ("temporary disk", _disk),
        ("nasbench201/cifar10", _table),
        ("predictors", _predictors),
        ("ray cluster", _ray),
    ]


def _python() -> Finding:
    return True, platform.python_version()


def _package(name: str) -> Callable[[], Finding]:
    def test() -> Finding:
        importlib.import_module(_IMPORTS.get(name, name))
        return True, metadata.version(name)

    return test


def _cpus() -> Finding:
    return True, f"{os.cpu_count()}"


def _gpu() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return True, "none (not needed)"
    return True, ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))


def _disk() -> Finding:
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free / 1e9
    return free >= _MIN_FREE_GB, f"{free:.1f} GB free in {folder}" + (
        "" if free >= _MIN_FREE_GB else "; Ray needs some GB"
    )


def _table() -> Finding:
    from tasks.benchmarks.catalog import load_benchmark

    table = load_benchmark("nasbench201/cifar10")
    return True, f"{len(table):,} architectures, best mean validation accuracy {table.val_acc.max():.3f}"


def _predictors() -> Finding:
    from predictors import registry

    missing = [
        f"{info.name} ({why})"
        for info in registry.all_infos()
        for good, why in [registry.installed(info)]
        if not good
    ]
    missing += [f"{name} ({why})" for name, why in registry.failed_entry_points().items()]
    return not missing, "all can be used" if not missing else "cannot be used: " + ", ".join(missing)


def _ray() -> Finding:
    """A task must really run: firewalls and full shared memory show only then."""
    from pipeline.execute.session import cpu_slots, ray_session

    with ray_session("local"):
        import ray

        answer = ray.get(ray.remote(platform.node).remote(), timeout=60)
        return answer == platform.node(), f"a local Ray with {cpu_slots()} CPUs ran a task"
