import numpy as np
import pytest

from predictors import registry
from predictors.observations import Observations
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
LOSS = np.array([[4.0, 2.0, 1.0, 0.5], [3.0, 2.5, 2.0, 2.5]], dtype=np.float32)
QUERY = Observations(
    SPACE,
    DatasetInfo("d"),
    SPACE.all_codes()[:2],
    curves={"train_loss": LOSS, "val_loss": 2 * LOSS, "val_acc_curve": 100 - 3 * LOSS},
)


def scores(name, **params):
    return registry.create(name, params, seed=0).predict(QUERY)


def test_scores_by_hand():
    assert scores("valacc").tolist() == [98.5, 92.5]
    assert scores("valloss").tolist() == [-1, -5]
    assert scores("sotl").tolist() == [-7.5, -10]
    assert scores("sotle").tolist() == [-0.5, -2.5]
    assert scores("sotle", last=2).tolist() == [-1.5, -4.5]
    assert scores("sotle", last=9).tolist() == [-7.5, -10]


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.99, 1.0])
def test_moving_average_is_the_recursion(mu):
    expected = []
    for losses in LOSS.astype(float):
        average = total = losses[0]
        for loss in losses[1:]:
            average = (1 - mu) * average + mu * loss
            total += average
        expected.append(-total)
    np.testing.assert_allclose(scores("sotlema", mu=mu), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["valacc", "valloss", "sotl", "sotle", "sotlema"])
def test_is_swept_along_the_epochs_and_needs_no_labels(name):
    info = registry.get_info(name)
    assert info.experiment == "vary_fidelity"
    assert info.needs == {"curves"}
