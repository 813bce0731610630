"""One thread per worker: more spin against each other and cost many times the CPU for the same result."""

from __future__ import annotations

import os
import sys
from typing import Any

import threadpoolctl

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

_limits: list[Any] = []


def limit_threads(count: int = 1) -> None:
    """Limit every numerical library of this process, loaded now or later, to ``count`` threads."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(count)
    _limits[:] = [threadpoolctl.threadpool_limits(count)]
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)
