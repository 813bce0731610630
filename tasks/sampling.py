"""Which architectures are the test set and which may be trained on.

One seeded stream per (space, data set, sampling, seed) serves every predictor, training size and
fidelity, so that comparisons between them are paired. No two architectures of one trial share a
canonical form, hence none of the test set is ever trained on in disguise.

White et al., "How Powerful are Performance Predictors in NAS?", NeurIPS 2021, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.seeds import generator
from tasks.spaces.base import Arch, as_arch
from tasks.task import Sampling

POOL, PARENTS, MAX_MUTATIONS = 10, 5, 3
"""Mutation sampling: random cells looked at, best of them kept, and successive edits per test cell."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Rows of the benchmark table, int64: ``test`` and ``train``, disjoint by canonical form."""

    test: NDArray[np.int64]
    train: NDArray[np.int64]


def draw(table: BenchmarkTable, *, sampling: Sampling, seed: int, n_test: int, n_train: int) -> Draw:
    """Draw the test set and the training set of one trial.

    A training set of a smaller ``n_train`` is a prefix of a larger one of the same trial.

    Args:
        table: The measured table.
        sampling: ``uniform``: over the table's architectures. ``mutation``: around good ones; the
            test set are the best 5 of 10 random cells and cells 1 to 3 edits away from one of
            them, the training set are cells one edit away from a member of the test set.
        seed: Trial number.
        n_test: Size of the test set.
        n_train: Size of the training set; 0 for predictors that use none.

    Raises:
        InputError: The table has too few different architectures.
    """
    rng = generator("sample", table.space.name, table.dataset.name, sampling, seed)
    if sampling == "uniform":
        return _uniform(table, rng, n_test, n_train)
    return _mutation(table, rng, n_test, n_train)


def distinct_count(table: BenchmarkTable) -> int:
    """Return the number of different canonical forms in the table."""
    return int(np.unique(table.canonical_ids).size)


def _uniform(table: BenchmarkTable, rng: np.random.Generator, n_test: int, n_train: int) -> Draw:
    order = rng.permutation(len(table))
    rows = _first_of_each_form(table, order, n_test + n_train)
    if rows.size < n_test + n_train:
        raise InputError(
            f"{table.name}: {n_test} test and {n_train} training architectures asked for, "
            f"but the table has only {rows.size} different ones"
        )
    return Draw(test=rows[:n_test], train=rows[n_test : n_test + n_train])


def _first_of_each_form(table: BenchmarkTable, order: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return rows in ``order`` whose canonical form stands for the first time; at least ``count``, if any."""
    looked_at = 2 * count + 100
    while True:
        part = order[:looked_at]
        _, first = np.unique(table.canonical_ids[part], return_index=True)
        if first.size >= count or looked_at >= order.size:
            return part[np.sort(first)].astype(np.int64)
        looked_at *= 2


class _Neighbourhood:
    """Collects rows of the table whose canonical form was not seen before."""

    def __init__(self, table: BenchmarkTable) -> None:
        self.table = table
        self.rows = _rows_of(table)
        self.seen: set[int] = set()

    def take(self, arch: Arch, into: list[int]) -> bool:
        """Add the architecture's row if it, or one of the same canonical form, was measured and is new."""
        row = self.rows.find(arch)
        if row is None:
            return False
        form = int(self.table.canonical_ids[row])
        if form in self.seen:
            return False
        self.seen.add(form)
        into.append(row)
        return True

    def arch(self, row: int) -> Arch:
        """The architecture of a row."""
        return as_arch(self.table.codes[row])


class _Rows:
    """Finds architectures in a table: as they are written, else by their canonical form.

    A table need not hold every way to write a cell: the official NAS-Bench-101 has one matrix per
    cell, and mutants of it are mostly written with another one.
    """

    def __init__(self, table: BenchmarkTable) -> None:
        self._table = table
        self._by_arch: dict[Arch, int] = {tuple(codes): row for row, codes in enumerate(table.codes.tolist())}
        self._by_form: dict[str, int] | None = None

    def find(self, arch: Arch) -> int | None:
        """Return the row of the architecture, else the first of its canonical form, else None."""
        row = self._by_arch.get(arch)
        if row is not None:
            return row
        space = self._table.space
        if self._by_form is None:
            # Made on the first miss: a complete table (NAS-Bench-201) never needs it.
            forms = space.canonical_many(self._table.codes)
            self._by_form = dict(zip(reversed(forms), range(len(forms) - 1, -1, -1), strict=True))
        return self._by_form.get(space.canonical(arch))


def _rows_of(table: BenchmarkTable) -> _Rows:
    """Return the finder; kept for the last table, since every trial asks for the same one."""
    if table.fingerprint not in _last_rows:
        _last_rows.clear()
        _last_rows[table.fingerprint] = _Rows(table)
    return _last_rows[table.fingerprint]


_last_rows: dict[str, _Rows] = {}


def _mutation(table: BenchmarkTable, rng: np.random.Generator, n_test: int, n_train: int) -> Draw:
    space, near = table.space, _Neighbourhood(table)
    pool = _uniform(table, rng, min(POOL, distinct_count(table)), 0).test
    best = pool[np.argsort(-table.val_acc[pool], kind="stable")][:PARENTS]
    parents = [near.arch(int(row)) for row in best]
    test: list[int] = []
    for parent in parents[:n_test]:
        near.take(parent, test)

    def collect(into: list[int], n: int, propose: str) -> None:
        misses, limit = 0, 200 * max(n, 50)
        while len(into) < n:
            if propose == "test":
                arch = parents[int(rng.integers(len(parents)))]
                for _ in range(int(rng.integers(1, MAX_MUTATIONS + 1))):
                    arch = space.mutate(arch, rng)
            else:
                arch = space.mutate(near.arch(test[int(rng.integers(len(test)))]), rng)
            misses = 0 if near.take(arch, into) else misses + 1
            if misses > limit:
                raise InputError(
                    f"{table.name}: mutation sampling found only {len(into)} of {n} different {propose} "
                    f"architectures near its {len(parents)} parents; use fewer, or uniform sampling"
                )

    collect(test, n_test, "test")
    train: list[int] = []
    collect(train, n_train, "training")
    return Draw(test=np.asarray(test, dtype=np.int64), train=np.asarray(train, dtype=np.int64))
