"""Where tensors are made."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from predictors import registry
from predictors.catalog import BUILTIN
from predictors.device import choose_device, on_device, tensor_device
from predictors.model_based import gp_training
from predictors.model_based.gp_algebra import Solutions
from predictors.model_based.gp_inducing import InducingKernel
from predictors.observations import Observations
from tasks.errors import InputError

PARAMS = {
    "mlp": {"epochs": 2},
    "bananas": {"epochs": 2, "members": 2},
    "gcn": {"epochs": 2, "min_steps": 1},
    "bonas": {"epochs": 2},
    "nao": {"epochs": 2},
    "seminas": {"epochs": 2},
    "dngo": {"epochs": 2},
    "bohamiann": {"steps": 4, "burn_in": 2, "keep_every": 1},
    "gp": {"steps": 2},
    "sparse_gp": {"steps": 2},
    "var_sparse_gp": {"steps": 2},
}


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices, results to be overwritten included."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        devices = {tensor.device.type for tensor in tensors if tensor.dim()}
        assert len(devices) < 2 or operation._schema.name == "aten::copy_", operation
        return operation(*args, **kwargs)


def test_the_cpu_is_the_default_and_comes_back():
    assert tensor_device() == "cpu"
    with on_device("meta"):
        assert tensor_device() == "meta"
    with pytest.raises(ZeroDivisionError), on_device("meta"):
        raise ZeroDivisionError
    assert tensor_device() == "cpu"


def test_a_gpu_that_is_not_there_is_an_error_unless_it_is_optional(monkeypatch):
    assert choose_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(InputError, match=r"device 'cuda': torch finds no GPU here; use cpu or auto"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == "cuda"
    with pytest.raises(InputError, match=r"device 'cuda0': did you mean 'cuda'"):
        choose_device("cuda0")


def test_all_that_say_so_are_tried_here():
    trained = [info for info in BUILTIN if info.gpu and "labels" in info.needs]
    assert {info.name for info in trained} == set(PARAMS)


@pytest.mark.parametrize("name", PARAMS)
def test_training_stays_on_the_chosen_device(small_table, name, monkeypatch):
    """Tensors of the meta device have shapes only: values cannot be copied out at the end."""

    def factors(kernel, matrices):
        return torch.empty_like(matrices)

    def solutions(signal, noise, targets, inverse):
        inverse.copy_(signal)
        return Solutions(torch.empty_like(targets), torch.empty_like(noise), torch.empty_like(noise))

    # These look at values, to see whether a matrix is positive definite.
    monkeypatch.setattr(InducingKernel, "inverse_factor", factors)
    monkeypatch.setattr(gp_training, "solve", solutions)
    rows = np.arange(24)
    train = Observations(
        small_table.space, small_table.dataset, small_table.codes[rows], small_table.val_acc[rows]
    )
    predictor = registry.create(name, PARAMS[name], seed=0)
    meta = pytest.raises((NotImplementedError, RuntimeError), match="copy out of meta")
    with on_device("meta"), OneDevice(), meta:
        predictor.fit(train)
