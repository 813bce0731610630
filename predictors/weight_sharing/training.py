"""Training of a supernet, an epoch at a time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from predictors.weight_sharing.paths import PathSampler
from predictors.weight_sharing.supernet import Supernet
from tasks.benchmarks.training.data import TrainingData
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.streams import BatchStream
from tasks.errors import RunError
from tasks.seeds import derive_seed, generator
from tasks.spaces.base import as_arch

LAST_RATE = 0.001


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how a supernet is trained: SGD, the learning rate on a cosine, gradients clipped.

    The values are those of White et al., NeurIPS 2021 (there for 50 passes through half of CIFAR-10).

    Attributes:
        epochs: A checkpoint is written after each.
        steps: Mini-batches of an epoch.
        batch: Images of a mini-batch.
        learning_rate: At the start.
        last_rate: At the end.
        momentum: Of SGD.
        weight_decay: L2 penalty, added to the gradient.
        clip: Largest norm of a step's gradient.
        shift: Pixels by which images are shifted at random, as in ``Recipe``.
        flip: Whether images are mirrored at random.
    """

    epochs: int
    steps: int
    batch: int = 64
    learning_rate: float = 0.025
    last_rate: float = LAST_RATE
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    shift: int = 0
    flip: bool = False


class SupernetTraining:
    """A training that can be left after any epoch and taken up by another process.

    Images and paths of an epoch follow from the seed and its number alone, so that a training which
    was interrupted goes on with the same ones and ends, on a CPU with the same number of threads, with
    the same weights. Parts that a step does not use are left as they are: no momentum, no decay.
    Validation images are never seen.

    Args:
        supernet: Freshly initialised; is trained in place.
        data: What it is trained on.
        schedule: How.
        sampler: Chooses the paths.
        seed: Determines images and paths.
    """

    def __init__(
        self, supernet: Supernet, data: TrainingData, schedule: Schedule, sampler: PathSampler, seed: int
    ) -> None:
        self.supernet, self.data, self.schedule = supernet, data, schedule
        self._sampler, self._seed = sampler, seed
        self._weights = list(supernet.parameters())
        self._optimiser = torch.optim.SGD(
            self._weights,
            lr=schedule.learning_rate,
            momentum=schedule.momentum,
            weight_decay=schedule.weight_decay,
        )
        self.epoch = 0
        self.seconds = 0.0

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.schedule.epochs

    def run_epoch(self) -> float:
        """Train for an epoch; returns the mean loss.

        Raises:
            RunError: The loss is not finite any more.
        """
        began = time.perf_counter()
        schedule, device = self.schedule, self._weights[0].device
        images, labels = self._images()
        shown = torch.from_numpy(images).to(device)
        truth = torch.from_numpy(labels).to(device)
        rng = generator("paths", self._seed, self.epoch)
        self.supernet.train()
        total = torch.zeros((), device=device)
        for step in range(schedule.steps):
            self._set_learning_rate(self.epoch * schedule.steps + step)
            self._optimiser.zero_grad(set_to_none=True)
            batch = shown[step].contiguous(memory_format=torch.channels_last)
            paths = self._paths(rng)
            for path in paths:
                loss = functional.cross_entropy(self.supernet(batch, path), truth[step])
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach() / len(paths)
            nn.utils.clip_grad_norm_(self._weights, schedule.clip)
            self._optimiser.step()
        mean = float(total) / schedule.steps
        self.epoch += 1
        self.seconds += time.perf_counter() - began
        if not math.isfinite(mean):
            raise RunError(f"the training of the supernet diverged in epoch {self.epoch}: its loss is {mean}")
        return mean

    def state(self) -> dict[str, Any]:
        """Return all that ``restore`` needs: numbers and tensors, nothing else."""
        momentum = {
            number: entry["momentum_buffer"]
            for number, entry in self._optimiser.state_dict()["state"].items()
            if entry.get("momentum_buffer") is not None
        }
        return {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "weights": self.supernet.state_dict(),
            "momentum": momentum,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a training of the same supernet where it was left."""
        self.supernet.load_state_dict(state["weights"])
        content = self._optimiser.state_dict()
        content["state"] = {
            number: {"momentum_buffer": buffer} for number, buffer in state["momentum"].items()
        }
        self._optimiser.load_state_dict(content)
        self.epoch, self.seconds = state["epoch"], state["seconds"]

    def _images(self) -> tuple[Any, Any]:
        schedule = self.schedule
        recipe = Recipe(
            space="any",
            epochs=1,
            steps_per_epoch=schedule.steps,
            batch_size=schedule.batch,
            shift=schedule.shift,
            flip=schedule.flip,
        )
        return BatchStream(recipe, self.data, derive_seed("supernet", self._seed, self.epoch)).epoch()

    def _paths(self, rng: np.random.Generator) -> list[Any]:
        chosen = self._sampler.step(rng)
        if any(path is None for path in chosen):
            return list(chosen)
        codes = np.array(chosen, dtype=np.int16)
        return [as_arch(row) for row in self.supernet.pruned(codes)]

    def _set_learning_rate(self, step: int) -> None:
        schedule = self.schedule
        share = step / (schedule.epochs * schedule.steps)
        span = schedule.learning_rate - schedule.last_rate
        rate = schedule.last_rate + 0.5 * span * (1.0 + math.cos(math.pi * share))
        self._optimiser.param_groups[0]["lr"] = rate
