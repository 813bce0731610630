"""How well the predictors rank, and what they cost, beside the code of the original study.

    python benchmarks/tau.py [--seeds 25] [--train 100] [--predictors rf,gp] [--save table.md]
    python benchmarks/tau.py --train 20,400,1000 --seeds 5

NAS-Bench-201 on CIFAR-10, mean validation accuracy, default hyperparameters. Split of seed s:
``numpy.random.RandomState(s).permutation(15625)`` over the official index, the first cells to train,
the next 200 to test. Prints a table per training size: Kendall's tau-b with its standard deviation
over the seeds and the standard error of its mean; CPU seconds of fit + predict on one thread, of one
trial by itself (``alone``) and per trial when all seeds are fitted together (``joint``). Seconds are
also divided by those of a random forest of scikit-learn on the same data in the same run, timed before
each predictor, so that a slow machine changes the result little. It has the settings of the reference's
own forest (116 trees, 17 % of the features, no resampling), whose seconds the reference's are divided by.

The reference is NASLib (branch Develop, 0b51bc18) on the same splits at 100 training cells, seeds 0 to
9 (0 to 4 of the four that take longest). ``below`` marks a mean tau under the reference's mean by more
than the reference's standard error, ``slow`` a predictor that takes more forests alone. Below the table:
sums over the sixteen predictors of the study, as far as they were measured, and how many times less that
is than the reference.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

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
    "bananas": (0.344, 0.051, 5, 23.41),
    "bayes_lin_reg": (0.260, 0.157, 10, 0.04),
    "bohamiann": (0.406, 0.067, 10, 1.43),
    "bonas": (0.375, 0.090, 10, 2.01),
    "dngo": (0.529, 0.091, 5, 24.96),
    "gcn": (0.486, 0.093, 5, 20.17),
    "gp": (0.399, 0.095, 10, 2.05),
    "gpwl": (0.579, 0.057, 10, 2.52),
    "lgb": (0.395, 0.065, 10, 0.07),
    "mlp": (0.339, 0.032, 10, 8.00),
    "nao": (0.504, 0.077, 10, 4.82),
    "ngb": (0.398, 0.048, 10, 3.80),
    "rf": (0.468, 0.053, 10, 0.10),
    "seminas": (0.586, 0.012, 5, 42.35),
    "sparse_gp": (0.373, 0.066, 10, 1.98),
    "var_sparse_gp": (0.508, 0.068, 10, 2.29),
    "xgb": (0.470, 0.054, 10, 0.04),
}
"""Name -> mean tau, its standard deviation over seeds, number of seeds, median CPU seconds."""

REFERENCE_TRAIN = 100
FOREST_TRIALS = 9
SIXTEEN = sorted(set(REFERENCE) - {"gpwl"})
REFERENCE_FOREST_S = 0.10
"""CPU seconds of the reference's own random forest."""


@dataclass
class Measured:
    """One predictor at one training size; ``forest`` is the CPU seconds of a forest just before."""

    name: str
    train: int
    taus: list[float]
    alone: float
    joint: float
    forest: float

    def columns(self):
        """Heading -> text."""
        mean, n = statistics.mean(self.taus), len(self.taus)
        sd = statistics.stdev(self.taus) if n > 1 else float("nan")
        texts = {"predictor": self.name, "tau": f"{mean:.3f}", "sd": f"{sd:.3f}", "se": f"{sd / n**0.5:.3f}"}
        remarks = []
        if self.train == REFERENCE_TRAIN and self.name in REFERENCE:
            tau, spread, seeds, seconds = REFERENCE[self.name]
            error = spread / seeds**0.5
            texts |= {"ref tau": f"{tau:.3f}", "ref se": f"{error:.3f}", "ref CPU s": f"{seconds:.2f}"}
            remarks += ["below"] * (mean < tau - error) + ["slow"] * (
                self.alone / self.forest > seconds / REFERENCE_FOREST_S
            )
        else:
            texts |= {"ref tau": "", "ref se": "", "ref CPU s": ""}
        return texts | {
            "alone CPU s": f"{self.alone:.3f}",
            "joint CPU s": f"{self.joint:.3f}",
            "alone/forest": f"{self.alone / self.forest:.2f}",
            "joint/forest": f"{self.joint / self.forest:.2f}",
            "remark": " ".join(remarks),
        }


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
    """Return tau and CPU seconds: of each trial by itself, and per trial of all together."""
    taus, seconds, forest = [], [], forest_seconds(trials)
    train, query, _ = trials[0]
    few = train.take(slice(0, 20))
    registry.create(name, params, seed=0).fit(few).predict(query)  # imports and caches
    for seed, (train, query, truth) in enumerate(trials):
        predictor = registry.create(name, params, seed=seed)
        start = time.process_time()
        scores = predictor.fit(train).predict(query)
        seconds.append(time.process_time() - start)
        taus.append(float(kendalltau(truth, scores).statistic))
    predictors = [registry.create(name, params, seed=seed) for seed in range(len(trials))]
    start = time.process_time()
    type(predictors[0]).fit_many(predictors, [train for train, _, _ in trials])
    for predictor, (_, query, _) in zip(predictors, trials, strict=True):
        predictor.predict(query)
    joint = (time.process_time() - start) / len(trials)
    return Measured(name, len(trials[0][0]), taus, statistics.median(seconds), joint, forest)


