"""Trained supernets: those of this process, else those that were kept, else trained now."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from predictors.device import tensor_device
from predictors.weight_sharing.checkpoints import current_checkpoints, decode, encode
from predictors.weight_sharing.paths import PathSampler
from predictors.weight_sharing.supernet import Supernet, make_supernet
from predictors.weight_sharing.training import Schedule, SupernetTraining
from predictors.zero_cost.images import also_forget, load_split
from tasks.benchmarks.training.data import TrainingData
from tasks.seeds import derive_seed, digest
from tasks.spaces.base import DatasetInfo, SearchSpace

VERSION = 1
"""Raised when the training gives other weights; part of the name of every checkpoint."""

_RESIDENT = 2
"""Supernets that stay in the memory of a process."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A supernet after its training.

    Attributes:
        supernet: On the device that was in force.
        name: Digest of all that its weights follow from.
        seconds: Of the training, in whichever processes it took place.
    """

    supernet: Supernet
    name: str
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images of a data set.

    Attributes:
        data: Training and validation images.
        digest: Of the training images.
    """

    data: TrainingData
    digest: str


@dataclass(frozen=True, slots=True)
class Design:
    """All that the weights of a supernet follow from, but for the images.

    Attributes:
        space: The search space.
        dataset: What the networks are built for.
        size: Sizes of the network; those left out are the space's.
        schedule: How it is trained.
        sampler: Through which paths.
        seed: Initial weights, mini-batches and paths.
    """

    space: SearchSpace
    dataset: DatasetInfo
    size: Mapping[str, int]
    schedule: Schedule
    sampler: PathSampler
    seed: int

    def name(self, pool: Pool) -> str:
        """Return the digest of all fields and of the training images."""
        return digest(
            "supernet", VERSION, self.space.name, asdict(self.dataset), dict(self.size),
            asdict(self.schedule), self.sampler.name, self.seed, pool.digest,
        )  # fmt: skip


_trained: OrderedDict[tuple[str, str], Trained] = OrderedDict()


def trained_supernet(design: Design, pool: Pool) -> Trained:
    """Return the trained supernet; what was trained before, here or elsewhere, is not trained again.

    With ``checkpoints.using_checkpoints`` in force, a checkpoint is written after each epoch, under the
    name of the design, and a training goes on from the one that is there.

    Raises:
        InputError: Sizes that do not fit, or a space without a supernet.
        RunError: The training diverged.
    """
    device = tensor_device()
    key = (design.name(pool), device)
    if key not in _trained:
        _trained[key] = _train(design, pool, key[0], device)
        while len(_trained) > _RESIDENT:
            _trained.popitem(last=False)
    _trained.move_to_end(key)
    return _trained[key]


def forget_trained() -> None:
    """Empty the memory of this process."""
    _trained.clear()


@lru_cache(maxsize=2)
def load_pool(images: str, dataset: DatasetInfo, val_size: int) -> Pool:
    """Return the images of a data set; they stay in memory for the next call.

    Args:
        images: Where they come from, as for ``zero_cost.images.load_images``.
        dataset: What the networks are built for.
        val_size: Validation images, of those that there are.

    Raises:
        InputError: No images, or images that do not fit the data set.
    """
    data = load_split(images, dataset, val_size)
    content = hashlib.sha256(f"{data.train_images.shape} {data.compose} {data.blank}".encode())
    for array in (data.train_images, data.train_labels):
        content.update(np.ascontiguousarray(array).data)
    return Pool(data, content.hexdigest())


also_forget(load_pool.cache_clear)


def _train(design: Design, pool: Pool, name: str, device: str) -> Trained:
    import torch

    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which seeds the GPUs, too.
        torch.default_generator.manual_seed(derive_seed("supernet", design.seed))
        supernet = make_supernet(design.space, design.dataset, **design.size)
    training = SupernetTraining(supernet.to(device), pool.data, design.schedule, design.sampler, design.seed)
    checkpoints = current_checkpoints()
    path = f"{design.space.name}-{design.dataset.name}/{name}"
    found = checkpoints.find(path) if checkpoints is not None else None
    state = None if found is None else decode(found, path, device)
    if state is not None:
        training.restore(state)
    while not training.finished:
        training.run_epoch()
        if checkpoints is not None:
            checkpoints.keep(path, encode(training.state()))
    return Trained(supernet, name, training.seconds)
