"""Training of an architecture from several seeds as one program."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.benchmarks.training.cost import network_counts
from tasks.benchmarks.training.data import Images, Labels, TrainingData
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.runs import TrainedRuns
from tasks.benchmarks.training.stacked import stack_networks
from tasks.benchmarks.training.streams import BatchStream
from tasks.errors import InputError
from tasks.seeds import derive_seed
from tasks.spaces.base import Arch, SearchSpace

_EVALUATED_AT_ONCE = 128
"""Images; more of them, with several runs side by side, no longer fit the processor's cache."""


def train_runs(
    space: SearchSpace,
    arch: Arch,
    recipe: Recipe,
    data: TrainingData,
    seeds: Sequence[int],
    device: str = "cpu",
) -> TrainedRuns:
    """Train one network per seed, all at once.

    Seed r determines initialisation and mini-batches of run r. What a run gives depends on its
    own seed only, not on the runs beside it (but for rounding).

    Args:
        space: The space of ``arch``; its networks must consist of layers that can be stacked.
        arch: The architecture.
        recipe: How to train.
        data: What ``load_data(recipe)`` gave.
        seeds: One per run, at least one.
        device: A torch device.

    Raises:
        InputError: No seed, or a recipe of another space.
    """
    if not seeds:
        raise InputError("train_runs: seeds is empty, must be one seed per run")
    if recipe.space != space.name:
        raise InputError(f"train_runs: the recipe is for {recipe.space!r}, the space is {space.name!r}")
    started = time.process_time()
    with torch.device("meta"):
        params, flops = network_counts(_build(space, arch, recipe, data), data.info)
    network = stack_networks([_initial(space, arch, recipe, data, seed) for seed in seeds]).to(device)
    return _Training(network, recipe, data, seeds, device).run(params, flops, started)


def check_network(space: SearchSpace, arch: Arch, recipe: Recipe, data: TrainingData) -> None:
    """Build a network without memory for its weights.

    Raises:
        InputError: A size of the recipe is not one that the space's networks can have.
    """
    with torch.device("meta"):
        _build(space, arch, recipe, data)


