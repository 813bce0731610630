import numpy as np
import pytest

from predictors.model_based.gcn import Gcn
from predictors.model_based.neural.batches import epochs_for


def test_hidden_width_reaches_the_model(observe):
    model = Gcn(hidden=24, epochs=1, min_steps=0).fit(observe(6)).model_
    assert [model[f"conv{layer}[]"].shape for layer in range(4)] == [(2, 7, 24), *[(2, 24, 24)] * 3]
    assert model["head"].shape == (24, 128)


@pytest.mark.parametrize(
    ("n", "batch", "epochs", "expected"),
    [(100, 10, 30, 30), (1000, 10, 30, 30), (20, 10, 30, 150), (5, 10, 30, 300), (21, 10, 30, 100)],
)
def test_small_training_sets_get_more_epochs(n, batch, epochs, expected):
    assert epochs_for(n, batch, epochs=epochs, min_steps=300) == expected
    assert epochs_for(n, batch, epochs=epochs, min_steps=0) == epochs


def test_learns_what_the_graph_says(observe):
    train, query = observe(120), observe(60, seed=5)
    scores = Gcn(hidden=48).fit(train).predict(query)
    assert np.corrcoef(scores, query.targets)[0, 1] > 0.5


def test_fewer_architectures_than_a_batch(observe):
    train = observe(4)
    assert np.ptp(Gcn(batch=7, hidden=16).fit(train).predict(train)) > 0
