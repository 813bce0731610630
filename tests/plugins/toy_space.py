"""A space of its own name whose "training" is a formula, so that builds can be tested in no time.

Of the environment, because a recipe decides the numbers: ``TOY_SECONDS`` makes each training last so
long, ``TOY_LOG`` names a file that gets a line for each that has come to its end.
"""

import os
import signal
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from tasks.benchmarks.building.engine import register_engine
from tasks.benchmarks.training.data import TrainingData
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201
from tasks.spaces.registry import register_space


class ToySpace(NasBench201):
    name = "toy"


@dataclass(frozen=True)
class ToyRecipe:
    space: str
    dataset: str = "formula"
    epochs: int = 3
    offset: float = 0.0
    seconds: float = 0.0
    fails: str = ""
    """What goes wrong for architectures whose codes add up to a number modulo 10: "error:5,kill:7"."""

    def to_mapping(self):
        return asdict(self)


@dataclass
class ToyRuns:
    train_loss: np.ndarray
    train_acc: np.ndarray
    val_loss: np.ndarray
    val_acc: np.ndarray
    test_acc: np.ndarray
    status: tuple
    seconds_per_epoch: float
    params: int
    flops: int


def toy_data(name, labels):
    images = np.zeros((len(labels), 1, 8, 8), dtype=np.float32)
    return TrainingData(DatasetInfo(name, 10, 8), *(images, labels) * 3)


class ToyEngine:
    def make_recipe(self, mapping, where):
        unknown = set(mapping) - {field.name for field in fields(ToyRecipe)}
        if unknown:
            raise InputError(f"{where}: unknown field {unknown.pop()!r} of a recipe")
        return ToyRecipe(**mapping)

    def load_data(self, recipe):
        if recipe.dataset.endswith(".npy"):
            return toy_data("file", np.load(recipe.dataset))
        return toy_data("formula", np.arange(5))

    def train_runs(self, space, arch, recipe, data, seeds, device):
        time.sleep(recipe.seconds or float(os.environ.get("TOY_SECONDS", "0")))
        number = sum(arch) % 10
        broken = np.zeros(len(seeds), dtype=bool)
        for fault in filter(None, recipe.fails.split(",")):
            kind, _, which = fault.partition(":")
            if number != int(which):
                continue
            if kind == "error":
                raise RuntimeError(f"architecture {number} cannot be trained")
            if kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if kind == "diverge":
                broken[:] = [seed % 2 for seed in seeds]
            if kind == "diverge_all":
                broken[:] = True
        noise = np.array([np.random.default_rng(seed).normal() for seed in seeds])[:, None]
        curve = 20.0 + recipe.offset + 5.0 * number + noise + np.arange(recipe.epochs)
        curve[broken] = np.nan
        loss = 10.0 - curve / 10
        if "TOY_LOG" in os.environ:
            with Path(os.environ["TOY_LOG"]).open("a") as log:
                log.write(space.format(arch) + "\n")
        return ToyRuns(
            loss, curve - 1, loss + 1, curve, curve[:, -1] - 2.0,
            tuple("diverged" if bad else "ok" for bad in broken), 0.5, 100 + number, 1000,
        )  # fmt: skip


register_space("toy", ToySpace)
register_engine("toy", ToyEngine())
