"""How much faster runs are trained as one program than one after another.

    python benchmarks/training.py [--spaces nasbench201,darts] [--archs 4] [--runs 1,4,8] [--epochs 2]

For each space, takes the recipe in ``examples/benchmarks/SPACE-*.yaml`` and random architectures,
and trains them for a few epochs on one thread: all runs of an architecture as one program, for
several numbers of runs. Prints a table of CPU milliseconds per step and run (validation included),
networks per CPU-hour under the full recipe, and the speed-up over one run at a time.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.execute.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402 - after the limit, which libraries read when they are loaded
import torch  # noqa: E402

from pipeline.building.build_file import load_build  # noqa: E402
from tasks.benchmarks.building.engine import engine_of  # noqa: E402
from tasks.spaces.base import Arch, as_arch  # noqa: E402
from tasks.spaces.registry import get_space  # noqa: E402

RECIPES = Path(__file__).parents[1] / "examples" / "benchmarks"
FILES = {file.name.split("-")[0]: file for file in sorted(RECIPES.glob("*.yaml"))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spaces", default=",".join(FILES))
    parser.add_argument("--archs", type=int, default=4)
    parser.add_argument("--runs", default="1,4,8")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    counts = [int(count) for count in arguments.runs.split(",")]

    print(f"{'space':<14}{'runs':>5}{'ms/step/run':>13}{'networks/CPU-hour':>19}{'speed-up':>10}")
    for name in arguments.spaces.split(","):
        recipe = load_build(FILES[name]).make_recipe()
        short = shortened(recipe, arguments.epochs)
        data = engine_of(name).load_data(short)
        rows = get_space(name).sample(np.random.default_rng(0), arguments.archs)
        archs = [as_arch(row) for row in rows]
        alone = None
        for runs in counts:
            seconds = cpu_seconds(name, archs, short, data, runs) / (len(archs) * runs)
            alone = seconds if alone is None else alone
            per_hour = 3600 * short.epochs / (seconds * recipe.epochs)
            step = 1000 * seconds / (short.epochs * short.steps_per_epoch)
            print(f"{name:<14}{runs:>5}{step:>13.2f}{per_hour:>19.0f}{alone / seconds:>10.2f}", flush=True)


def shortened(recipe: Any, epochs: int) -> Any:
    """Return the recipe with fewer epochs, and without the longer measurements after the last one."""
    changes: dict[str, int] = {"epochs": epochs}
    if hasattr(recipe, "val_part"):
        changes.update(warmup_steps=0, val_size=recipe.val_part, test_size=recipe.val_part)
    return replace(recipe, **changes)


def cpu_seconds(name: str, archs: list[Arch], recipe: Any, data: Any, runs: int) -> float:
    """Train all architectures; the first one once more before, to warm up."""
    engine, space = engine_of(name), get_space(name)
    engine.train_runs(space, archs[0], recipe, data, range(runs), "cpu")
    results = (engine.train_runs(space, arch, recipe, data, range(runs), "cpu") for arch in archs)
    return float(sum(result.cpu_s for result in results))


if __name__ == "__main__":
    main()
