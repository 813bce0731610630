from dataclasses import replace

import numpy as np
import pytest

from predictors.curves import accuracy_curve, curve
from predictors.observations import Observations
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE = NasBench201()


def observe(**curves):
    arrays = {name: np.asarray(values, dtype=np.float32) for name, values in curves.items()}
    n = len(next(iter(arrays.values())))
    return Observations(SPACE, DatasetInfo("d"), SPACE.all_codes()[:n], curves=arrays)


def test_curve_is_float64_and_keeps_its_values():
    values = curve(observe(train_loss=[[2.5, 1.25], [3, 2]]), "train_loss")
    assert values.dtype == np.float64
    assert values.tolist() == [[2.5, 1.25], [3, 2]]


def test_accuracy_is_100_minus_loss_only_without_an_accuracy():
    assert accuracy_curve(observe(val_loss=[[6, 5.5]])).tolist() == [[94, 94.5]]
    both = observe(val_loss=[[6, 5.5]], val_acc_curve=[[10, 20]])
    assert accuracy_curve(both).tolist() == [[10, 20]]
    with pytest.raises(InputError, match=r"val_acc_curve is missing, the observations have train_loss"):
        accuracy_curve(observe(train_loss=[[1, 1]]))


def test_misshapen_curves_are_refused():
    for wrong in (np.zeros((1, 0)), np.zeros((2, 3)), np.zeros(1)):
        query = replace(observe(val_loss=[[1, 2]]), curves={"val_loss": wrong.astype(np.float32)})
        with pytest.raises(InputError, match=r"curves: val_loss has shape .*, must be \(1, epochs\)"):
            curve(query, "val_loss")


def test_diverged_architecture_is_named():
    query = observe(val_loss=[[2, 1], [2, np.inf]])
    message = rf"val_loss of architecture 1 \({np.str_(SPACE.format(tuple(query.codes[1])))}".replace(
        "|", r"\|"
    )
    with pytest.raises(InputError, match=message.replace("+", r"\+") + r"\) is inf at epoch 2"):
        curve(query, "val_loss")
