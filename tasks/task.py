"""The unit of work: one predictor, on one task, with one budget and one seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from tasks.seeds import derive_seed

PROTOCOL_VERSION = 1
"""Raised when sampling or metrics change their results; part of every key."""

Sampling = Literal["uniform", "mutation"]
Experiment = Literal["single", "vary_train_size", "vary_fidelity", "vary_both"]


@dataclass(frozen=True, slots=True)
class Task:
    """One prediction task. Equal content gives an equal key, on every machine.

    Attributes:
        predictor: Registered name.
        params: Hyperparameters that differ from the defaults, as canonical JSON (sorted keys).
        version: The predictor's version; raised when its results change.
        space: Search space name.
        dataset: Data set name.
        fingerprint: Digest of the measured table that supplies the labels.
        experiment: Which budget axis the predictor is swept along.
        train_size: Number of labelled training architectures; None if it uses none.
        epochs: Length of the partial learning curves; None if it reads none.
        seed: Trial number; samples depend on it, not on predictor or budget.
        sampling: How test and training architectures are drawn.
        n_test: Number of test architectures.
        images: Digest of the images that the predictor uses; empty if it uses none. Their place is in
            ``params``, if it is not the usual one.
    """

    predictor: str
    params: str
    version: int
    space: str
    dataset: str
    fingerprint: str
    experiment: Experiment
    train_size: int | None
    epochs: int | None
    seed: int
    sampling: Sampling
    n_test: int
    images: str = ""

    @property
    def task_name(self) -> str:
        """``space/dataset``."""
        return f"{self.space}/{self.dataset}"

    @property
    def group(self) -> tuple[str, str, str, str, int | None, int | None]:
        """What tasks of one batch share: everything but the seed."""
        return (self.predictor, self.params, self.space, self.dataset, self.train_size, self.epochs)

    @property
    def queue(self) -> tuple[str, ...]:
        """What tasks of one batch must share."""
        return (self.predictor, self.params, self.space, self.dataset)

    @property
    def extent(self) -> tuple[int, int]:
        """The budget; of two tasks that differ in nothing else, the larger takes longer."""
        return (self.train_size or 0, self.epochs or 0)

    @property
    def key(self) -> str:
        """sha256 (hex) of the canonical JSON of the content."""
        content: dict[str, object] = {
            "dataset": self.dataset,
            "epochs": self.epochs,
            "fingerprint": self.fingerprint,
            "n_test": self.n_test,
            "params": self.params,
            "predictor": self.predictor,
            "protocol": PROTOCOL_VERSION,
            "sampling": self.sampling,
            "seed": self.seed,
            "space": self.space,
            "train_size": self.train_size,
            "version": self.version,
        }
        if self.images:  # keys of tasks without images are what they were before there was the field
            content["images"] = self.images
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def model_seed(self) -> int:
        """Seed of the predictor's own randomness, in [0, 2**32), from the whole key."""
        return derive_seed("model", self.key)


def canonical_params(params: dict[str, object]) -> str:
    """Return ``params`` as canonical JSON."""
    return json.dumps(params, sort_keys=True, separators=(",", ":"))
