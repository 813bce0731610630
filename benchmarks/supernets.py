"""How well supernets rank, and how many sub-networks they score per second.

    python benchmarks/supernets.py [--table nasbench201/digits] [--seeds 3] [--cells 500] [--keep FOLDER]
    python benchmarks/supernets.py --table FILE.parquet --predictors rsws --set sampler=fair --set steps=200

The table is one that ``naspred bench build`` made; supernets have the size of its networks and see its
images. Prints, for each predictor with batch normalisation re-estimated per sub-network and without:
Kendall's tau-b with the measured validation accuracy, mean and standard deviation over the seeds (supernets),
seconds of the training (also of one that was loaded), and sub-networks per CPU second; beside them tau of
the number of parameters and multiply-adds, of the number of operations that are neither pooling nor skip nor
none, and, if the table says so, its noise ceiling. ``mean of seeds`` is the tau of the scores averaged over
the supernets; ``nan`` that of scores that are all the same.

``--cells`` takes the first N of a random order of the table; 0 for all. ``--keep`` is a folder for
checkpoints: a second call loads the supernets. ``naspred score`` scores all cells of NAS-Bench-201.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.execute.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402 - after the limit, which libraries read when they are loaded
from numpy.typing import NDArray  # noqa: E402

from pipeline.checkpoints import open_checkpoints  # noqa: E402
from pipeline.tables import load_file, load_tables  # noqa: E402
from predictors import registry  # noqa: E402
from predictors.observations import Observations  # noqa: E402
from predictors.weight_sharing.checkpoints import using_checkpoints  # noqa: E402
from predictors.zero_cost.built import recipe_settings  # noqa: E402
from tasks.benchmarks.table import BenchmarkTable  # noqa: E402
from tasks.metrics import kendall  # noqa: E402
from tasks.seeds import generator  # noqa: E402
from tasks.spaces.nasbench201 import NasBench201  # noqa: E402


@dataclass
class Scored:
    """One supernet with one kind of statistics."""

    scores: NDArray[np.float64]
    train_s: float
    query_s: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", default="nasbench201/digits", help="name, or Parquet file")
    parser.add_argument("--predictors", default="rsws,oneshot")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="hyperparameter")
    parser.add_argument("--keep", type=Path, help="folder for checkpoints")
    options = parser.parse_args()
    by_file = options.table.endswith(".parquet")
    table = load_file(options.table) if by_file else load_tables([options.table])[options.table]
    settings = {name: _value(text) for name, _, text in (pair.partition("=") for pair in options.set)}
    names = options.predictors.split(",")
    if unfit := [name for name in names if "supernet" not in registry.get_info(name).needs]:
        parser.error(f"--predictors {','.join(unfit)}: give rsws, oneshot or others with supernets")
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with using_checkpoints(None if options.keep is None else open_checkpoints(str(options.keep))):
        compare(table, names, settings, options.seeds, options.cells)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def compare(
    table: BenchmarkTable, names: list[str], settings: dict[str, Any], seeds: int, cells: int
) -> None:
    order = generator("supernet benchmark").permutation(len(table))
    rows = order[: cells or None]
    accuracy, query = table.val_acc[rows], Observations(table.space, table.dataset, table.codes[rows])
    print(f"{table.name}: {len(rows)} of {len(table)} architectures, {seeds} supernets each")
    print(f"{'predictor':<12}{'statistics':<14}{'tau':>7}{'sd':>7}{'mean of seeds':>15}", end="")
    print(f"{'training s':>16}{'sub-networks/CPU s':>20}", flush=True)
    for name in names:
        params = {**recipe_of(name, table), **settings}
        pairs = [score_both(name, query, params, seed) for seed in range(seeds)]
        for label, found in zip(("re-estimated", "inherited"), zip(*pairs, strict=True), strict=True):
            taus = np.array([tau_of(accuracy, one.scores) for one in found])
            mean = tau_of(accuracy, np.mean([one.scores for one in found], axis=0))
            trained = np.mean([one.train_s for one in found])
            speed = len(rows) / np.mean([one.query_s for one in found])
            deviation = float(np.std(taus, ddof=1)) if seeds > 1 else float("nan")
            print(f"{name:<12}{label:<14}{np.mean(taus):>7.3f}{deviation:>7.3f}{mean:>15.3f}", end="")
            print(f"{trained:>16.0f}{speed:>20.1f}", flush=True)
    for label, values in baselines(query).items():
        print(f"{label:<26}{tau_of(accuracy, values):>7.3f}")
    for key, value in table.build.items():
        if "ceiling" in key:
            print(f"{key}: {value}")


def tau_of(accuracy: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return Kendall's tau; nan, which is what is printed then, of scores that are all the same."""
    tau = kendall(accuracy, scores)
    return float("nan") if tau is None else tau


def recipe_of(name: str, table: BenchmarkTable) -> dict[str, Any]:
    known = registry.get_parameters(name)
    return {key: value for key, value in recipe_settings(table).items() if key in known}


def score_both(name: str, query: Observations, params: dict[str, Any], seed: int) -> tuple[Scored, Scored]:
    """Train a supernet, or load it, and score with statistics re-estimated and inherited."""
    found = []
    train_s = 0.0
    for own in (True, False):
        predictor = registry.create(name, {**params, "replicate": seed, "bn_reestimate": own}, seed=0)
        predictor.predict(query.take(slice(0, 1)))
        train_s = train_s or predictor.setup_seconds_
        ready = time.process_time()
        scores = predictor.predict(query)
        found.append(Scored(scores, train_s, time.process_time() - ready))
    return found[0], found[1]


def baselines(query: Observations) -> dict[str, NDArray[np.float64]]:
    params, flops = query.space.count(query.codes, query.dataset)
    found = {"params": params.astype(np.float64), "flops": flops.astype(np.float64)}
    if isinstance(query.space, NasBench201):
        found["operations with weights"] = np.isin(query.codes, (2, 3)).sum(axis=1).astype(np.float64)
    return found


if __name__ == "__main__":
    main()
