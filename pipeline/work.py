"""What the backends need to know of the work they run, whatever it is: a study, or a benchmark build."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

from pipeline.rows import Row


class Job(Protocol):
    """The unit of work: small, hashable by its key, and sent to workers in batches."""

    @property
    def key(self) -> str:
        """Equal content gives an equal key, on every machine."""

    @property
    def queue(self) -> tuple[str, ...]:
        """Jobs of one queue may share a batch, and they share their data."""

    @property
    def extent(self) -> tuple[int, int]:
        """Of two jobs of a queue, the one with the larger extent runs first."""

    @property
    def task_name(self) -> str:
        """Name of the shared data that the job reads, ``space/dataset``."""


J = TypeVar("J", bound=Job)
J_contra = TypeVar("J_contra", bound=Job, contravariant=True)


class Demand(Protocol):
    """What a job needs to run."""

    @property
    def resident(self) -> bool:
        """Whether an actor serves it."""

    @property
    def num_gpus(self) -> float:
        """GPU share."""

    @property
    def together(self) -> int:
        """Jobs of one extent that make a batch however long that takes."""


@dataclass(frozen=True, slots=True)
class Shared:
    """By-products of a job that are kept, and that others would otherwise compute as well.

    Attributes:
        name: Of two jobs with an equal name, one finds what the other has left.
        amount: A job leaves what those with an amount up to its own need.
    """

    name: Hashable
    amount: int = 0


class Costs(Protocol[J_contra]):
    """Estimates seconds per job, and learns."""

    @property
    def target_s(self) -> float:
        """Seconds of work that make a batch."""

    @property
    def first_limit(self) -> int:
        """Jobs of the first batch of a queue; doubled with each batch that comes back."""

    def demand(self, job: J_contra, /) -> Demand:
        """Return what a job needs to run."""

    def shared(self, job: J_contra, /) -> Shared | None:
        """Return what a job shares with others: they wait until one of them has come back."""

    def estimate(self, job: J_contra, /) -> float:
        """Return the expected seconds of a job, more than 0."""

    def observe(self, job: J_contra, seconds: float, /) -> None:
        """Learn from one job."""


@dataclass(slots=True)
class BatchResult(Generic[J]):
    """What became of a batch: rows, predictions (or None), and jobs that were not begun."""

    rows: list[Row] = field(default_factory=list)
    predictions: pa.Table | None = None
    unfinished: list[J] = field(default_factory=list)


class Work(Protocol[J]):
    """How jobs become rows. Pickled once and sent to every worker."""

    @property
    def study(self) -> str:
        """Name of the study or build, a column of every row."""

    @property
    def task_timeout_s(self) -> float:
        """Time limit of one job."""

    @property
    def batch_budget_s(self) -> float:
        """A batch hands back what it has not begun after so long."""

    def evaluate(self, jobs: Sequence[J], data: Any, /) -> BatchResult[J]:  # noqa: ANN401
        """Return one row per job, in their order; what a job raises becomes its row.

        Args:
            jobs: At least one, of one queue.
            data: What the backend was given under the jobs' ``task_name``.
        """

    def new_row(self, job: J, /) -> Row:
        """Return a row with everything known before the job runs."""
