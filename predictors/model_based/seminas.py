"""Encoder, predictor and decoder of token sequences that also learn from architectures without labels.

Luo et al., "Semi-Supervised Neural Architecture Search", NeurIPS 2020, algorithm 1, one iteration: the
model of ``nao`` is trained on the labelled architectures, predicts the accuracy of as many unlabelled
ones, and is trained on with both.

Differences from NASLib, corrections, beside those of ``nao``: labelled architectures have ten times the
weight instead of being copied ten times, and the unlabelled ones, drawn from the space, are different
from them and from each other.

As ``nao``, it leaves out positions without information. Epochs, batch and learning rate are as published;
since nothing is copied, an epoch of the second training has 2 n architectures instead of 11 n, and fewer
steps (100 in place of 550 at n = 100).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Self

import numpy as np

from predictors.model_based.nao import Nao, Positions
from predictors.model_based.neural.nao_network import initial_nao, predict_nao
from predictors.model_based.neural.nao_training import train_naos
from predictors.model_based.neural.regressor import Floats, Inputs
from predictors.model_based.neural.stack import Initial
from predictors.model_based.unlabelled import draw_unlabelled
from predictors.observations import Observations
from predictors.parameters import Range, Search


class SemiNas(Nao):
    """The model of ``nao``, trained on its own predictions as well.

    Args:
        positions: Which positions of the sequences are read: those that vary in the space, or all.
        hidden: Units of embeddings and LSTMs.
        epochs: Passes over the training set, in each of the two trainings.
        min_steps: Steps of Adam at least, in each: small training sets get more epochs.
        batch: Architectures per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam in the first training.
        later_rate: Learning rate of the second training / that of the first.
        weight_decay: L2 penalty.
        dropout: Share of embeddings and activations dropped in training.
        trade_off: Weight of the squared error in the loss; the rest is that of the reconstruction.
        unlabelled: Unlabelled architectures per labelled one; with 0, or in a space that has no others,
            the second training has the labelled ones only.
        labelled_weight: Weight of a labelled architecture in the second training; unlabelled: 1.
        seed: Seed of initial weights, batches, dropout and unlabelled architectures.
    """

    def __init__(
        self,
        *,
        positions: Positions = "varying",
        hidden: Annotated[int, Range(1, 1024), Search(16, 128, log=True)] = 64,
        epochs: Annotated[int, Range(1, 100_000)] = 50,
        min_steps: Annotated[int, Range(0, 1_000_000)] = 0,
        batch: Annotated[int, Range(1, 100_000), Search(32, 256, log=True)] = 100,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(1e-5, 0.1, log=True)] = 0.001,
        later_rate: Annotated[float, Range(1e-3, 1e3)] = 1.0,
        weight_decay: Annotated[float, Range(0, 1)] = 0.0001,
        dropout: Annotated[float, Range(0, 0.9)] = 0.1,
        trade_off: Annotated[float, Range(0, 1)] = 0.8,
        unlabelled: Annotated[float, Range(0, 1000)] = 1.0,
        labelled_weight: Annotated[float, Range(1e-3, 1e6)] = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            positions=positions,
            hidden=hidden,
            epochs=epochs,
            min_steps=min_steps,
            batch=batch,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            dropout=dropout,
            trade_off=trade_off,
            seed=seed,
        )
        self.later_rate = later_rate
        self.unlabelled = unlabelled
        self.labelled_weight = labelled_weight

    def _training_inputs(self, train: Observations) -> Inputs:
        count = round(self.unlabelled * len(train))
        if train.extra is not None and train.extra.of_others is None:
            count = 0  # those features cannot be had of architectures that were not trained
        drawn = draw_unlabelled(train, count, self._generator("unlabelled"))
        others = train.of_others(drawn)
        return {**super()._training_inputs(train), "others": self._sequences(others)[0]}

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[Initial]:
        one, possible = members[0], inputs["possible"][0] > 0
        streams = [member._generator() for member in members]
        tokens, others = (inputs[name].astype(np.int64) for name in ("tokens", "others"))
        initial = [initial_nao(stream, possible.shape[1], one.hidden) for stream in streams]
        equal = np.ones_like(targets)
        first = one._settings(targets.shape[1])
        taught = train_naos(streams, initial, tokens, possible, targets, equal, first)

        guesses = np.stack([predict_nao(*pair) for pair in zip(taught, others, strict=True)])
        both = np.concatenate([targets, guesses], axis=1)
        weight = np.concatenate([one.labelled_weight * equal, np.ones_like(guesses)], axis=1)
        later = replace(one._settings(both.shape[1]), learning_rate=one.later_rate * one.learning_rate)
        sequences = np.concatenate([tokens, others], axis=1)
        return train_naos(streams, taught, sequences, possible, both, weight, later)
