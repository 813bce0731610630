"""Whether the extrapolation of learning curves samples the posterior that it says, and what it costs.

    python benchmarks/lce.py TABLE.parquet [--curves 50] [--epochs 10] [--steps 2000]

TABLE is a benchmark table with accuracy curves (or losses on the scale of the target). Beside the
predictors ``lce`` and ``lce_m`` this runs long chains of emcee (``pip install emcee``) on the same
posteriors: for lce one per family, 40 walkers of STEPS steps, the first third forgotten, and each
family's probability by importance sampling around 500 of the chain's points; for lce_m one chain of
all parameters with 80 walkers and 5 STEPS. Prints CPU seconds per architecture, the difference of the
posterior means in points and in posterior standard deviations, and the same between two seeds of the
predictor, which is its own sampling noise.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pipeline.execute.threads import limit_threads

limit_threads(1)

import emcee  # noqa: E402 - after the limit, which libraries read when they are loaded
import numpy as np  # noqa: E402
from scipy.stats import kendalltau  # noqa: E402

from predictors import registry  # noqa: E402
from predictors.curves import accuracy_curve  # noqa: E402
from predictors.learning_curve import lce_m  # noqa: E402
from predictors.learning_curve.families import FAMILIES  # noqa: E402
from predictors.learning_curve.importance import refine  # noqa: E402
from predictors.learning_curve.observed import observe  # noqa: E402
from predictors.observations import Observations  # noqa: E402
from tasks.benchmarks.user_table import read_user_table  # noqa: E402

POINTS = 8000
NOISE = 0.1


def chain(log_density, size, walkers, steps, start, seed):
    """Return the points of the last two thirds of a chain, shape (points, size)."""
    state = np.random.mtrand.RandomState(seed).get_state()
    sampler = emcee.EnsembleSampler(walkers, size, log_density, vectorize=True)
    sampler.random_state = state
    sampler.run_mcmc(start, steps)
    return sampler.get_chain(discard=steps // 3, flat=True)


def reference_lce(curves, row, steps):
    """Return the posterior mean (percent) over all families of one curve."""
    data = curves.take(slice(row, row + 1))
    evidence, means = [], []
    for family in FAMILIES:

        def log_likelihood(z, _rows, family=family):
            return data.log_likelihood(family.curves(z, data.grid))

        def log_density(z, log_likelihood=log_likelihood):
            value = log_likelihood(z[None], None)[0] - 0.5 * (z**2).sum(axis=1)
            return np.where(np.isfinite(value), value, -np.inf)

        rng = np.random.default_rng(row)
        # The best of many draws from the prior, so that no walker starts far out.
        draws = rng.normal(size=(20_000, family.size))
        start = draws[np.argsort(-log_density(draws))[:40]]
        points = chain(log_density, family.size, 40, steps, start, row)
        thinned = points[:: max(1, len(points) // 500)][None, :500]
        found = refine(log_likelihood, thinned, points=POINTS, rounds=2, rng=rng)
        evidence.append(found.log_evidence[0])
        means.append(family.curves(points, data.grid)[:, -1].mean())
    shares = np.exp(np.array(evidence) - max(evidence))
    return 100.0 * float(shares @ np.array(means) / shares.sum())


def reference_lce_m(curves, row, steps):
    """Return the posterior mean (percent) of the weighted sum for one curve."""
    data = curves.take(slice(row, row + 1))
    predictor = lce_m.EnsembleExtrapolation(pairs=40, seed=row)
    start = predictor._start(data)[0]
    points = chain(
        lambda z: lce_m._log_density(z[None], data)[0], start.shape[1], len(start), 5 * steps, start, row
    )
    ends = [lce_m._sum(part[None], data)[0, :, -1] for part in np.array_split(points, 20)]
    return 100.0 * float(np.concatenate(ends).mean())


def compare(name, query, reference):
    first = registry.create(name, {}, seed=0)
    began = time.process_time()
    mean, std = first.predict_distribution(query)
    seconds = (time.process_time() - began) / len(query)
    other = registry.create(name, {}, seed=1).predict(query)
    print(f"{name}: {seconds:.4f} CPU s per architecture, {first.n_fallback_} of {len(query)} not fitted,")
    print(f"  median posterior standard deviation {np.median(std):.3f} points")
    for label, values in (("emcee", reference), ("another seed", other)):
        gap = np.abs(mean - values)
        print(
            f"  against {label}: mean |difference| {gap.mean():.3f}, median {np.median(gap):.3f}, "
            f"max {gap.max():.3f} points; in standard deviations {(gap / std).mean():.3f}, "
            f"max {(gap / std).max():.3f}; tau {kendalltau(mean, values).statistic:.3f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--curves", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()

    table = read_user_table(options.table)
    rows = np.random.default_rng(0).permutation(len(table))[: options.curves]
    seen = {name: values[rows, : options.epochs] for name, values in table.curves.items()}
    query = Observations(table.space, table.dataset, table.codes[rows], None, seen, table.epochs)
    curves = observe(accuracy_curve(query), table.epochs, NOISE)
    print(f"{table.name}: {len(rows)} curves, {options.epochs} of {table.epochs} epochs", flush=True)
    with np.errstate(all="ignore"):
        for name, reference in (("lce", reference_lce), ("lce_m", reference_lce_m)):
            began = time.process_time()
            means = np.array([reference(curves, row, options.steps) for row in range(len(rows))])
            spent = (time.process_time() - began) / len(rows)
            compare(name, query, means)
            print(f"  ({spent:.1f} CPU s per architecture for emcee)", flush=True)


if __name__ == "__main__":
    main()
