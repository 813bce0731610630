"""Encoder, predictor and decoder of token sequences: parameters and queries.

Luo et al., "Neural Architecture Optimization", NeurIPS 2018, section 3.1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.stack import Initial
from predictors.model_based.neural.token_pairs import Tokens

Floats = NDArray[np.float64]

HEAD = 16
"""Units between the embedding of a cell and the correction that is added to it."""


def initial_nao(rng: np.random.Generator, vocabulary: int, hidden: int) -> Initial:
    """Draw a network: normal embeddings, everything else uniform within inputs^-1/2."""

    def uniform(*shape: int, inputs: int = hidden) -> Floats:
        bound = inputs**-0.5
        return rng.uniform(-bound, bound, size=shape)

    network: dict[str, Floats] = {}
    for prefix, directions in (("encoder", 2), ("decoder", 1)):
        network[f"{prefix}_embedding"] = rng.normal(size=(vocabulary, hidden))
        network[f"{prefix}_input[]"] = uniform(directions, hidden, 4 * hidden)
        network[f"{prefix}_recurrent[]"] = uniform(directions, hidden, 4 * hidden)
        network[f"{prefix}_bias[]"] = uniform(directions, 2, 4 * hidden)
    network["merge[]"] = uniform(2, hidden, hidden, inputs=2 * hidden)
    network["merge_bias"] = uniform(1, hidden, inputs=2 * hidden)
    network["down"], network["down_bias"] = uniform(hidden, HEAD), uniform(1, HEAD)
    network["up"], network["up_bias"] = uniform(HEAD, hidden, inputs=HEAD), uniform(1, hidden, inputs=HEAD)
    network["output"], network["output_bias"] = uniform(hidden), uniform(1)
    network["words[]"] = uniform(2, hidden, vocabulary, inputs=2 * hidden)
    network["words_bias"] = uniform(1, vocabulary, inputs=2 * hidden)
    return network


def predict_nao(network: Initial, tokens: Tokens) -> Floats:
    """Return the predictions of one network in double precision; the decoder has no part in them.

    Args:
        network: Its parameters.
        tokens: Sequences, shape (n, length).
    """
    embedded = network["encoder_embedding"][tokens]
    merged = embedded + network["merge_bias"]
    for direction in range(2):
        ordered = tokens[:, ::-1] if direction else tokens
        states = _states(network, direction, ordered)
        if direction:
            states = states[:, ::-1]
        merged = merged + states @ network["merge[]"][direction]
    vector = normalised(normalised(merged).mean(axis=1))
    inner = np.maximum(vector @ network["down"] + network["down_bias"], 0.0)
    correction = np.maximum(inner @ network["up"] + network["up_bias"], 0.0)
    scores = (vector + correction) @ network["output"] * math.sqrt(0.5) + network["output_bias"]
    return np.asarray(scores)


def normalised(rows: Floats) -> Floats:
    """Return the rows of the last axis with Euclidean norm 1."""
    return np.asarray(rows / np.sqrt(np.sum(rows * rows, axis=-1, keepdims=True)))


def _states(network: Initial, direction: int, tokens: Tokens) -> Floats:
    """Return the states of one direction, shape (n, length, hidden).

    Sequences that begin alike have the same state up to there, which is computed once.
    """
    import torch

    weights = torch.from_numpy(network["encoder_recurrent[]"][direction])
    table = network["encoder_embedding"] @ network["encoder_input[]"][direction]
    table_rows = torch.from_numpy(table + network["encoder_bias[]"][direction].sum(axis=0))
    n, length = tokens.shape
    hidden = weights.shape[0]
    state, cell = torch.zeros(1, hidden, dtype=torch.float64), torch.zeros(1, hidden, dtype=torch.float64)
    prefix = np.zeros(n, dtype=np.int64)
    states = np.empty((n, length, hidden))
    vocabulary = len(table)
    for position in range(length):
        extended, prefix = np.unique(prefix * vocabulary + tokens[:, position], return_inverse=True)
        prefix = prefix.reshape(-1)
        before, token = (torch.from_numpy(part) for part in np.divmod(extended, vocabulary))
        gates = table_rows[token] + state[before] @ weights
        enter, forget, leave = torch.split(gates[:, : 3 * hidden].sigmoid(), hidden, dim=1)
        cell = forget * cell[before] + enter * gates[:, 3 * hidden :].tanh()
        state = leave * cell.tanh()
        states[:, position] = state.numpy()[prefix]
    return states
