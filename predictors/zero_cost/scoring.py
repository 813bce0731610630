"""Names of the zero-cost proxies, and what a score of one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Proxy = Literal[
    "fisher", "grad_norm", "grasp", "jacov", "snip", "synflow", "nwot", "zen", "epe_nas", "plain", "l2_norm"
]

PROXIES: tuple[Proxy, ...] = get_args(Proxy)
"""All of them; the first six are those of the study."""

STUDY = PROXIES[:6]

VERSION = 1
"""Raised when scores change; part of every key of a stored score."""


@dataclass(frozen=True, slots=True)
class ProxyScore:
    """One proxy of one network.

    Attributes:
        value: The score, with its published sign; None if it is undefined for this network.
        seconds: What it took: the passes that this proxy needs, those shared with others in full. It
            is thus what the proxy alone would take, whatever it was computed together with.
        reason: Why it is undefined; empty if it is not.
    """

    value: float | None
    seconds: float
    reason: str = ""


class UndefinedScoreError(ValueError):
    """A proxy has no value for this network; the message says why."""
