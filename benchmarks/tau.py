"""How well the predictors rank, and what they cost, beside the code of the original study.

    python benchmarks/tau.py [--seeds 25] [--predictors rf,gp] [--encoding adjacency]

Prints one table: Kendall's tau-b on 200 test cells after training on 100, NAS-Bench-201 on CIFAR-10,
mean validation accuracy. Split of seed s: ``numpy.random.RandomState(s).permutation(15625)`` over
the official index, the first 100 cells to train, the next 200 to test. CPU seconds are those of fit +
predict on one thread; the ratio is to a plain random forest of scikit-learn on the same data in the
same run, so that a slow machine changes it little. The reference columns are NASLib (branch Develop,
0b51bc18) on the same splits of seeds 0 to 9.
"""

from __future__ import annotations

import argparse
import statistics
import time

from pipeline.execute.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402 - after the limit, which libraries read when they are loaded
from scipy.stats import kendalltau  # noqa: E402
from sklearn.ensemble import RandomForestRegressor  # noqa: E402

from predictors import registry  # noqa: E402
from predictors.observations import Observations  # noqa: E402
from tasks.benchmarks.catalog import load_benchmark  # noqa: E402

TRAIN, TEST = 100, 200

REFERENCE = {
    "rf": (0.468, 0.053, 0.10),
    "xgb": (0.470, 0.054, 0.04),
    "lgb": (0.395, 0.065, 0.07),
    "ngb": (0.398, 0.048, 3.80),
    "gp": (0.399, 0.095, 2.05),
    "bayes_lin_reg": (0.260, 0.157, 0.04),
}
"""Name -> mean tau, its standard deviation over seeds, median CPU seconds."""


def splits(table, seeds):
    for seed in range(seeds):
        order = np.random.RandomState(seed).permutation(len(table))
        train, test = order[:TRAIN], order[TRAIN : TRAIN + TEST]
        yield (
            Observations(table.space, table.dataset, table.codes[train], table.val_acc[train]),
            Observations(table.space, table.dataset, table.codes[test]),
            table.val_acc[test],
        )


def measure(name, params, trials):
    """Return tau and CPU seconds of each trial."""
    taus, seconds = [], []
    train, query, _ = trials[0]
    registry.create(name, params, seed=0).fit(train).predict(query)  # imports and caches
    for seed, (train, query, truth) in enumerate(trials):
        predictor = registry.create(name, params, seed=seed)
        start = time.process_time()
        scores = predictor.fit(train).predict(query)
        seconds.append(time.process_time() - start)
        taus.append(kendalltau(truth, scores).statistic)
    return taus, seconds


def forest_seconds(trials):
    """Return the median CPU seconds of scikit-learn's random forest at its own settings."""
    seconds = []
    for train, query, _ in trials:
        x, q = train.encode("adjacency"), query.encode("adjacency")
        start = time.process_time()
        RandomForestRegressor(random_state=0, n_jobs=1).fit(x, train.targets).predict(q)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument("--predictors", default=",".join(REFERENCE))
    parser.add_argument("--encoding", default="adjacency")
    options = parser.parse_args()

    table = load_benchmark("nasbench201/cifar10")
    trials = list(splits(table, options.seeds))
    forest = forest_seconds(trials)
    print(f"{table.name}, {TRAIN} training and {TEST} test cells, {options.seeds} seeds, {options.encoding}")
    print(f"plain random forest of scikit-learn: {forest:.3f} CPU s")
    columns = ("tau", "sd", "se", "ref", "sd", "CPU s", "ref", "/forest")
    print(f"{'predictor':14}" + "".join(f"{column:>8}" for column in columns))
    for name in options.predictors.split(","):
        params = {"encoding": options.encoding} if name in REFERENCE else {}
        taus, seconds = measure(name, params, trials)
        sd = statistics.stdev(taus) if len(taus) > 1 else float("nan")
        tau, spread, cost = REFERENCE.get(name, (float("nan"),) * 3)
        cpu = statistics.median(seconds)
        mean, error = statistics.mean(taus), sd / len(taus) ** 0.5
        numbers = "".join(f"{value:8.3f}" for value in (mean, sd, error, tau, spread, cpu, cost))
        print(f"{name:14}{numbers}{cpu / forest:8.2f}")


if __name__ == "__main__":
    main()
