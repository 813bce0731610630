"""A zero-cost proxy, resident in actors as all are, that writes down which networks it scores, and where."""

import os
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

from predictors import registry
from predictors.zero_cost import score_archs
from predictors.zero_cost.proxies import SynFlow


class Watched(SynFlow):
    """SynFlow on small networks; each score takes a little longer and is stored at once.

    Args:
        log: File that gets a line per score when it begins: process and architecture.
        pause_s: What a score takes longer.
        seed: Without effect.
    """

    info = replace(registry.get_info("synflow"), name="watched", target="watched:Watched")

    def __init__(self, *, log: str = "", pause_s: float = 0.05, seed: int = 0) -> None:
        super().__init__(batch=2, images="noise", channels=4, cells=1, seed=seed)
        self.log = log
        self.pause_s = pause_s

    def _predict(self, query):
        score = score_archs._score

        def watched(query, arch, *rest):
            with Path(self.log).open("a") as file:
                file.write(f"{os.getpid()} {query.space.format(arch)}\n")
            time.sleep(self.pause_s)
            return score(query, arch, *rest)

        with (
            mock.patch.object(score_archs, "_score", watched),
            mock.patch.object(score_archs, "_KEEP_S", 0.0),
        ):
            return super()._predict(query)
