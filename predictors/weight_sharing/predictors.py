"""Weight-sharing supernets as predictors."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.observations import Observations
from predictors.parameters import Range
from predictors.weight_sharing.paths import AllPaths, FairPaths, PathSampler, UniformPaths
from tasks.seeds import derive_seed
from tasks.spaces.base import SearchSpace


class WeightSharing(Predictor):
    """Validation accuracy of a sub-network with the weights of a supernet, in percent.

    Labelled architectures are not looked at. The supernet is trained when the first query comes, once
    per seed; ``setup_seconds_`` says how long that took, then or before. Accuracies are not those of
    trained networks: most are far lower.

    Subclasses say which paths are trained; a subclass with another ``sampler_for`` is another method.
    """

    epochs: int
    steps: int
    batch: int
    learning_rate: float
    shift: int
    flip: bool
    images: str
    val_images: int
    bn_reestimate: bool
    bn_batches: int
    replicate: int | None
    channels: int | None
    cells: int | None

    @property
    def is_fitted(self) -> bool:
        """Always true."""
        return True

    def sampler_for(self, space: SearchSpace) -> PathSampler:
        """Return what chooses the paths of a training step."""
        raise NotImplementedError

    def _fit(self, train: Observations) -> None:
        del train

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        if len(query) == 0:
            return np.zeros(0, dtype=np.float64)
        from predictors.weight_sharing.scoring import Measure, accuracies
        from predictors.weight_sharing.trained import Design, load_pool, trained_supernet
        from predictors.weight_sharing.training import LAST_RATE, Schedule

        sizes = {"channels": self.channels, "cells": self.cells}
        seed = self.seed if self.replicate is None else derive_seed("replicate", self.replicate)
        design = Design(
            space=query.space,
            dataset=query.dataset,
            size={name: value for name, value in sizes.items() if value is not None},
            schedule=Schedule(
                epochs=self.epochs,
                steps=self.steps,
                batch=self.batch,
                learning_rate=self.learning_rate,
                last_rate=min(LAST_RATE, self.learning_rate),
                shift=self.shift,
                flip=self.flip,
            ),
            sampler=self.sampler_for(query.space),
            seed=seed,
        )
        pool = load_pool(self.images, query.dataset, self.val_images)
        trained = trained_supernet(design, pool)
        self.setup_seconds_ = trained.seconds
        began = time.perf_counter()
        scores = accuracies(
            trained.supernet,
            query.codes,
            pool.data,
            Measure(self.bn_reestimate, self.bn_batches),
            derive_seed("statistics", seed),
        )
        seconds = time.perf_counter() - began
        self.query_seconds_ = np.full(len(query), seconds / len(query))
        return scores


class RandomSharing(WeightSharing):
    """Random search with weight sharing: each training step goes through one random architecture.

    The published settings are 50 epochs over half of CIFAR-10 (352 steps of 64 images), for the networks
    of the space. The default of 50 epochs of 100 steps takes two to three CPU minutes on the small
    networks and images of a table made by ``naspred bench build`` from digits.

    Args:
        sampler: ``uniform``: one architecture per step, each equally likely. ``fair``: as many as there
            are operations, each operation once in every place (FairNAS); a step takes longer.
        epochs: Of the training; a checkpoint is written after each.
        steps: Mini-batches of an epoch.
        batch: Images of a mini-batch.
        learning_rate: At the start; falls to .001 along a cosine.
        shift: Pixels by which training images are shifted at random.
        flip: Whether training images are mirrored at random.
        images: Where images come from: ``auto``, ``noise``, ``digits`` or a path; see
            ``zero_cost.images.load_images``.
        val_images: Validation images, of those that there are.
        bn_reestimate: Whether batch normalisation gets statistics of its own for each architecture.
        bn_batches: Mini-batches of 250 training images for these.
        replicate: Number of the supernet, which all trials of a study then share; None: each trial trains
            its own.
        channels: ``channels`` of the networks; None for those of the space.
        cells: ``cells`` of the networks; None for those of the space.
        seed: Of the supernet, unless ``replicate`` is given.
    """

    def __init__(
        self,
        *,
        sampler: Literal["uniform", "fair"] = "uniform",
        epochs: Annotated[int, Range(1, 10_000)] = 50,
        steps: Annotated[int, Range(1, 1_000_000)] = 100,
        batch: Annotated[int, Range(2, 65_536)] = 64,
        learning_rate: Annotated[float, Range(1e-6, 10.0)] = 0.025,
        shift: Annotated[int, Range(0, 64)] = 0,
        flip: bool = False,
        images: str = "auto",
        val_images: Annotated[int, Range(1, 10_000_000)] = 1000,
        bn_reestimate: bool = True,
        bn_batches: Annotated[int, Range(1, 1000)] = 2,
        replicate: Annotated[int | None, Range(0, 1_000_000)] = None,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.sampler = sampler
        self.epochs = epochs
        self.steps = steps
        self.batch = batch
        self.learning_rate = learning_rate
        self.shift = shift
        self.flip = flip
        self.images = images
        self.val_images = val_images
        self.bn_reestimate = bn_reestimate
        self.bn_batches = bn_batches
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed

    def sampler_for(self, space: SearchSpace) -> PathSampler:
        """Return what chooses the paths of a training step."""
        return FairPaths(space) if self.sampler == "fair" else UniformPaths(space)


class OneShot(WeightSharing):
    """One-shot network: in each place the sum of all operations is trained.

    Without the dropped paths of Bender et al., as in White et al. A step trains every operation and costs
    several times one of ``rsws``; hence fewer steps.

    Args:
        epochs: Of the training; a checkpoint is written after each.
        steps: Mini-batches of an epoch (published: 352, see ``RandomSharing``).
        batch: Images of a mini-batch.
        learning_rate: At the start; falls to .001 along a cosine.
        shift: Pixels by which training images are shifted at random.
        flip: Whether training images are mirrored at random.
        images: As for ``RandomSharing``.
        val_images: Validation images, of those that there are.
        bn_reestimate: As for ``RandomSharing``.
        bn_batches: Mini-batches of 250 training images for these.
        replicate: As for ``RandomSharing``.
        channels: ``channels`` of the networks; None for those of the space.
        cells: ``cells`` of the networks; None for those of the space.
        seed: Of the supernet, unless ``replicate`` is given.
    """

    def __init__(
        self,
        *,
        epochs: Annotated[int, Range(1, 10_000)] = 50,
        steps: Annotated[int, Range(1, 1_000_000)] = 30,
        batch: Annotated[int, Range(2, 65_536)] = 64,
        learning_rate: Annotated[float, Range(1e-6, 10.0)] = 0.025,
        shift: Annotated[int, Range(0, 64)] = 0,
        flip: bool = False,
        images: str = "auto",
        val_images: Annotated[int, Range(1, 10_000_000)] = 1000,
        bn_reestimate: bool = True,
        bn_batches: Annotated[int, Range(1, 1000)] = 2,
        replicate: Annotated[int | None, Range(0, 1_000_000)] = None,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.epochs = epochs
        self.steps = steps
        self.batch = batch
        self.learning_rate = learning_rate
        self.shift = shift
        self.flip = flip
        self.images = images
        self.val_images = val_images
        self.bn_reestimate = bn_reestimate
        self.bn_batches = bn_batches
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed

    def sampler_for(self, space: SearchSpace) -> PathSampler:
        """Return the one path that there is."""
        del space
        return AllPaths()
