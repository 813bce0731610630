"""Training of language models of one cell from several seeds as one program."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tasks.benchmarks.training.runs import Curves, TrainedRuns
from tasks.benchmarks.training.text.data import TextData, Tokens
from tasks.benchmarks.training.text.model import StackedModel, StackedWeights
from tasks.benchmarks.training.text.recipe import TextRecipe
from tasks.errors import InputError
from tasks.seeds import derive_seed, generator
from tasks.spaces.base import Arch, SearchSpace
from tasks.spaces.nasbench_nlp import NasBenchNlp
from tasks.spaces.nasbench_nlp_network import LanguageModel

_COLUMNS = 128
"""Places at which validation reads the text side by side."""

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
"""Of Adam (Kingma and Ba, ICLR 2015)."""


def train_runs(
    space: SearchSpace,
    arch: Arch,
    recipe: TextRecipe,
    data: TextData,
    seeds: Sequence[int],
    device: str = "cpu",
) -> TrainedRuns:
    """Train one language model per seed, all at once.

    Seed r determines initialisation and text of run r. What a run gives depends on its own seed
    only, not on the runs beside it (but for rounding).

    Losses are in nats per token. As in White et al., "How Powerful are Performance Predictors in
    NAS?", NeurIPS 2021, the accuracy of a language model is 100 - loss: so are ``train_acc``,
    ``val_acc`` and ``test_acc``.

    Args:
        space: NAS-Bench-NLP.
        arch: The architecture.
        recipe: How to train.
        data: What ``load_data(recipe)`` gave.
        seeds: One per run, at least one.
        device: A torch device.

    Raises:
        InputError: No seed, or another space.
    """
    if not seeds:
        raise InputError("train_runs: seeds is empty, must be one seed per run")
    if not isinstance(space, NasBenchNlp) or recipe.space != space.name:
        raise InputError(
            f"train_runs: the recipe is for {recipe.space!r} and the space is {space.name!r}; both must be "
            f"{NasBenchNlp.name!r}"
        )
    started = time.process_time()
    # Errors that vanish through time become denormal numbers, which are many times slower.
    torch.set_flush_denormal(True)
    try:
        with torch.no_grad():
            models = [_initial(space, arch, recipe, data, seed) for seed in seeds]
            train_loss, val_loss, test_loss, wall = _Training(models, recipe, data, seeds, device).run()
    finally:
        torch.set_flush_denormal(False)
    # Once a run has diverged, whatever is measured later means nothing.
    broken = np.logical_or.accumulate(~np.isfinite(train_loss + val_loss), axis=1)
    train_loss[broken] = val_loss[broken] = np.nan
    test_loss[broken[:, -1]] = np.nan
    params, flops = space.count(np.array([arch], dtype=np.int16), data.info, **recipe.sizes)
    return TrainedRuns(
        train_loss=train_loss,
        train_acc=100 - train_loss,
        val_loss=val_loss,
        val_acc=100 - val_loss,
        test_acc=100 - test_loss,
        status=tuple("diverged" if bad else "ok" for bad in broken[:, -1]),
        seconds_per_epoch=wall / (recipe.epochs * len(seeds)),
        cpu_s=time.process_time() - started,
        params=int(params[0]),
        flops=int(flops[0]),
    )


def _initial(space: NasBenchNlp, arch: Arch, recipe: TextRecipe, data: TextData, seed: int) -> LanguageModel:
    """Return the model of a run before training; the global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("initial weights", seed))
        model = space.build(arch, data.info, **recipe.sizes)
    assert isinstance(model, LanguageModel)
    return model


def check_network(space: SearchSpace, arch: Arch, recipe: TextRecipe, data: TextData) -> None:
    """Build a language model without memory for its weights.

    Raises:
        InputError: A size of the recipe is not one that the models can have.
    """
    with torch.device("meta"):
        space.build(arch, data.info, **recipe.sizes)


