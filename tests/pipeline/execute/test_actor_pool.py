import os
import time

import pytest

pytestmark = pytest.mark.ray


@pytest.fixture
def pool_class(local_ray):
    from pipeline.execute.actor_pool import ActorPool

    return ActorPool


@pytest.fixture
def make(local_ray, pool_class):
    """Build pools that are closed at the end of the test."""

    class Doubler:
        def __init__(self, factor):
            self.factor = factor

        def double(self, values):
            return [self.factor * value for value in values]

        def where(self):
            import ray

            return os.getpid(), ray.get_gpu_ids()

        def hang(self):
            time.sleep(3600)

        def die(self):
            os._exit(1)

    pools = []

    def build(**settings):
        pools.append(pool_class(local_ray.remote(Doubler), (2,), **settings))
        return pools[-1]

    yield build
    for pool in pools:
        pool.close()


def test_calls_go_to_the_least_busy_actor(make, local_ray):
    pool = make(size=2, num_cpus=0.5)
    processes = local_ray.get([pool.submit("where") for _ in range(4)])
    assert len({pid for pid, _ in processes}) == 2
    refs = [pool.submit("double", [n, n + 1]) for n in range(10)]
    assert local_ray.get(refs) == [[2 * n, 2 * n + 2] for n in range(10)]
    for ref in refs:
        pool.release(ref)


def test_four_quarters_share_one_device_and_a_fifth_waits(make, local_ray):
    four = make(size=4, num_cpus=0, num_gpus=0.25)
    found = local_ray.get([four.submit("where") for _ in range(4)])
    assert len({pid for pid, _ in found}) == 4
    assert {tuple(devices) for _, devices in found} == {(0,)}
    fifth = make(size=1, num_cpus=0, num_gpus=0.25).submit("where")
    assert local_ray.wait([fifth], timeout=2.0)[0] == []
    four.close()
    assert local_ray.get(fifth, timeout=60)[1] == [0]


def test_an_actor_that_dies_starts_again_and_answers(make, local_ray):
    pool = make(size=1, num_cpus=0.5)
    before = local_ray.get(pool.submit("where"))
    with pytest.raises(local_ray.exceptions.RayError):
        # Repeated for ever by design; only the caller can end it.
        local_ray.get(pool.submit("die"), timeout=5.0)
    pool.close()
    again = make(size=1, num_cpus=0.5)
    assert local_ray.get(again.submit("where")) != before


def test_a_hanging_actor_is_replaced_and_names_who_waited(make, local_ray):
    pool = make(size=1, num_cpus=0.5)
    stuck, waiting = pool.submit("hang"), pool.submit("double", [1])
    assert pool.replace(stuck) == {waiting}
    with pytest.raises(local_ray.exceptions.RayActorError):
        local_ray.get(stuck, timeout=60)
    assert local_ray.get(pool.submit("double", [4]), timeout=60) == [8]


@pytest.mark.parametrize("share", [0.3, 0.6, 2.0, -1.0])
def test_shares_that_do_not_divide_a_device_are_refused(make, share):
    with pytest.raises(ValueError, match="allowed are"):
        make(size=1, num_gpus=share)


def test_an_empty_pool_is_refused(make):
    with pytest.raises(ValueError, match="at least one actor"):
        make(size=0)
