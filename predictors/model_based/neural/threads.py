"""One thread for programs of many small operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread within the block, and without recording gradients.

    The networks here are so small that a second thread costs more than it saves; and one thread
    makes results independent of the number of cores. The thread count is put back afterwards.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)
