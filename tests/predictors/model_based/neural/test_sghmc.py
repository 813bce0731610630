import numpy as np
import pytest
import torch

from predictors.model_based.neural.sghmc import AdaptiveSghmc
from predictors.model_based.neural.stack import Stack


class Silent:
    """A generator of noise that is always zero."""

    def standard_normal(self, count):
        return np.zeros(count)


def make(models, *, generators=None, rows=50, burn_in=3, step_size=0.1, friction=0.2):
    stack = Stack([{"a": np.array([1.0, -2.0])}] * models, dtype=torch.float64)
    generators = generators or [np.random.default_rng(m) for m in range(models)]
    sampler = AdaptiveSghmc(
        stack, generators, rows=rows, step_size=step_size, friction=friction, burn_in=burn_in
    )
    return stack, sampler


def test_without_noise_the_steps_are_those_of_the_paper():
    """The same update, written down for one number at a time."""
    stack, sampler = make(1, generators=[Silent()])
    gradients = np.array([[0.5, -1.5], [0.2, 0.7], [-0.3, 1.1], [0.9, 0.4], [0.1, -0.6]])
    theta, momentum = np.array([1.0, -2.0]), np.zeros(2)
    window, average, square = np.ones(2), np.ones(2), np.ones(2)
    for step, gradient in enumerate(gradients):
        stack.gradients["a"].copy_(torch.from_numpy(gradient[None]))
        sampler.step()
        if step < 3:
            rate = 1 / (window + 1)
            window = window - window * average**2 / square + 1
            average = (1 - rate) * average + rate * gradient
            square = (1 - rate) * square + rate * gradient**2
        momentum = momentum - 0.1**2 * gradient / np.sqrt(square) - 0.2 * momentum
        theta = theta + momentum
        np.testing.assert_allclose(stack.model(0)["a"], theta, rtol=1e-12)


def test_samples_have_the_variance_of_the_posterior():
    """Potential N t^2 / 2, so the posterior is N(0, 1/N)."""
    rows = 25
    stack, sampler = make(20, rows=rows, burn_in=200, step_size=0.05, friction=0.1)
    draws = []
    for step in range(6000):
        stack.flat_gradient.copy_(stack.flat)
        sampler.step()
        if step > 1000 and step % 20 == 0:
            draws.append(np.array([stack.model(m)["a"] for m in range(20)]))
    draws = np.array(draws)
    assert abs(draws.mean()) < 0.01
    assert draws.var() * rows == pytest.approx(1.0, abs=0.1)


def test_noise_is_the_models_own():
    together, sampler = make(3)
    alone, single = make(1, generators=[np.random.default_rng(2)])
    for _ in range(6):
        together.flat_gradient.copy_(together.flat)
        alone.flat_gradient.copy_(alone.flat)
        sampler.step()
        single.step()
    np.testing.assert_array_equal(together.model(2)["a"], alone.model(0)["a"])
    assert not np.array_equal(together.model(1)["a"], alone.model(0)["a"])
