"""Extra features in each kind of model: which numbers reach it, and where."""

from dataclasses import replace

import numpy as np
import pytest

from predictors.encodings.sequence import cell_sequences
from predictors.extra import ExtraFeatures
from predictors.model_based.bonas import Bonas
from predictors.model_based.gcn import Gcn
from predictors.model_based.nao import Nao
from predictors.model_based.seminas import SemiNas
from predictors.observations import Observations
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201
from tasks.spaces.nasbench_nlp import NasBenchNlp

VALUES = np.array([[0.5, -1.0], [1.5, 2.0], [-2.0, 0.0]])
BINS = np.array([[0, 2], [1, 0], [2, 1]])


def extra(**changes):
    return ExtraFeatures(**({"values": VALUES, "bins": BINS, "bin_counts": (3, 4)} | changes))


def observe(space=None, **changes):
    space = space or NasBench201()
    codes = space.sample(np.random.default_rng(0), 3)
    return Observations(space, DatasetInfo("made-up"), codes, extra=extra(**changes))


@pytest.mark.parametrize("encoding", ["adjacency", "path"])
def test_features_stand_before_the_encoding(encoding):
    observations = observe()
    plain = replace(observations, extra=None).encode(encoding)
    assert observations.encode(encoding).tolist() == np.concatenate([VALUES, plain], axis=1).tolist()


def test_features_in_place_of_the_encoding():
    assert observe(encoding=False).encode("adjacency").tolist() == VALUES.tolist()


def test_rows_stay_with_their_architectures():
    observations, rows = observe(), np.array([2, 0])
    assert (
        observations.take(rows).encode("adjacency").tolist()
        == observations.encode("adjacency")[rows].tolist()
    )
    assert observations.take(rows).extra.bins.tolist() == BINS[rows].tolist()


@pytest.mark.parametrize(
    ("kind", "space"), [(Gcn, NasBenchNlp()), (Gcn, NasBench201()), (Bonas, NasBench201())]
)
def test_features_at_every_node_that_is_there(kind, space):
    observations = observe(space)
    plain = kind()._inputs(replace(observations, extra=None))["features"]
    features = kind()._inputs(observations)["features"]
    graphs = observations.cell_graphs()
    mask = (graphs if kind is Gcn else graphs.with_global_node()).mask
    assert mask.all() == (space.name == "nasbench201")
    assert features[:, :, : plain.shape[2]].tolist() == plain.tolist()
    for row in range(3):
        for node, there in enumerate(mask[row]):
            expected = VALUES[row] if there else np.zeros(2)
            assert features[row, node, plain.shape[2] :].tolist() == expected.tolist()


def test_one_token_per_feature_behind_the_sequence():
    observations = observe()
    sequences = cell_sequences(observations.space, observations.codes)
    tokens, possible = observations.extra.behind_tokens(sequences.tokens, sequences.possible)
    assert tokens[:, :35].tolist() == sequences.tokens.tolist()
    assert tokens[:, 35:].tolist() == [[9, 14], [10, 12], [11, 13]]
    assert possible.shape == (37, 9 + 3 + 4)
    assert np.flatnonzero(possible[35]).tolist() == [9, 10, 11]
    assert np.flatnonzero(possible[36]).tolist() == [12, 13, 14, 15]
    assert possible[:35, :9].tolist() == sequences.possible.tolist()
    assert not possible[:35, 9:].any()

    alone, allowed = extra(encoding=False).behind_tokens(sequences.tokens, sequences.possible)
    assert alone.tolist() == tokens[:, 35:].tolist()
    assert allowed.tolist() == possible[35:].tolist()


def test_sequence_models_read_the_tokens():
    assert Nao()._inputs(observe())["tokens"].shape == (3, 6 + 2)
    assert Nao(positions="all")._inputs(observe())["tokens"].shape == (3, 35 + 2)
    assert Nao()._inputs(observe(encoding=False))["tokens"].shape == (3, 2)


def test_features_of_unlabelled_architectures_are_asked_for_or_there_are_none():
    asked = []

    def of_others(codes):
        asked.append(codes)
        zeros = np.zeros((len(codes), 2))
        return extra(values=zeros, bins=zeros.astype(np.int64))

    model = SemiNas(unlabelled=2.0)
    inputs = model._training_inputs(replace(observe(of_others=of_others), targets=np.arange(3.0)))
    assert [len(codes) for codes in asked] == [6]
    assert inputs["others"].shape == (6, 8)
    assert inputs["others"][:, 6:].tolist() == [[9, 12]] * 6
    without = model._training_inputs(replace(observe(), targets=np.arange(3.0)))
    assert without["others"].shape == (0, 8)
