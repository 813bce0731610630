"""How well the predictors that read learning curves rank, by the share of the training that they see.

    python benchmarks/curves.py TABLE.parquet [--seeds 20] [--shares 5,10,25,50] [--train 100] [--others]

TABLE is a benchmark table with curves in naspred's schema (``naspred bench build`` or ``import``), or
the name of one that comes with naspred. Prints Kendall's tau-b against the final accuracy on the test
architectures of each seed, mean and standard deviation over the seeds, beside the last value of the curve
(``valacc``, or ``valloss`` where there is no accuracy); and CPU seconds per query architecture, fitting
included. Test sets of different seeds overlap: the deviation is that of a split, and is not to be divided by
the root of their number.

``--others`` judges, and trains, by the mean of the runs other than the one whose curve is read; for tables
that ``naspred bench build`` made, whose ``val_acc`` is the mean of all runs. ``--also gcn,gp`` adds
predictors that read no curve.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from pipeline.execute.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402 - after the limit, which libraries read when they are loaded
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from scipy.stats import kendalltau  # noqa: E402

from predictors import registry  # noqa: E402
from predictors.observations import Observations  # noqa: E402
from tasks.benchmarks.catalog import load_benchmark  # noqa: E402
from tasks.benchmarks.embedded import embedded_files  # noqa: E402
from tasks.benchmarks.table import BenchmarkTable  # noqa: E402
from tasks.benchmarks.user_table import read_user_table  # noqa: E402
from tasks.sampling import draw  # noqa: E402


def judged_by_others(path: Path) -> BenchmarkTable:
    """Return a table with the mean of all runs but the first one as its target."""
    table = pq.read_table(path)
    table = table.filter(pc.greater(pc.list_value_length(table["val_acc_runs"]), 1))
    target = pa.array([np.mean(values[1:]) for values in table["val_acc_runs"].to_pylist()])
    table = table.set_column(table.column_names.index("val_acc"), "val_acc", target)
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, Path(folder) / path.name)
        return read_user_table(Path(folder) / path.name)


def observe(table, rows, epochs, *, labelled):
    return Observations(
        table.space,
        table.dataset,
        table.codes[rows],
        table.val_acc[rows] if labelled else None,
        {name: values[rows, :epochs] for name, values in table.curves.items()},
        table.epochs,
    )


def score_all(table, info, epochs):
    """Return the scores of all architectures, and CPU seconds per architecture.

    For predictors that need no labels: what they say of an architecture does not depend on the split.
    """
    predictor = registry.create(info.name, {}, seed=0)
    query = observe(table, np.arange(len(table)), epochs, labelled=False)
    began = time.process_time()
    scores = predictor.predict(query)
    return scores, (time.process_time() - began) / len(table)


def score_test(table, info, epochs, drawn, seed):
    """Return the scores of a split's test architectures, and CPU seconds for each, fitting included."""
    predictor = registry.create(info.name, {}, seed=seed)
    train = observe(table, drawn.train, epochs, labelled=True)
    query = observe(table, drawn.test, epochs, labelled=False)
    began = time.process_time()
    scores = predictor.fit(train).predict(query)
    return scores, (time.process_time() - began) / len(drawn.test)


def taus_of(table, info, epochs, splits):
    """Return tau on each split, and mean CPU seconds per query architecture."""
    if "labels" not in info.needs:
        scores, seconds = score_all(table, info, epochs)
        found = [scores[drawn.test] for drawn in splits]
    else:
        scored = [score_test(table, info, epochs, drawn, seed) for seed, drawn in enumerate(splits)]
        found, costs = zip(*scored, strict=True)
        seconds = float(np.mean(costs))
    truths = [table.val_acc[drawn.test] for drawn in splits]
    return np.array([kendalltau(*pair).statistic for pair in zip(truths, found, strict=True)]), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--shares", default="5,10,25,50")
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--predictors", default="")
    parser.add_argument("--also", default="")
    parser.add_argument("--others", action="store_true")
    options = parser.parse_args()

    path = Path(options.table) if Path(options.table).is_file() else embedded_files().get(options.table)
    if options.others:
        table = judged_by_others(path)
    else:
        table = read_user_table(path) if path is not None else load_benchmark(options.table)
    curve_readers = [info.name for info in registry.all_infos() if info.family == "learning_curve"]
    names = options.predictors or ",".join([*curve_readers, "lcsvr"])
    infos = [registry.get_info(name) for name in f"{names},{options.also}".split(",") if name]
    epochs = [max(1, round(float(share) / 100 * table.epochs)) for share in options.shares.split(",")]
    n_test = min(options.test, len(table) - options.train)
    splits = [
        draw(table, sampling="uniform", seed=seed, n_test=n_test, n_train=options.train)
        for seed in range(options.seeds)
    ]
    print(f"{table.name}: {len(table)} architectures, {table.epochs} epochs; {n_test} test architectures,")
    print(
        f"{options.train} training ones where some are needed, {options.seeds} seeds; "
        f"tau +- standard deviation{', judged by the other runs' if options.others else ''}"
    )
    print(f"{'predictor':10}" + "".join(f"{f'{k} epochs':>17}" for k in epochs) + f"{'CPU s/arch':>12}")
    for info in infos:
        usable, why_not = registry.availability(info, table)
        if not usable:
            print(f"{info.name:10} {why_not}")
            continue
        cells, seconds = [], []
        for k in epochs:
            taus, cost = taus_of(table, info, k, splits)
            seconds.append(cost)
            cells.append(f"{taus.mean():9.3f} +- {taus.std(ddof=1):.3f}")
        print(
            f"{info.name:10}" + "".join(f"{cell:>17}" for cell in cells) + f"{np.mean(seconds):12.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
