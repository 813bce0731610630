"""Predictors that go wrong in every way we know. Used through --plugin, like any third party's."""

import ctypes
import os
import signal
import time

import numpy as np

from predictors.base import Predictor, PredictorInfo


def _info(name, **tags):
    return PredictorInfo(
        name=name,
        target=f"faults:{name}",
        family="baseline",
        needs=frozenset({"labels"}),
        cost_s=0.01,
        **tags,
    )


class _Trained(Predictor):
    """Predicts the number of the last operation: a ranking, at no cost."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _fit(self, train):
        self.size_ = len(train)

    def _predict(self, query):
        return query.codes.astype(np.float64) @ (10.0 ** np.arange(query.codes.shape[1]))


class Fine(_Trained):
    info = _info("fine")


class Slow(_Trained):
    """Ten milliseconds of processor time."""

    info = _info("slow")

    def _fit(self, train):
        super()._fit(train)
        end = time.process_time() + 0.01
        while time.process_time() < end:
            pass


class Sleepy(_Trained):
    info = _info("sleepy")

    def _fit(self, train):
        super()._fit(train)
        time.sleep(0.2)


class Nap(_Trained):
    info = _info("nap")

    def _fit(self, train):
        super()._fit(train)
        time.sleep(0.8)


class RaisesForOneSeed(_Trained):
    """Fails for a fifth of the model seeds, always the same ones."""

    info = _info("raises_for_some")

    def _fit(self, train):
        super()._fit(train)
        if self.seed % 5 == 0:
            raise RuntimeError(f"model seed {self.seed} is unlucky")


class Joint(RaisesForOneSeed):
    """Fits many as one program, which one bad member spoils for all."""

    info = _info("joint")

    @classmethod
    def fit_many(cls, predictors, trains):
        if any(predictor.seed % 5 == 0 for predictor in predictors):
            raise RuntimeError("one of them is unlucky")
        for predictor, train in zip(predictors, trains, strict=True):
            predictor.size_ = len(train)
            predictor.together_ = True


class JointOnly(_Trained):
    """Can be fitted together, and not alone: shows that it was."""

    info = _info("joint_only")

    def _fit(self, train):
        raise RuntimeError("fitted alone")

    @classmethod
    def fit_many(cls, predictors, trains):
        for predictor, train in zip(predictors, trains, strict=True):
            predictor.size_ = len(train)
        time.sleep(0.2)


class BadError(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)
        self.lock = __import__("threading").Lock()  # cannot be pickled

    def __str__(self):
        raise RuntimeError("even the message is broken")


class Unpicklable(_Trained):
    info = _info("unpicklable")

    def _fit(self, train):
        raise BadError("x", 2)


class NotANumber(_Trained):
    info = _info("not_a_number")

    def _predict(self, query):
        return np.full(len(query), np.nan)


class Constant(_Trained):
    info = _info("constant")

    def _predict(self, query):
        return np.full(len(query), 50.0)


class SegfaultsForOneSeed(_Trained):
    """Brings its process down for a fifth of the model seeds."""

    info = _info("segfaults_for_some")

    def _fit(self, train):
        super()._fit(train)
        if self.seed % 5 == 0:
            ctypes.string_at(0)


class Killed(_Trained):
    info = _info("killed")

    def _fit(self, train):
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(_Trained):
    """Hangs in Python: the worker's own time limit ends it."""

    info = _info("hangs")

    def _fit(self, train):
        while True:
            time.sleep(0.05)


class HangsInC(_Trained):
    """Hangs where no Python signal handler runs: only killing the process ends it."""

    info = _info("hangs_in_c")

    def _fit(self, train):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        while True:
            time.sleep(3600)


class ResidentFine(_Trained):
    """Served by an actor; trains nothing."""

    info = PredictorInfo(
        name="resident_fine",
        target="faults:ResidentFine",
        family="baseline",
        needs=frozenset({"counts"}),
        resident=True,
        cost_s=0.01,
    )

    @property
    def is_fitted(self):
        return True


class ResidentKiller(ResidentFine):
    """Brings its actor down each time."""

    info = PredictorInfo(
        name="resident_killer",
        target="faults:ResidentKiller",
        family="baseline",
        needs=frozenset({"counts"}),
        resident=True,
        cost_s=0.01,
    )

    def _predict(self, query):
        os.kill(os.getpid(), signal.SIGKILL)


class Hungry(_Trained):
    """Takes memory until something stops it, at most 6 GiB."""

    info = _info("hungry")

    def _fit(self, train):
        super()._fit(train)
        hoard = []
        for _ in range(96):
            hoard.append(np.ones(8 * 2**20))
            time.sleep(0.02)
        self.hoard_ = len(hoard)