def forest_seconds(trials):
    """Return the median CPU seconds of scikit-learn's random forest at the reference's settings."""
    seconds = []
    for train, query, _ in trials[:FOREST_TRIALS]:
        x, q = train.encode("adjacency"), query.encode("adjacency")
        forest = RandomForestRegressor(
            n_estimators=116, max_features=0.17055852159745608, min_samples_leaf=2, bootstrap=False,
            random_state=0, n_jobs=1,
        )  # fmt: skip
        start = time.process_time()
        forest.fit(x, train.targets).predict(q)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def sums(rows):
    """Return what the sixteen take together, in words."""
    rows = [row for row in rows if row.name in SIXTEEN]
    if not rows or rows[0].train != REFERENCE_TRAIN:
        return []
    reference = sum(REFERENCE[row.name][3] for row in rows)
    missing = sorted(set(SIXTEEN) - {row.name for row in rows})
    forests = reference / REFERENCE_FOREST_S
    lines = [
        f"{len(rows)} of the sixteen" + (f" (without {', '.join(missing)}):" if missing else ":"),
        f"reference {reference:.3g} CPU s = {forests:.0f} forests",
    ]
    for what in ("alone", "joint"):
        seconds = sum(getattr(row, what) for row in rows)
        own = sum(getattr(row, what) / row.forest for row in rows)
        lines.append(
            f"{what} {seconds:.2f} CPU s = {own:.1f} forests: 1/{reference / seconds:.0f} of the reference's "
            f"seconds, 1/{forests / own:.0f} of its forests"
        )
    return lines


def as_text(rows, notes):
    """Return the table for a terminal."""
    table = [list(rows[0].columns()), *(list(row.columns().values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            text.ljust(width) if index in {0, len(widths) - 1} else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    return "\n".join([*lines, *notes])


def as_markdown(title, rows, notes):
    """Return the table as Markdown."""
    columns = list(rows[0].columns())
    aligned = ["---" if column in {"predictor", "remark"} else "---:" for column in columns]
    lines = [f"### {title}", ""]
    for cells in (columns, aligned, *(row.columns().values() for row in rows)):
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"* {note}" for note in notes)]) + "\n"


def as_csv(rows):
    """Return the table as comma-separated values, with the training size and the number of seeds."""
    lines = [["training", "seeds", *rows[0].columns()]]
    lines += [[str(row.train), str(len(row.taus)), *row.columns().values()] for row in rows]
    return "\n".join(",".join(line) for line in lines) + "\n"


def number(text):
    """Return a number of seeds or cells, at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def numbers(text):
    """Return the numbers of a list with commas."""
    return [number(part) for part in text.split(",")]


def main():
    known = [info.name for info in registry.all_infos() if info.name in REFERENCE]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=number, default=25)
    parser.add_argument(
        "--train", type=numbers, default=[REFERENCE_TRAIN], help="training sizes, e.g. 20,400,1000"
    )
    parser.add_argument("--predictors", default=",".join(known), help=f"of {', '.join(known)}")
    parser.add_argument("--encoding", default="adjacency")
    parser.add_argument("--save", type=Path, help="also write the tables to this .md or .csv file")
    options = parser.parse_args()
    if options.save is not None and options.save.suffix not in {".md", ".csv"}:
        parser.error(f"--save {options.save}: the name must end in .md or .csv")

    if options.save is not None and not options.save.parent.is_dir():
        parser.error(f"--save {options.save}: there is no folder {options.save.parent}")
    names = options.predictors.split(",")
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"--predictors {','.join(unknown)}: allowed are {', '.join(known)}")

    table = load_benchmark("nasbench201/cifar10")
    if max(options.train) > len(table) - TEST:
        parser.error(f"--train {max(options.train)}: at most {len(table) - TEST}")
    everything, documents = [], []
    for size in options.train:
        trials = list(splits(table, options.seeds, size))
        title = f"{table.name}, {size} training and {TEST} test cells, {options.seeds} seeds"
        print(title, flush=True)
        rows = []
        for name in names:
            encoded = "encoding" in registry.get_parameters(name) and options.encoding != "adjacency"
            params = {"encoding": options.encoding} if encoded else {}
            rows.append(measure(name, params, trials))
            # At once, as it takes a while; the table with headings follows.
            print("  " + " ".join(filter(None, rows[-1].columns().values())), flush=True)
        forest = statistics.median(row.forest for row in rows)
        notes = [f"random forest of scikit-learn: {forest:.3f} CPU s", *sums(rows)]
        print(f"\n{as_text(rows, notes)}\n", flush=True)
        everything += rows
        documents.append(as_markdown(title, rows, notes))
    if options.save is not None:
        text = as_csv(everything) if options.save.suffix == ".csv" else "\n".join(documents)
        options.save.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
