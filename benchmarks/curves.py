"""How well the predictors that read learning curves rank, by the share of the training that they see.

    python benchmarks/curves.py TABLE.parquet [--seeds 20] [--shares 5,10,25,50] [--train 100]

TABLE is a benchmark table with curves in naspred's schema (``naspred bench build`` or ``import``), or
the name of one that comes with naspred. Prints Kendall's tau-b against the final accuracy on the test
architectures of each seed, mean and standard error, beside the last value of the curve (``valacc``, or
``valloss`` where there is no accuracy); and CPU seconds per query architecture, fitting included.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pipeline.execute.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402 - after the limit, which libraries read when they are loaded
from scipy.stats import kendalltau  # noqa: E402

from predictors import registry  # noqa: E402
from predictors.observations import Observations  # noqa: E402
from tasks.benchmarks.catalog import load_benchmark  # noqa: E402
from tasks.benchmarks.user_table import read_user_table  # noqa: E402
from tasks.sampling import draw  # noqa: E402


def observe(table, rows, epochs, *, labelled):
    return Observations(
        table.space,
        table.dataset,
        table.codes[rows],
        table.val_acc[rows] if labelled else None,
        {name: values[rows, :epochs] for name, values in table.curves.items()},
        table.epochs,
    )


def trial(table, info, epochs, seed, n_train, n_test):
    """Return tau and CPU seconds per query architecture."""
    labelled = "labels" in info.needs
    drawn = draw(table, sampling="uniform", seed=seed, n_test=n_test, n_train=n_train if labelled else 0)
    predictor = registry.create(info.name, {}, seed=seed)
    query = observe(table, drawn.test, epochs, labelled=False)
    train = observe(table, drawn.train, epochs, labelled=True) if labelled else None
    began = time.process_time()
    if train is not None:
        predictor.fit(train)
    scores = predictor.predict(query)
    seconds = (time.process_time() - began) / n_test
    return kendalltau(table.val_acc[drawn.test], scores).statistic, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--shares", default="5,10,25,50")
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--predictors", default="")
    options = parser.parse_args()

    path = Path(options.table)
    table = read_user_table(path) if path.is_file() else load_benchmark(options.table)
    wanted = options.predictors.split(",") if options.predictors else None
    infos = [
        info
        for info in registry.all_infos()
        if "curves" in info.needs and (wanted is None or info.name in wanted)
    ]
    epochs = [max(1, round(float(share) / 100 * table.epochs)) for share in options.shares.split(",")]
    n_test = min(options.test, len(table) - options.train)
    print(f"{table.name}: {len(table)} architectures, {table.epochs} epochs; {n_test} test architectures,")
    print(
        f"{options.train} training ones where some are needed, {options.seeds} seeds; tau +- standard error"
    )
    print(f"{'predictor':10}" + "".join(f"{f'{k} epochs':>17}" for k in epochs) + f"{'CPU s/arch':>12}")
    for info in infos:
        usable, why_not = registry.availability(info, table)
        if not usable:
            print(f"{info.name:10} {why_not}")
            continue
        cells, seconds = [], []
        for k in epochs:
            results = [trial(table, info, k, seed, options.train, n_test) for seed in range(options.seeds)]
            taus = np.array([tau for tau, _ in results])
            seconds += [cost for _, cost in results]
            cells.append(f"{taus.mean():9.3f} +- {taus.std(ddof=1) / len(taus) ** 0.5:.3f}")
        print(
            f"{info.name:10}" + "".join(f"{cell:>17}" for cell in cells) + f"{np.mean(seconds):12.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
