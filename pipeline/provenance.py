"""Where a result was computed: host, versions, memory."""

from __future__ import annotations

import functools
import json
import platform
import resource
import sys
from importlib import metadata

_PACKAGES = ("naspred", "numpy", "scikit-learn", "torch", "gpytorch", "lightgbm", "xgboost", "ngboost")


@functools.cache
def hostname() -> str:
    """Name of this machine."""
    return platform.node()


@functools.cache
def versions() -> str:
    """Versions of Python and of the packages that compute results, as JSON."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return json.dumps(found, sort_keys=True)


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MiB: an upper bound for one task."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024.0 * 1024.0) if sys.platform == "darwin" else peak / 1024.0
