import numpy as np

from predictors.learning_curve.ensemble import walk
from predictors.learning_curve.importance import refine
from predictors.learning_curve.tempering import sample

CENTRES = np.array([0.0, 1.0, 4.0])
SIGMA = 0.1
MEANS, VARIANCE = CENTRES / (1 + SIGMA**2), SIGMA**2 / (1 + SIGMA**2)
EVIDENCE = -(CENTRES**2) / 2 / (1 + SIGMA**2) + np.log(SIGMA) - np.log(1 + SIGMA**2) / 2


def log_likelihood(z, rows):
    """Tells of the sum of two standard normals; nothing of the third."""
    value = (z[..., 0] + z[..., 1]) / np.sqrt(2)
    return -0.5 * ((value - CENTRES[rows, None]) / SIGMA) ** 2


def moments(z, weights):
    value = (z[..., 0] + z[..., 1]) / np.sqrt(2)
    mean = (weights * value).sum(axis=1)
    return mean, (weights * value**2).sum(axis=1) - mean**2


def test_tempering_reaches_a_narrow_posterior_and_its_evidence():
    found = sample(log_likelihood, 3, 3, particles=400, moves=5, rng=np.random.default_rng(0))
    assert found.reached.all()
    mean, variance = moments(found.particles, 1 / 400)
    np.testing.assert_allclose(mean, MEANS, atol=0.02)
    np.testing.assert_allclose(variance, VARIANCE, rtol=0.3)
    np.testing.assert_allclose(found.log_evidence, EVIDENCE, atol=0.5)
    np.testing.assert_allclose(found.particles[..., 2].std(axis=1), 1.0, atol=0.2)


def test_importance_sampling_corrects_particles_that_are_off():
    rng = np.random.default_rng(1)
    along = rng.normal(size=(3, 100, 2))
    value = MEANS[:, None] + 0.02 + 0.12 * rng.normal(size=(3, 100))
    z = np.stack([value + along[..., 0], value - along[..., 0], along[..., 1]], axis=2)
    z[..., :2] /= np.sqrt(2)
    found = refine(log_likelihood, z, points=4000, rounds=2, rng=rng)
    mean, variance = moments(found.points, found.weights)
    np.testing.assert_allclose(mean, MEANS, atol=0.01)
    np.testing.assert_allclose(variance, VARIANCE, rtol=0.15)
    np.testing.assert_allclose(found.log_evidence, EVIDENCE, atol=0.15)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0)


def test_ensemble_samples_the_posterior_and_leaves_its_start_alone():
    def log_density(z):
        return log_likelihood(z, np.arange(3)) - 0.5 * (z**2).sum(axis=-1)

    rng = np.random.default_rng(2)
    start = rng.normal(size=(3, 40, 3))
    before = start.copy()
    kept, accepted = walk(log_density, start, steps=1500, burn_in=500, rng=rng)
    assert np.array_equal(start, before)
    assert len(kept) == 1000
    assert np.all((accepted > 0.3) & (accepted < 0.9))
    z = np.concatenate(kept, axis=1)
    mean, variance = moments(z, 1 / z.shape[1])
    np.testing.assert_allclose(mean, MEANS, atol=0.02)
    np.testing.assert_allclose(variance, VARIANCE, rtol=0.2)
    np.testing.assert_allclose(z[..., 2].std(axis=1), 1.0, atol=0.15)
    # Samples already taken are not changed by later moves.
    assert not np.array_equal(kept[0], kept[-1])


def test_equal_problems_have_equal_samples_wherever_they_stand():
    def of(centres):
        def shifted(z, rows):
            return -0.5 * ((z[..., 0] - centres[rows, None]) / SIGMA) ** 2

        found = sample(shifted, len(centres), 2, particles=30, moves=2, rng=np.random.default_rng(3))
        return found.particles

    alone, together = of(np.array([0.5])), of(np.array([3.0, 0.5, -2.0]))
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-9)
