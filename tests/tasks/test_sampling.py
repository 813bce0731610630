from dataclasses import replace

import numpy as np
import pytest

from tasks.errors import InputError
from tasks.sampling import distinct_count, draw

SAMPLINGS = ["uniform", "mutation"]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_test_and_training_sets_share_no_canonical_form(nb201_cifar10, sampling):
    for seed in range(10):
        drawn = draw(nb201_cifar10, sampling=sampling, seed=seed, n_test=40, n_train=60)
        forms = nb201_cifar10.canonical_ids[np.concatenate([drawn.test, drawn.train])]
        assert (len(drawn.test), len(drawn.train)) == (40, 60)
        assert np.unique(forms).size == 100
        texts = {
            tuple(row) for row in nb201_cifar10.codes[np.concatenate([drawn.test, drawn.train])].tolist()
        }
        assert len(texts) == 100


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_smaller_training_sets_are_prefixes_on_the_same_test_set(nb201_cifar10, sampling):
    large = draw(nb201_cifar10, sampling=sampling, seed=3, n_test=40, n_train=80)
    for n in (0, 1, 5, 33):
        small = draw(nb201_cifar10, sampling=sampling, seed=3, n_test=40, n_train=n)
        np.testing.assert_array_equal(small.test, large.test)
        np.testing.assert_array_equal(small.train, large.train[:n])


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_trials_differ_and_repeat(nb201_cifar10, sampling):
    first, again, other = (
        draw(nb201_cifar10, sampling=sampling, seed=seed, n_test=40, n_train=5).test for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_sample_depends_on_the_task_not_on_the_measured_values(small_table):
    changed = replace(small_table, val_acc=small_table.val_acc[::-1].copy(), fingerprint="other")
    a = draw(small_table, sampling="uniform", seed=0, n_test=20, n_train=20)
    b = draw(changed, sampling="uniform", seed=0, n_test=20, n_train=20)
    np.testing.assert_array_equal(a.test, b.test)


def test_uniform_sampling_reaches_every_form(small_table):
    count = distinct_count(small_table)
    drawn = draw(small_table, sampling="uniform", seed=0, n_test=count - 5, n_train=5)
    assert np.unique(small_table.canonical_ids[np.concatenate([drawn.test, drawn.train])]).size == count


def test_mutation_test_set_is_close_to_good_parents(nb201_cifar10):
    table = nb201_cifar10
    uniform = draw(table, sampling="uniform", seed=0, n_test=100, n_train=0).test
    near = draw(table, sampling="mutation", seed=0, n_test=100, n_train=200)
    parents = table.codes[near.test[:5]]
    distance = (table.codes[near.test][:, None, :] != parents[None]).sum(2).min(1)
    assert distance.max() <= 3
    to_test = (table.codes[near.train][:, None, :] != table.codes[near.test][None]).sum(2).min(1)
    assert set(to_test.tolist()) == {1}
    assert table.val_acc[near.test].mean() > table.val_acc[uniform].mean()


def test_too_small_a_table_is_refused(small_table):
    with pytest.raises(InputError, match=r"only \d+ different ones"):
        draw(small_table, sampling="uniform", seed=0, n_test=500, n_train=500)
    with pytest.raises(InputError, match="mutation sampling found only"):
        draw(small_table, sampling="mutation", seed=0, n_test=40, n_train=560)
