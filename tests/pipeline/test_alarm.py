import threading
import time

import pytest

from pipeline.alarm import TaskTimeout, time_limit


def test_a_slow_body_is_stopped():
    began = time.monotonic()
    with pytest.raises(TaskTimeout, match=r"stopped after 0\.2 s"), time_limit(0.2):
        time.sleep(30)
    assert time.monotonic() - began < 10


def test_a_fast_body_is_not_and_leaves_no_timer():
    with time_limit(0.2):
        pass
    time.sleep(0.4)


def test_a_body_that_swallows_exceptions_is_stopped_all_the_same():
    def stubborn():
        while True:
            try:
                time.sleep(30)
            except Exception:  # noqa: BLE001 - that is the point
                continue

    with pytest.raises(TaskTimeout), time_limit(0.2):
        stubborn()


def test_in_another_thread_there_is_no_limit():
    done = []

    def body():
        with time_limit(0.1):
            time.sleep(0.3)
        done.append(True)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert done == [True]