class _Training:
    def __init__(
        self, network: nn.Module, recipe: Recipe, data: TrainingData, seeds: Sequence[int], device: str
    ) -> None:
        self.network, self.recipe, self.data, self.device = network, recipe, data, device
        self.runs = len(seeds)
        self.streams = [BatchStream(recipe, data, seed) for seed in seeds]
        self.parameters = list(network.parameters())
        self.optimiser = torch.optim.SGD(
            self.parameters,
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.step_count = 0

    def run(self, params: int, flops: int, started: float) -> TrainedRuns:
        recipe, data = self.recipe, self.data
        curves = np.full((4, self.runs, recipe.epochs), np.nan, dtype=np.float32)
        wall = time.perf_counter()
        for epoch in range(recipe.epochs):
            curves[:2, :, epoch] = self._train_epoch()
            count = recipe.val_size if epoch == recipe.epochs - 1 else recipe.val_part
            curves[2:, :, epoch] = self._evaluate(data.val_images[:count], data.val_labels[:count])
        wall = time.perf_counter() - wall
        test_acc = self._evaluate(data.test_images, data.test_labels)[1]
        # Once a run has diverged, whatever is measured later means nothing.
        broken = np.logical_or.accumulate(~np.isfinite(curves).all(axis=0), axis=1)
        curves[:, broken] = np.nan
        test_acc[broken[:, -1]] = np.nan
        train_loss, train_acc, val_loss, val_acc = curves
        return TrainedRuns(
            train_loss=train_loss,
            train_acc=train_acc,
            val_loss=val_loss,
            val_acc=val_acc,
            test_acc=test_acc,
            status=tuple("diverged" if bad else "ok" for bad in broken[:, -1]),
            seconds_per_epoch=wall / (recipe.epochs * self.runs),
            cpu_s=time.process_time() - started,
            params=params,
            flops=flops,
        )

    def _train_epoch(self) -> NDArray[np.float32]:
        """Return mean loss and accuracy of each run, shape (2, runs)."""
        self.network.train()
        images, labels = self._next_batches()
        losses = torch.zeros(self.runs, device=self.device)
        correct = torch.zeros(self.runs, device=self.device)
        for step in range(self.recipe.steps_per_epoch):
            self._set_learning_rate()
            loss, right = self._step(images[step], labels[step])
            losses += loss
            correct += right
        steps = self.recipe.steps_per_epoch
        accuracy = correct * (100.0 / (steps * self.recipe.batch_size))
        return torch.stack([losses / steps, accuracy]).cpu().numpy()

    def _next_batches(self) -> tuple[Tensor, Tensor]:
        """Return images (steps, batch, runs * channels, height, width) and labels (steps, batch, runs)."""
        epochs = [stream.epoch() for stream in self.streams]
        steps, batch, _, height, width = epochs[0][0].shape
        # Channels last in memory, the layout that grouped convolutions are fast in.
        images = np.stack([images.transpose(0, 1, 3, 4, 2) for images, _ in epochs], axis=4)
        stacked = torch.from_numpy(images.reshape(steps, batch, height, width, -1)).permute(0, 1, 4, 2, 3)
        labels = torch.from_numpy(np.stack([labels for _, labels in epochs], axis=2))
        return stacked.to(self.device), labels.to(self.device)

    def _step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Update all runs; return each run's loss and number of correct predictions."""
        self.optimiser.zero_grad(set_to_none=True)
        logits = self._logits(images)
        smoothing = self.recipe.label_smoothing
        losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing).mean(
            dim=0
        )
        # The sum, so that each run has the gradient that it would have alone.
        losses.sum().backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm:
            self._clip_gradients()
        self.optimiser.step()
        with torch.no_grad():
            return losses.detach(), (logits.argmax(dim=1) == labels).sum(dim=0)

    def _logits(self, images: Tensor) -> Tensor:
        """Return logits, shape (batch, classes, runs)."""
        out: Tensor = self.network(images)
        return out.view(len(images), self.runs, -1).transpose(1, 2)

    def _clip_gradients(self) -> None:
        grads = [_by_run(weight.grad, self.runs) for weight in self.parameters if weight.grad is not None]
        norms = (
            torch.stack([grad.square().sum(dim=tuple(range(1, grad.ndim))) for grad in grads])
            .sum(dim=0)
            .sqrt()
        )
        factors = (self.recipe.clip_norm / norms).clamp(max=1.0)
        for grad in grads:
            grad.mul_(factors.view(-1, *[1] * (grad.ndim - 1)))

    def _set_learning_rate(self) -> None:
        recipe, step = self.recipe, self.step_count
        rate = recipe.lr
        if step < recipe.warmup_steps:
            rate *= (step + 1) / recipe.warmup_steps
        elif recipe.schedule == "cosine":
            share = (step - recipe.warmup_steps) / (recipe.total_steps - recipe.warmup_steps)
            rate *= 0.5 * (1.0 + math.cos(math.pi * share))
        self.optimiser.param_groups[0]["lr"] = rate
        self.step_count += 1

    @torch.no_grad()
    def _evaluate(self, images: Images, labels: Labels) -> NDArray[np.float32]:
        """Return mean loss and accuracy of each run, shape (2, runs)."""
        self.network.eval()
        total = torch.zeros(2, self.runs, device=self.device)
        for begin in range(0, len(labels), _EVALUATED_AT_ONCE):
            part = torch.tensor(images[begin : begin + _EVALUATED_AT_ONCE]).to(self.device)
            truth = torch.tensor(labels[begin : begin + _EVALUATED_AT_ONCE]).to(self.device)
            truth = truth[:, None].expand(-1, self.runs)
            shown = part.repeat(1, self.runs, 1, 1).contiguous(memory_format=torch.channels_last)
            logits = self._logits(shown)
            total[0] += functional.cross_entropy(logits, truth, reduction="none").sum(dim=0)
            total[1] += 100.0 * (logits.argmax(dim=1) == truth).sum(dim=0)
        return (total / len(labels)).cpu().numpy()


def _build(space: SearchSpace, arch: Arch, recipe: Recipe, data: TrainingData) -> nn.Module:
    return space.build(arch, data.info, channels=recipe.channels, cells=recipe.cells)


def _initial(space: SearchSpace, arch: Arch, recipe: Recipe, data: TrainingData, seed: int) -> nn.Module:
    """Return a network whose weights depend on the seed only; the global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("initial weights", seed))
        network = _build(space, arch, recipe, data)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = recipe.batch_norm_momentum
    return network


def _by_run(grad: Tensor, runs: int) -> Tensor:
    """Return a view whose first axis is the run, from parts one after another along the first axis."""
    return torch.unflatten(grad, 0, (runs, len(grad) // runs))
