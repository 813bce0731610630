"""What a build is to train: its architectures and runs minus those that are stored."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.building.build_file import Build
from pipeline.building.cost import TrainingCost
from pipeline.store import ResultStore
from tasks.benchmarks.building.engine import Functions, engine_of
from tasks.benchmarks.building.job import TrainingJob
from tasks.benchmarks.building.sample import distinct_architectures
from tasks.errors import InputError
from tasks.seeds import digest
from tasks.spaces.registry import get_space

DATA = "builds"
"""Folder of the output with one document per build and data set."""

_PLAN_COLUMNS = ["identity", "arch", "runs", "status", "wall_s"]


@dataclass(slots=True)
class BuildPlan:
    """A build with its data, architectures and what is left to train.

    Attributes:
        build: The build.
        data: The images or texts to train on.
        texts: All architectures of the build, in official notation.
        todo: What has not been trained.
        done: Number of architectures that have.
        cost: Cost estimates, from stored trainings where there are any.
    """

    build: Build
    data: Any
    texts: list[str]
    todo: list[TrainingJob]
    done: int
    cost: TrainingCost


def make_plan(
    build: Build, store: ResultStore | None, *, gpu_share: float = 0.0, retry_failed: bool = False
) -> BuildPlan:
    """Sample the architectures, load the data, and subtract what the store already holds.

    Failed trainings are not repeated unless asked for, but for those that lost their worker.

    Raises:
        InputError: Data that cannot be loaded, too few architectures in the space, or stored
            trainings of the same recipe on other data.
    """
    space, recipe = get_space(build.space), build.make_recipe()
    data = engine_of(build.space).load_data(recipe)
    identity = build.identity
    sampled = distinct_architectures(space, build.archs, build.seed)
    texts = [space.format(arch) for arch, _ in sampled]
    cost = TrainingCost(gpu_share)
    settled: dict[str, set[int]] = {}
    if store is not None:
        _check_data(store, build, data)
        stored = rows_of_build(store, identity, _PLAN_COLUMNS)
        settled = _settled(stored, retry_failed=retry_failed)
        cost.learn(stored.to_pandas())
    todo = []
    for index, ((arch, form), text) in enumerate(zip(sampled, texts, strict=True)):
        missing = [run for run in range(build.runs) if run not in settled.get(text, ())]
        if missing:
            job = TrainingJob(identity, space.name, data.info.name, index, arch, text, form, tuple(missing))
            todo.append(job)
    return BuildPlan(build, data, texts, todo, len(texts) - len(todo), cost)


def check_network(plan: BuildPlan) -> None:
    """Build the network of one architecture that is to be trained; an engine of a plug-in does not tell.

    Raises:
        InputError: The recipe's sizes are not those of a network; every training would fail.
    """
    engine = engine_of(plan.build.space)
    if not plan.todo or not isinstance(engine, Functions):
        return
    try:
        engine.check_network(
            get_space(plan.build.space), plan.todo[0].arch, plan.build.make_recipe(), plan.data
        )
    except InputError as error:
        raise InputError(f"build {plan.build.name}: its networks cannot be built: {error}") from error


def rows_of_build(store: ResultStore, identity: str, columns: list[str] | None = None) -> pa.Table:
    """Return the stored trainings of one identity, each key once."""
    table = store.read(columns)
    return table.filter(pc.equal(table["identity"], identity))


def _settled(stored: pa.Table, *, retry_failed: bool) -> dict[str, set[int]]:
    """Return the runs of each architecture that need not be trained again."""
    settled: defaultdict[str, set[int]] = defaultdict(set)
    columns = (stored[name].to_pylist() for name in ("arch", "runs", "status"))
    for arch, runs, status in zip(*columns, strict=True):
        if status in {"ok", "degenerate"} or (status != "lost" and not retry_failed):
            settled[arch].update(runs)
    return settled


def _check_data(store: ResultStore, build: Build, data: Any) -> None:  # noqa: ANN401
    """Compare the data with those of earlier trainings of the same identity.

    Raises:
        InputError: They differ.
    """
    name = f"{DATA}/{build.identity[:16]}.data"
    known, now = store.read_text(name), data_digest(data)
    if known is not None and known.strip() != now:
        raise InputError(
            f"{store.root}: holds trainings of this recipe on other data than {build.recipe['dataset']!r} "
            "has now; restore the data, or choose another output folder"
        )


def save_build(store: ResultStore, plan: BuildPlan) -> None:
    """Store the build and what its data are recognised by."""
    store.write_text(f"{DATA}/{plan.build.identity[:16]}.data", data_digest(plan.data))
    store.write_text(f"{DATA}/{plan.build.name}.json", plan.build.model_dump_json(indent=2))


def data_digest(data: Any) -> str:  # noqa: ANN401
    """Return a digest of training data that is the same on every machine.

    Whole numbers count exactly; of other numbers mean and spread to three decimals, because their
    last bits depend on the machine.

    Args:
        data: A dataclass of arrays and plain values.
    """
    return digest(*_facts(data))


def _facts(value: Any) -> Iterator[object]:  # noqa: ANN401
    for field in dataclasses.fields(value):
        entry = getattr(value, field.name)
        if dataclasses.is_dataclass(entry):
            yield from _facts(entry)
        elif isinstance(entry, np.ndarray):
            exact = entry.dtype.kind in "iub"
            yield [field.name, list(entry.shape), _bytes_digest(entry) if exact else _moments(entry)]
        else:
            yield [field.name, str(entry)]


def _bytes_digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()


def _moments(values: NDArray[Any]) -> list[float]:
    if not values.size:
        return []
    moments = (values.mean(dtype=np.float64), values.std(dtype=np.float64))
    return [round(float(moment), 3) + 0.0 for moment in moments]  # + 0.0 turns -0.0 into 0.0
