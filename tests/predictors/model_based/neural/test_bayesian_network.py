import math

import numpy as np
import torch

from predictors.model_based.neural.bayesian_network import (
    SamplerSettings,
    initial_bayesian,
    sample_networks,
)


def data(models, n=30):
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(models, n, 6)).astype(float)
    return x, x @ rng.normal(size=6) / 2 + 0.05 * rng.normal(size=(models, n))


def sample(seeds, x, y, settings, depth=2):
    streams = [np.random.default_rng(seed) for seed in seeds]
    initial = [initial_bayesian(stream, x.shape[2], depth, 8) for stream in streams]
    return sample_networks(streams, initial, x, y, settings)


def test_first_step_follows_the_loss_of_torch(monkeypatch):
    """The gradient that the sampler gets is that of likelihood and priors, by automatic differentiation."""
    from predictors.model_based.neural import bayesian_network

    seen = []

    class Watcher:
        def __init__(self, stack, *args, **kwargs):
            self.stack = stack

        def step(self):
            gradients = self.stack.gradients.items()
            seen.append({name: value.clone() for name, value in gradients})

    monkeypatch.setattr(bayesian_network, "AdaptiveSghmc", Watcher)
    x, y = data(1, n=7)
    sample([3], x, y, SamplerSettings(2, 0, 1, 4, 0.01, 0.05))
    stream = np.random.default_rng(3)
    start = initial_bayesian(stream, 6, 2, 8)
    order = stream.permutation(7)
    count = sum(value.size for name, value in start.items() if name != "log_variance")
    for step, rows in enumerate((order[:4], order[4:])):
        parameters = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
        hidden = torch.tanh(torch.tensor(x[0, rows]) @ parameters["first"] + parameters["first_bias"])
        hidden = torch.tanh(hidden @ parameters["hidden[]"][0] + parameters["hidden_bias[]"][0])
        output = hidden @ parameters["output"] + parameters["output_bias"]
        log_variance = parameters["log_variance"]
        misfit = (output - torch.tensor(y[0, rows])) ** 2
        loss = (misfit * torch.exp(-log_variance) / 2 + log_variance / 2).mean()
        squares = sum((value**2).sum() for name, value in parameters.items() if name != "log_variance")
        prior = squares / 2 / count + ((log_variance - math.log(1e-6)) ** 2).sum() / (2 * 0.01)
        (loss + prior / 7).backward()
        for name, value in parameters.items():
            there = seen[step][name][:, 0] if name.endswith("[]") else seen[step][name][0]
            np.testing.assert_allclose(there.numpy(), value.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_number_of_kept_networks_and_steps():
    x, y = data(2, n=7)
    for steps, burn_in, every, expected in ((100, 10, 5, 18), (11, 10, 1, 1), (24, 4, 7, 2)):
        kept = sample([0, 1], x, y, SamplerSettings(steps, burn_in, every, 3, 0.01, 0.05))
        assert [len(networks) for networks in kept] == [expected] * 2


def test_sampled_together_as_alone():
    x, y = data(4)
    settings = SamplerSettings(40, 10, 5, 20, 0.01, 0.05)
    together = sample(range(4), x, y, settings)
    for model in range(4):
        one = slice(model, model + 1)
        (alone,) = sample([model], x[one], y[one], settings)
        for left, right in zip(alone, together[model], strict=True):
            for name, value in left.items():
                np.testing.assert_array_equal(value, right[name])


def test_longer_chains_fit_better():
    x, y = data(2)

    def error(steps):
        from predictors.model_based.neural.mlp_network import predict_mlp

        kept = sample([0, 1], x, y, SamplerSettings(steps, steps // 2, 10, 20, 0.01, 0.05))
        means = [np.mean([predict_mlp(n, x[m], "tanh") for n in kept[m]], axis=0) for m in range(2)]
        return np.mean((np.array(means) - y) ** 2)

    assert error(600) < 0.5 * error(40)
