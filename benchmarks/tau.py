"""How well the predictors rank, and what they cost, beside the code of the original study.

    python benchmarks/tau.py [--seeds 25] [--train 100] [--predictors rf,gp] [--encoding adjacency]

Prints one table: Kendall's tau-b on 200 test cells after training on 100, NAS-Bench-201 on CIFAR-10,
mean validation accuracy. Split of seed s: ``numpy.random.RandomState(s).permutation(15625)`` over
the official index, the first 100 cells to train, the next 200 to test. CPU seconds are those of fit +
predict on one thread: of one trial by itself, and per trial when all seeds are fitted together. The
ratio is that of the former to a plain random forest of scikit-learn on the same data in the same run,
so that a slow machine changes it little. The reference columns are NASLib (branch Develop, 0b51bc18)
on the same splits at 100 training cells, seeds 0 to 9 (0 to 4 of the four that take longest).
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

TEST = 200

REFERENCE = {
    "bananas": (0.344, 0.051, 23.41),
    "bayes_lin_reg": (0.260, 0.157, 0.04),
    "bohamiann": (0.406, 0.067, 1.43),
    "bonas": (0.375, 0.090, 2.01),
    "dngo": (0.529, 0.091, 24.96),
    "gcn": (0.486, 0.093, 20.17),
    "gp": (0.399, 0.095, 2.05),
    "gpwl": (0.579, 0.057, 2.52),
    "lgb": (0.395, 0.065, 0.07),
    "mlp": (0.339, 0.032, 8.00),
    "nao": (0.504, 0.077, 4.82),
    "ngb": (0.398, 0.048, 3.80),
    "rf": (0.468, 0.053, 0.10),
    "seminas": (0.586, 0.012, 42.35),
    "sparse_gp": (0.373, 0.066, 1.98),
    "var_sparse_gp": (0.508, 0.068, 2.29),
    "xgb": (0.470, 0.054, 0.04),
}
"""Name -> mean tau, its standard deviation over seeds, median CPU seconds."""


def splits(table, seeds, n_train=100):
    for seed in range(seeds):
        order = np.random.RandomState(seed).permutation(len(table))
        train, test = order[:n_train], order[n_train : n_train + TEST]
        yield (
            Observations(table.space, table.dataset, table.codes[train], table.val_acc[train]),
            Observations(table.space, table.dataset, table.codes[test]),
            table.val_acc[test],
        )


def measure(name, params, trials):
    """Return tau and CPU seconds of each trial, and CPU seconds per trial of all together."""
    taus, seconds = [], []
    train, query, _ = trials[0]
    registry.create(name, params, seed=0).fit(train).predict(query)  # imports and caches
    for seed, (train, query, truth) in enumerate(trials):
        predictor = registry.create(name, params, seed=seed)
        start = time.process_time()
        scores = predictor.fit(train).predict(query)
        seconds.append(time.process_time() - start)
        taus.append(kendalltau(truth, scores).statistic)
    predictors = [registry.create(name, params, seed=seed) for seed in range(len(trials))]
    start = time.process_time()
    type(predictors[0]).fit_many(predictors, [train for train, _, _ in trials])
    for predictor, (_, query, _) in zip(predictors, trials, strict=True):
        predictor.predict(query)
    return taus, seconds, (time.process_time() - start) / len(trials)


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
    known = [info.name for info in registry.all_infos() if info.name in REFERENCE]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--predictors", default=",".join(known))
    parser.add_argument("--encoding", default="adjacency")
    options = parser.parse_args()

    table = load_benchmark("nasbench201/cifar10")
    trials = list(splits(table, options.seeds, options.train))
    forest = forest_seconds(trials)
    print(f"{table.name}, {options.train} training and {TEST} test cells, {options.seeds} seeds")
    print(f"plain random forest of scikit-learn: {forest:.3f} CPU s")
    columns = ("tau", "sd", "se", "ref", "sd", "CPU s", "ref", "/forest", "together")
    print(f"{'predictor':14}" + "".join(f"{column:>9}" for column in columns))
    for name in options.predictors.split(","):
        encoded = "encoding" in registry.get_parameters(name) and options.encoding != "adjacency"
        taus, seconds, together = measure(name, {"encoding": options.encoding} if encoded else {}, trials)
        sd = statistics.stdev(taus) if len(taus) > 1 else float("nan")
        tau, spread, cost = REFERENCE.get(name, (float("nan"),) * 3)
        cpu = statistics.median(seconds)
        mean, error = statistics.mean(taus), sd / len(taus) ** 0.5
        numbers = (mean, sd, error, tau, spread, cpu, cost, cpu / forest, together)
        print(f"{name:14}" + "".join(f"{value:9.3f}" for value in numbers), flush=True)


if __name__ == "__main__":
    main()
