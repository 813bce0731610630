"""How much faster runs are trained as one program than one after another.

    python benchmarks/training.py [--spaces nasbench201,darts] [--archs 4] [--runs 1,4,8] [--epochs 2]

For each space, takes the recipe in ``examples/benchmarks/SPACE-digits.yaml`` and random architectures,
and trains them for a few epochs on one thread: all runs of an architecture as one program, for
several numbers of runs. Prints a table of CPU milliseconds per step and run (validation included),
networks per CPU-hour under the full recipe, and the speed-up over one run at a time.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from pipeline.execute.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402 - after the limit, which libraries read when they are loaded
import torch  # noqa: E402

from pipeline.building.build_file import load_build  # noqa: E402
from tasks.benchmarks.training.data import TrainingData, load_data  # noqa: E402
from tasks.benchmarks.training.recipe import Recipe  # noqa: E402
from tasks.benchmarks.training.train import train_runs  # noqa: E402
from tasks.spaces.base import Arch, as_arch  # noqa: E402
from tasks.spaces.registry import get_space  # noqa: E402

RECIPES = Path(__file__).parents[1] / "examples" / "benchmarks"
SPACES = sorted(file.name.removesuffix("-digits.yaml") for file in RECIPES.glob("*-digits.yaml"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spaces", default=",".join(SPACES))
    parser.add_argument("--archs", type=int, default=4)
    parser.add_argument("--runs", default="1,4,8")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    counts = [int(count) for count in arguments.runs.split(",")]

    print(f"{'space':<14}{'runs':>5}{'ms/step/run':>13}{'networks/CPU-hour':>19}{'speed-up':>10}")
    for name in arguments.spaces.split(","):
        recipe = load_build(RECIPES / f"{name}-digits.yaml").make_recipe()
        short = replace(
            recipe,
            epochs=arguments.epochs,
            warmup_steps=0,
            val_size=recipe.val_part,
            test_size=recipe.val_part,
        )
        data = load_data(short)
        rows = get_space(name).sample(np.random.default_rng(0), arguments.archs)
        archs = [as_arch(row) for row in rows]
        alone = None
        for runs in counts:
            seconds = cpu_seconds(name, archs, short, data, runs) / (len(archs) * runs)
            alone = seconds if alone is None else alone
            per_hour = 3600 * short.epochs / (seconds * recipe.epochs)
            step = 1000 * seconds / short.total_steps
            print(f"{name:<14}{runs:>5}{step:>13.2f}{per_hour:>19.0f}{alone / seconds:>10.2f}", flush=True)


def cpu_seconds(name: str, archs: list[Arch], recipe: Recipe, data: TrainingData, runs: int) -> float:
    """Train all architectures; the first one once more before, to warm up."""
    space = get_space(name)
    train_runs(space, archs[0], recipe, data, range(runs))
    return sum(train_runs(space, arch, recipe, data, range(runs)).cpu_s for arch in archs)


if __name__ == "__main__":
    main()
