"""Seeds from content: the same parts give the same stream on every machine and in every order."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def digest(*parts: object) -> str:
    """Return the sha256 (hex) of the canonical JSON of ``parts``."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def derive_seed(*parts: object) -> int:
    """Return a seed in [0, 2**32) that depends on ``parts`` only."""
    return int(digest(*parts)[:8], 16)


def generator(*parts: object) -> np.random.Generator:
    """Return a numpy generator seeded with all 256 bits of the digest of ``parts``."""
    return np.random.default_rng(np.random.SeedSequence(int(digest(*parts), 16)))
