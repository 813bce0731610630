"""Zero-cost scores in the output store: computed once, read by every trial, study and process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from pipeline.store import ResultStore
from pipeline.store.compact import CompactReport
from pipeline.store.files import open_files
from pipeline.store.names import SCORES, is_hidden, partition
from pipeline.store.scan import read_parts, reason, warn_damaged
from predictors.zero_cost.cache import ScoreKey
from predictors.zero_cost.scoring import ProxyScore

SCORE_SCHEMA_VERSION = 1

_s, _i, _f = pa.string(), pa.int64(), pa.float64()

SCORE_SCHEMA = pa.schema(
    [
        ("key", _s), ("study", _s), ("space", _s), ("dataset", _s), ("arch", _s), ("proxy", _s),
        ("version", _i), ("replicate", _i), ("batch", _s), ("network", _s),
        ("status", _s), ("score", _f), ("reason", _s), ("seconds", _f),
        ("finished_at", pa.timestamp("us", tz="UTC")),
    ],
    metadata={b"naspred_row_schema": str(SCORE_SCHEMA_VERSION).encode()},
)  # fmt: skip
"""One row per score. ``key`` is the digest of the columns from ``space`` to ``network``; ``status`` is
``degenerate``, and ``score`` null, where the score is undefined. ``seconds`` is what it took to compute."""

_READ = ["key", "score", "reason", "seconds"]


class ScoreStore:
    """Implements ``ScoreCache`` with files beside the results; append-only, atomic, and never in the way.

    Several processes may use it at once; each reads the files that are new before it looks something
    up. Two that compute the same score at the same time both store it, and either row may be read: the
    scores are equal, the seconds nearly.

    Args:
        out: Folder or URL of the result store. Of a local folder that does not exist on this machine
            (a worker on another node without a shared file system) nothing is made: scores are then kept
            in memory only.
        study: Name of the study, for the names of files.
    """

    def __init__(self, out: str, study: str) -> None:
        self._files = open_files(out)
        self._store = ResultStore(out, folder=SCORES, schema=SCORE_SCHEMA)
        self._local = "://" not in self._files.root
        self._study = study
        self._known: dict[str, ProxyScore] = {}
        self._read: set[str] = set()

    def find(self, keys: Collection[ScoreKey]) -> dict[ScoreKey, ProxyScore]:
        """Return those that are known, here or to another process by now."""
        digests = {key: key.digest for key in keys}
        if any(text not in self._known for text in digests.values()):
            for space, dataset in {(key.space, key.dataset) for key in keys}:
                self._refresh(partition(SCORES, space, dataset))
        return {key: self._known[text] for key, text in digests.items() if text in self._known}

    def add(self, scores: Mapping[ScoreKey, ProxyScore]) -> None:
        """Keep some more, as one file per data set.

        Raises:
            StoreError: They could not be written.
        """
        self._known.update({key.digest: score for key, score in scores.items()})
        if self._local and not Path(self._files.root).is_dir():
            return
        now = datetime.now(UTC)
        self._store.append(
            [
                {
                    "key": key.digest, "study": self._study, "space": key.space, "dataset": key.dataset,
                    "arch": key.arch, "proxy": key.proxy, "version": key.version,
                    "replicate": key.replicate, "batch": key.batch, "network": key.network,
                    "status": "degenerate" if score.value is None else "ok", "score": score.value,
                    "reason": score.reason, "seconds": score.seconds, "finished_at": now,
                }
                for key, score in scores.items()
            ]
        )  # fmt: skip

    def _refresh(self, folder: str) -> None:
        """Read the files that are new since the last time, and those into which some of them were merged."""
        damaged: list[tuple[str, str]] = []
        missing: set[str] = set()
        while self._read_new(folder, missing, damaged):
            pass
        warn_damaged(self._files, damaged)

    def _read_new(self, folder: str, missing: set[str], damaged: list[tuple[str, str]]) -> bool:
        """Read what is listed; returns whether to look again, since a file was merged into another one."""
        fresh = [name for name in self._files.list(folder) if not is_hidden(name) and name not in self._read]
        again = False
        for name, table in read_parts(self._files, fresh, SCORE_SCHEMA, _READ):
            if isinstance(table, FileNotFoundError) and name not in missing:
                missing.add(name)
                again = True
                continue
            self._read.add(name)
            if not isinstance(table, pa.Table):  # also a name that stays listed and leads nowhere
                damaged.append((name, reason(table)))
                continue
            columns = [table[column].to_pylist() for column in _READ]
            for key, score, why, seconds in zip(*columns, strict=True):
                self._known.setdefault(key, ProxyScore(score, seconds, why))
        return again


def compact_scores(out: str) -> CompactReport:
    """Merge the files of stored scores, if there are any; safe while others read and add.

    Args:
        out: Folder or URL of the result store.

    Raises:
        StoreError: Reading, writing or deleting failed; no score is lost.
    """
    return ResultStore(out, folder=SCORES, schema=SCORE_SCHEMA).compact()


@lru_cache(maxsize=8)
def open_scores(out: str, study: str) -> ScoreStore:
    """Return the store of this process, which remembers what it has read."""
    return ScoreStore(out, study)
