import numpy as np
import pytest
import torch

from predictors.model_based.neural.adam import Adam, cosine
from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.stack import ALIGNMENT, Stack, xavier_uniform
from predictors.model_based.neural.threads import one_thread


def initial(seed):
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=(3, 2)), "b[]": rng.normal(size=(4, 5))}


def test_stack_gives_back_what_it_was_given():
    models = [initial(seed) for seed in range(3)]
    stack = Stack(models, dtype=torch.float64)
    assert stack.values["a"].shape == (3, 3, 2)
    assert stack.values["b[]"].shape == (4, 3, 5)
    assert stack.flat.numel() % ALIGNMENT == 0
    for index, model in enumerate(models):
        for name, value in stack.model(index).items():
            np.testing.assert_array_equal(value, model[name])


def test_blocks_are_views_of_the_flat_buffers():
    stack = Stack([initial(0), initial(1)])
    stack.flat.fill_(2.0)
    stack.gradients["b[]"].fill_(3.0)
    assert np.all(stack.model(1)["a"] == 2.0)
    assert int((stack.flat_gradient == 3.0).sum()) == 2 * 4 * 5


def test_positions_of_each_model():
    models = [initial(seed) for seed in range(3)]
    stack = Stack(models, dtype=torch.float64)
    positions = stack.positions()
    assert positions.shape == (3, 6 + 20)
    for index, model in enumerate(models):
        expected = np.concatenate([model["a"].ravel(), model["b[]"].ravel()])
        np.testing.assert_array_equal(stack.flat.numpy()[positions[index]], expected)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_is_that_of_torch(decay):
    stack = Stack([initial(0), initial(1)])
    parameter = torch.nn.Parameter(stack.flat.clone())
    ours = Adam(stack, learning_rate=0.01, betas=(0.8, 0.95), weight_decay=decay)
    theirs = torch.optim.Adam([parameter], lr=0.01, betas=(0.8, 0.95), weight_decay=decay)
    rng = np.random.default_rng(2)
    for rate in (0.01, 0.01, 0.003):
        gradient = torch.from_numpy(rng.normal(size=stack.flat.shape)).float()
        stack.flat_gradient.copy_(gradient)
        parameter.grad = gradient
        ours.learning_rate = theirs.param_groups[0]["lr"] = rate
        ours.step()
        theirs.step()
    np.testing.assert_allclose(stack.flat.numpy(), parameter.detach().numpy(), rtol=1e-5, atol=1e-7)


def test_adam_of_a_model_does_not_depend_on_the_others():
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(5, 3, 2)), rng.normal(size=(4, 5, 5))

    def run(models):
        stack = Stack([initial(seed) for seed in models])
        adam = Adam(stack, learning_rate=0.01)
        for _ in range(5):
            stack.gradients["a"].copy_(torch.from_numpy(gradients[0][models]))
            stack.gradients["b[]"].copy_(torch.from_numpy(gradients[1][:, models]))
            adam.step()
        return [stack.model(index) for index in range(len(models))]

    together, alone = run([0, 1, 2, 3, 4]), run([3])
    for name, value in alone[0].items():
        np.testing.assert_array_equal(value, together[3][name])


@pytest.mark.parametrize("decays", [0.0, np.array([0.0, 0.3, 0.01])], ids=["no decay", "decays"])
def test_adam_with_rates_of_their_own_is_that_of_each_model_alone(decays):
    rates, rng = np.array([0.3, 0.01, 0.0001]), np.random.default_rng(0)
    gradients = rng.normal(size=(4, 3, 3, 2)), rng.normal(size=(4, 4, 3, 5))

    def run(models, rate, decay):
        stack = Stack([initial(seed) for seed in models])
        adam = Adam(stack, learning_rate=rate, weight_decay=decay)
        for epoch in range(4):
            adam.learning_rate = cosine(rate, epoch, 4)
            stack.gradients["a"].copy_(torch.from_numpy(gradients[0][epoch][models]))
            stack.gradients["b[]"].copy_(torch.from_numpy(gradients[1][epoch][:, models]))
            adam.step()
        return [stack.model(index) for index in range(len(models))]

    together = run([0, 1, 2], rates, decays)
    for index, rate in enumerate(rates):
        (alone,) = run([index], float(rate), float(np.broadcast_to(decays, 3)[index]))
        for name, value in alone.items():
            np.testing.assert_allclose(together[index][name], value, rtol=1e-6, atol=1e-8)


def test_cosine_falls_from_the_start_to_almost_nothing():
    rates = [cosine(0.5, epoch, 100) for epoch in range(100)]
    assert rates[0] == 0.5
    assert rates[50] == pytest.approx(0.25)
    assert rates[-1] < 0.001
    assert rates == sorted(rates, reverse=True)


def test_every_row_comes_once_per_epoch_and_orders_are_the_models_own():
    def orders(seeds):
        return list(epoch_orders([np.random.default_rng(seed) for seed in seeds], 7, 3))

    together, alone = orders([4, 9]), orders([9])
    assert len(together) == 3
    for both, one in zip(together, alone, strict=True):
        assert sorted(both.flatten().tolist()) == list(range(14))
        assert (both[1] - 7).tolist() == one[0].tolist()
    assert together[0].tolist() != together[1].tolist()


def test_the_last_batch_is_kept():
    assert batch_slices(7, 3) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert batch_slices(4, 9) == [slice(0, 4)]


def test_xavier_bounds():
    weights = xavier_uniform(np.random.default_rng(0), 2, 30, 20)
    assert weights.shape == (2, 30, 20)
    bound = (6 / 50) ** 0.5
    assert 0.95 * bound < np.abs(weights).max() <= bound


def test_threads_and_gradients_are_as_before_afterwards():
    before = torch.get_num_threads(), torch.is_grad_enabled()

    def fail():
        with one_thread():
            assert torch.get_num_threads() == 1
            assert not torch.is_grad_enabled()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == before
