from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from predictors.encodings.wl import subtree_features
from predictors.model_based.gpwl import MAX_ACCURACY, WeisfeilerLehmanProcess, best_noise
from predictors.model_based.wl_kernel import Vocabulary
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import CONV3, NONE, NasBench201

SPACES = [NasBench201(), DagSpace("dag", ("in", "a", "b", "out"), 6)]


def kernel(space, left, right, rounds):
    """Sum of smaller counts over sum of counts, pair by pair."""
    one, two = (subtree_features(space, codes, rounds) for codes in (left, right))
    sets = [
        [set(ids[:, there].ravel().tolist()) for ids, there in zip(side.ids, side.present, strict=True)]
        for side in (one, two)
    ]
    return np.array([[len(a & b) / np.sqrt(len(a) * len(b)) for b in sets[1]] for a in sets[0]])


def standardised_log_errors(targets):
    logs = np.log(1 - np.minimum(targets, MAX_ACCURACY) / 100)
    return (logs - logs.mean()) / logs.std()


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_product_of_incidences_is_the_normalised_kernel(space, rounds):
    rng = np.random.default_rng(0)
    train, query = space.sample(rng, 20), space.sample(rng, 9)
    features = subtree_features(space, train, 3)
    vocabulary = Vocabulary.of(features, rounds)
    known = vocabulary.incidence(features)
    asked = vocabulary.incidence(subtree_features(space, query, rounds))
    square = (known @ known.T).toarray()
    np.testing.assert_allclose(square, kernel(space, train, train, rounds), rtol=1e-12)
    np.testing.assert_allclose((asked @ known.T).toarray(), kernel(space, query, train, rounds), rtol=1e-12)
    np.testing.assert_allclose(np.diagonal(square), 1.0, rtol=1e-12)
    assert np.linalg.eigvalsh(square).min() > -1e-12


def test_likelihood_in_the_eigenbasis_is_the_density_of_the_targets():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(8, 8))
    matrix, z = root @ root.T, rng.normal(size=8)
    values, vectors = np.linalg.eigh(matrix)
    noise, likelihood = best_noise(values, vectors.T @ z, 10.0)

    def density(level):
        return multivariate_normal(np.zeros(8), matrix + level * np.eye(8)).logpdf(z)

    assert likelihood - 4 * np.log(2 * np.pi) == pytest.approx(density(noise), rel=1e-9)
    assert density(noise) >= max(density(level) for level in np.geomspace(1e-7, 10.0, 400)) - 1e-9


@pytest.mark.parametrize(("scale", "expected"), [(0.0, 1e-7), (100.0, 0.1)])
def test_noise_stays_in_its_range(scale, expected):
    """Targets that are much smaller, or larger, than any noise explains."""
    noise, _ = best_noise(np.zeros(5), np.full(5, scale), 0.1)
    assert noise == pytest.approx(expected, rel=1e-3)
    assert 1e-7 * (1 - 1e-9) <= noise <= 0.1 * (1 + 1e-9)


def test_rounds_and_prediction_are_those_of_the_textbook(observe):
    train, query = observe(40, noise=1.0), observe(25, seed=7)
    predictor = WeisfeilerLehmanProcess().fit(train)
    model = predictor.model_
    z = standardised_log_errors(train.targets)
    densities = []
    for rounds in range(4):
        matrix = kernel(train.space, train.codes, train.codes, rounds)
        levels = [model.noise, *np.geomspace(1e-7, 0.1, 60)]
        normal = [multivariate_normal(np.zeros(40), matrix + level * np.eye(40)) for level in levels]
        densities.append(max(one.logpdf(z) for one in normal))
    assert model.vocabulary.rounds == int(np.argmax(densities))
    matrix = kernel(train.space, train.codes, train.codes, model.vocabulary.rounds)
    cross = kernel(train.space, query.codes, train.codes, model.vocabulary.rounds)
    noisy = matrix + model.noise * np.eye(40)
    logs = model.errors.mean + model.errors.std * cross @ np.linalg.solve(noisy, z)
    variance = 1 + model.noise - np.einsum("mn,nm->m", cross, np.linalg.solve(noisy, cross.T))
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, 100 * (1 - np.exp(logs)), rtol=1e-8)
    np.testing.assert_allclose(std, 100 * np.exp(logs) * model.errors.std * np.sqrt(variance), rtol=1e-6)
    assert np.array_equal(mean, predictor.predict(query))


def test_isomorphic_cells_have_equal_predictions(observe):
    predictor = WeisfeilerLehmanProcess().fit(observe(30))
    codes = observe(200, seed=3).codes
    codes[:, 2] = NONE
    twins = codes[:, [1, 0, 2, 3, 5, 4]]
    left, right = (
        predictor.predict(replace(observe(1), codes=half, targets=None)) for half in (codes, twins)
    )
    assert np.array_equal(left, right)
    assert len(np.unique(left)) > 50


def test_cells_without_a_path_are_one_graph_like_any_other(observe):
    train, query = observe(30), observe(50, seed=3)
    train.codes[:3] = [(NONE,) * 6, (CONV3, NONE, CONV3, NONE, NONE, NONE), (CONV3, *(NONE,) * 5)]
    train.targets[:3] = 10.0
    query.codes[:2] = [(NONE, CONV3, NONE, NONE, NONE, NONE), (NONE,) * 6]
    one, two, *others = WeisfeilerLehmanProcess().fit(train).predict(query)
    assert one == two < min(others)


def test_accuracies_of_one_hundred_percent_and_more_are_clipped(observe):
    train, query = observe(30), observe(10, seed=4)
    clipped, above = train.targets.copy(), train.targets.copy()
    clipped[:2], above[:2] = MAX_ACCURACY, [100.0, 130.0]
    scores = WeisfeilerLehmanProcess().fit(replace(train, targets=above)).predict(query)
    assert np.array_equal(
        scores, WeisfeilerLehmanProcess().fit(replace(train, targets=clipped)).predict(query)
    )
    assert np.all(scores < 100)
    perfect = WeisfeilerLehmanProcess().fit(replace(train, targets=np.linspace(100.0, 101.0, 30)))
    assert perfect.model_ is None
    assert perfect.predict(query).tolist() == [perfect.scale_.mean] * 10


def test_query_larger_than_a_block(observe):
    predictor = WeisfeilerLehmanProcess().fit(observe(20))
    query = observe(2500, seed=6)
    mean, std = predictor.predict_distribution(query)
    part = predictor.predict_distribution(replace(query, codes=query.codes[1990:2010]))
    assert np.array_equal(mean[1990:2010], part[0])
    np.testing.assert_allclose(std[1990:2010], part[1], rtol=1e-10)
