"""A pool of identical long-lived actors that serve lists of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ray

ALLOWED_GPU_SHARES = (0.0, 0.25, 0.5, 1.0)
"""Shares must divide one device, or left-over pieces of several devices are added up to a share
that no device has."""


@dataclass(slots=True, eq=False)
class _Member:
    handle: Any
    calls: set[ray.ObjectRef[Any]]


class ActorPool:
    """Identical actors with the state of a stage: tables, proxy evaluators, supernets.

    Actors restart without limit, so that a lost process or node costs the state (rebuilt by the
    constructor) and nothing else; their methods must be pure functions of that state and their
    arguments, since a call may run again. A call that brings its process down each time would
    be retried for ever: the caller's deadline and ``replace`` are the only stop.

    Args:
        actor: A class decorated with ``ray.remote``.
        arguments: Arguments of its constructor.
        size: Number of actors.
        num_cpus: CPU share of each.
        num_gpus: GPU share of each: 0, 0.25, 0.5 or 1.
        resources: Custom resources of each.
    """

    def __init__(
        self,
        actor: Any,  # noqa: ANN401 - Ray's actor classes have no common static type
        arguments: tuple[Any, ...],
        *,
        size: int,
        num_cpus: float = 1.0,
        num_gpus: float = 0.0,
        resources: dict[str, float] | None = None,
    ) -> None:
        if num_gpus not in ALLOWED_GPU_SHARES:
            raise ValueError(f"num_gpus is {num_gpus}; allowed are {ALLOWED_GPU_SHARES}")
        if size < 1:
            raise ValueError(f"size is {size}; a pool has at least one actor")
        self._template = actor.options(
            num_cpus=num_cpus,
            num_gpus=num_gpus,
            resources=resources or {},
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=1,
        )
        self._arguments = arguments
        self._members = [self._start() for _ in range(size)]

    def _start(self) -> _Member:
        return _Member(self._template.remote(*self._arguments), set())

    def __len__(self) -> int:
        return len(self._members)

    @property
    def handles(self) -> list[Any]:
        """The actors."""
        return [member.handle for member in self._members]

    def submit(self, method: str, *arguments: Any) -> ray.ObjectRef[Any]:  # noqa: ANN401
        """Call a method of the least busy actor."""
        member = min(self._members, key=lambda candidate: len(candidate.calls))
        ref: ray.ObjectRef[Any] = getattr(member.handle, method).remote(*arguments)
        member.calls.add(ref)
        return ref

    def release(self, ref: ray.ObjectRef[Any]) -> None:
        """Forget a call that has ended."""
        for member in self._members:
            member.calls.discard(ref)

    def replace(self, ref: ray.ObjectRef[Any]) -> set[ray.ObjectRef[Any]]:
        """Kill the actor that hangs in a call, and start another in its place.

        Returns:
            The other calls that waited for it; the caller submits their work again.
        """
        for index, member in enumerate(self._members):
            if ref in member.calls:
                ray.kill(member.handle)
                self._members[index] = self._start()
                return member.calls - {ref}
        return set()

    def close(self) -> None:
        """Kill the actors: idle ones would hold their CPUs, GPUs and nodes."""
        for member in self._members:
            ray.kill(member.handle)
        self._members.clear()
