"""Where predictors run: in this process or on Ray, on CPUs or on shares of GPUs."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Protocol, get_args

from rich.console import Console
from rich.markup import escape

from pipeline.execute.backend import Backend
from pipeline.run import share_gpus
from predictors.base import PredictorInfo
from predictors.device import Device, choose_device
from tasks.errors import InputError, did_you_mean


class Where(Protocol):
    """Options of a command that say where it runs."""

    @property
    def address(self) -> str:
        """Of Ray."""

    @property
    def num_cpus(self) -> int | None:
        """CPUs of a local Ray; None for all."""

    @property
    def device(self) -> str:
        """``cpu``, ``cuda`` or ``auto``."""


def check_device(name: str) -> None:
    """Raise InputError for a device that does not exist."""
    if name not in get_args(Device):
        raise InputError(f"--device {name!r}: {did_you_mean(name, get_args(Device))}")


@contextmanager
def open_backend(
    screen: Console,
    where: Where,
    names: Collection[str],
    infos: dict[str, PredictorInfo],
    *,
    serial: bool,
    out: str,
) -> Iterator[tuple[Backend, str]]:
    """Give a backend and the device of predictors that can use a GPU, for the duration of a block.

    Args:
        screen: For what is to be said.
        where: Options.
        names: Predictors that are going to run.
        infos: What is known of them; they get their GPU shares here.
        serial: Whether to stay in this process.
        out: Folder or URL of the results.

    Raises:
        InputError: No Ray at the address, no such GPU, or needs that no node type meets.
    """
    if serial:
        from pipeline.execute.serial import SerialBackend

        device = "cpu"
        if any(infos[name].gpu for name in names) and choose_device(where.device) == "cuda":
            device = "cuda"
            share_gpus(infos)
        yield SerialBackend(), device
        return
    from pipeline.execute import session

    screen.print(f"starting Ray ({where.address})", highlight=False)
    # Ray prints what its daemons say to standard output, which is for results.
    with redirect_stdout(sys.stderr), session.ray_session(where.address, num_cpus=where.num_cpus):
        from pipeline.execute.ray_backend import RayBackend

        offers, complete = session.node_offers()
        has_gpu = any(offer.get("GPU", 0.0) for offer in offers)
        device = "cuda" if where.device == "cuda" or (where.device == "auto" and has_gpu) else "cpu"
        if device == "cuda":
            share_gpus(infos)
        for warning in session.check_fits(resource_shapes(names, infos), offers, complete=complete):
            screen.print(f"[yellow]warning:[/yellow] {warning}; waiting for the autoscaler", highlight=False)
        if "://" not in out and session.has_other_nodes(where.address):
            losing = sorted(name for name in names if {"images", "supernet"} & infos[name].needs)
            if losing:
                screen.print(_not_kept(out, losing), highlight=False)
        yield RayBackend(), device


def _not_kept(out: str, names: list[str]) -> str:
    return (
        f"[yellow]warning:[/yellow] results go to {escape(out)}, a folder of this machine. Other nodes of "
        "the cluster, if they do not share it, keep no zero-cost scores and supernets there "
        f"({', '.join(names)}): they compute them again. Give --out a URL, or a folder that all nodes share"
    )


def resource_shapes(names: Collection[str], infos: Mapping[str, PredictorInfo]) -> list[dict[str, float]]:
    """Return every different resource shape that these predictors need."""
    shares = {infos[name].num_gpus for name in names}
    return [{"CPU": 1.0, "GPU": share} if share else {"CPU": 1.0} for share in sorted(shares)]
