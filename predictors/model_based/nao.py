"""Encoder, predictor and decoder of token sequences.

Luo et al., "Neural Architecture Optimization", NeurIPS 2018: an LSTM in both directions makes a vector
of the sequence, from which a small network predicts the accuracy and another LSTM the sequence again.

Differences from NASLib, corrections: hyperparameters reach the model, the last partial batch is kept,
and the decoder runs in training only.

Difference for speed: positions of the sequence that have the same token in every cell of a space, such
as the fixed wiring of NAS-Bench-201, are left out: 6 of its 35 positions are read and the cost is a
fifth; ``positions="all"`` reads them. Dropout of embeddings is drawn per batch instead of per sequence.
Training is as published: 50 epochs, batches of 100, learning rate .001.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np

from predictors.encodings.sequence import CellSequences, cell_sequences
from predictors.encodings.shared import SEQUENCES
from predictors.model_based.neural.batches import epochs_for
from predictors.model_based.neural.nao_network import initial_nao, predict_nao
from predictors.model_based.neural.nao_training import NaoSettings, train_naos
from predictors.model_based.neural.regressor import Floats, Inputs, StackedRegressor
from predictors.model_based.neural.stack import Initial
from predictors.observations import Observations
from predictors.parameters import Range, Search

Positions = Literal["varying", "all"]


class Nao(StackedRegressor[Initial]):
    """LSTM on the token sequence of the cell, trained to predict and to reconstruct.

    Args:
        positions: Which positions of the sequences are read: those that vary in the space, or all.
        hidden: Units of embeddings and LSTMs.
        epochs: Passes over the training set.
        min_steps: Steps of Adam at least: small training sets get more epochs.
        batch: Architectures per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam.
        weight_decay: L2 penalty.
        dropout: Share of embeddings and activations dropped in training.
        trade_off: Weight of the squared error in the loss; the rest is that of the reconstruction.
        seed: Seed of initial weights, batches and dropout.
    """

    stack_size: ClassVar[int] = 5

    def __init__(
        self,
        *,
        positions: Positions = "varying",
        hidden: Annotated[int, Range(1, 1024), Search(16, 128, log=True)] = 64,
        epochs: Annotated[int, Range(1, 100_000)] = 50,
        min_steps: Annotated[int, Range(0, 1_000_000)] = 0,
        batch: Annotated[int, Range(1, 100_000), Search(32, 256, log=True)] = 100,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(1e-5, 0.1, log=True)] = 0.001,
        weight_decay: Annotated[float, Range(0, 1)] = 0.0001,
        dropout: Annotated[float, Range(0, 0.9)] = 0.1,
        trade_off: Annotated[float, Range(0, 1)] = 0.8,
        seed: int = 0,
    ) -> None:
        self.positions = positions
        self.hidden = hidden
        self.epochs = epochs
        self.min_steps = min_steps
        self.batch = batch
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.trade_off = trade_off
        self.seed = seed

    @property
    def encodings(self) -> tuple[str, ...]:
        """Token sequences."""
        return (SEQUENCES,)

    def _inputs(self, observations: Observations) -> Inputs:
        return {"tokens": self._sequences(observations)[0]}

    def _training_inputs(self, train: Observations) -> Inputs:
        tokens, possible = self._sequences(train)
        return {"tokens": tokens, "possible": possible}

    def _sequences(self, observations: Observations) -> tuple[Floats, Floats]:
        """Return tokens (n, length) and, as zeros and ones, which may be where (length, vocabulary)."""
        shared = None if observations.encoded is None else observations.encoded.get(SEQUENCES)
        sequences = (
            shared
            if isinstance(shared, CellSequences)
            else cell_sequences(observations.space, observations.codes)
        )
        tokens, possible = sequences.tokens, sequences.possible
        if observations.extra is not None:
            tokens, possible = observations.extra.behind_tokens(tokens, possible)
        read = possible.sum(axis=1) > 1
        if self.positions == "all" or not read.any():
            read[:] = True
        return tokens[:, read].astype(np.float64), possible[read].astype(np.float64)

    def _kind(self, inputs: Inputs) -> object:
        return super()._kind(inputs), inputs["possible"].tobytes()

    def _settings(self, n: int) -> NaoSettings:
        """Return how to train on n architectures."""
        return NaoSettings(
            epochs=epochs_for(n, self.batch, epochs=self.epochs, min_steps=self.min_steps),
            batch=self.batch,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            trade_off=self.trade_off,
        )

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[Initial]:
        one, possible = members[0], inputs["possible"][0] > 0
        streams = [member._generator() for member in members]
        initial = [initial_nao(stream, possible.shape[1], one.hidden) for stream in streams]
        settings = one._settings(targets.shape[1])
        tokens = inputs["tokens"].astype(np.int64)
        return train_naos(streams, initial, tokens, possible, targets, np.ones_like(targets), settings)

    def _predict_model(self, model: Initial, inputs: Inputs, *, spread: bool) -> tuple[Floats, Floats | None]:
        del spread
        return predict_nao(model, inputs["tokens"].astype(np.int64)), None