class _Training:
    def __init__(
        self,
        models: Sequence[LanguageModel],
        recipe: TextRecipe,
        data: TextData,
        seeds: Sequence[int],
        device: str,
    ) -> None:
        self.recipe, self.data, self.device = recipe, data, device
        self.weights = StackedWeights(models, device)
        self.model = StackedModel(models[0], self.weights, steps=recipe.bptt, batch=recipe.batch_size)
        self.reader = StackedModel(models[0], self.weights, steps=recipe.bptt, batch=_COLUMNS, train=False)
        self.streams = [generator("text", seed) for seed in seeds]
        self.moments = [torch.zeros_like(self.weights.flat) for _ in _BETAS]
        self.steps = 0

    def run(self) -> tuple[Curves, Curves, Curves, float]:
        """Return training and validation losses, (runs, epochs), test losses, (runs,), and seconds."""
        recipe, data = self.recipe, self.data
        losses = np.full((2, len(self.streams), recipe.epochs), np.nan, dtype=np.float32)
        started = time.perf_counter()
        for epoch in range(recipe.epochs):
            losses[0, :, epoch] = self._train_epoch()
            losses[1, :, epoch] = self._read(data.val, recipe.val_tokens)
            if not np.isfinite(losses[:, :, epoch]).all(axis=0).any():
                break  # every run has diverged, often in the first epoch
        wall = time.perf_counter() - started
        return losses[0], losses[1], self._read(data.test, recipe.test_tokens), wall

    def _train_epoch(self) -> Curves:
        """Return the mean loss of each run over the mini-batches of an epoch."""
        recipe = self.recipe
        # Every run reads on from places of its own.
        length = recipe.steps_per_epoch * recipe.bptt + 1
        offsets = np.arange(length)[:, None]
        size = len(self.data.train)
        starts = [stream.integers(size, size=recipe.batch_size) for stream in self.streams]
        text = self._on_device(self.data.train[(offsets[:, None] + np.stack(starts)) % size])
        self.model.reset()
        total = torch.zeros(len(starts), device=self.device)
        for step in range(recipe.steps_per_epoch):
            part = text[step * recipe.bptt : (step + 1) * recipe.bptt + 1]
            total += self.model.loss(part[:-1], part[1:])
            self.model.backward()
            self._update(self.model.gradients)
        return _array(total / recipe.steps_per_epoch)

    def _update(self, gradients: Tensor) -> None:
        """Make a step of Adam; each run is clipped on its own."""
        recipe, weights = self.recipe, self.weights.flat
        if recipe.clip_norm:
            norm = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
            gradients.mul_((recipe.clip_norm / norm).clamp_(max=1.0))
        rate = recipe.lr
        if recipe.schedule == "cosine":
            rate *= 0.5 * (1.0 + math.cos(math.pi * self.steps / recipe.total_steps))
        self.steps += 1
        first, second = self.moments
        first.lerp_(gradients, 1.0 - _BETAS[0])
        second.mul_(_BETAS[1]).addcmul_(gradients, gradients, value=1.0 - _BETAS[1])
        scale = (second / (1.0 - _BETAS[1] ** self.steps)).sqrt_().add_(_EPSILON)
        if recipe.weight_decay:
            weights.mul_(1.0 - rate * recipe.weight_decay)
        weights.addcdiv_(first, scale, value=-rate / (1.0 - _BETAS[0] ** self.steps))

    def _read(self, text: Tokens, count: int) -> Curves:
        """Return the mean loss of each run over the first tokens of a text, at least ``count``.

        The text is cut into columns that are read side by side; the first state of each is zero.
        """
        bptt, runs = self.recipe.bptt, len(self.streams)
        parts = max(1, round(count / (bptt * _COLUMNS)))
        length = parts * bptt
        columns = np.arange(_COLUMNS) * length
        tokens = text[(np.arange(length + 1)[:, None] + columns) % len(text)]
        stacked = self._on_device(tokens)[:, None].expand(-1, runs, -1)
        self.reader.reset()
        total = torch.zeros(runs, device=self.device)
        for part in range(parts):
            piece = stacked[part * bptt : (part + 1) * bptt + 1]
            total += self.reader.loss(piece[:-1], piece[1:])
        return _array(total / parts)

    def _on_device(self, tokens: Tokens) -> Tensor:
        return torch.from_numpy(tokens).to(self.device)


def _array(losses: Tensor) -> Curves:
    return np.asarray(losses.cpu().numpy(), dtype=np.float32)
