"""Zero-cost scores of many architectures: what is stored is looked up, the rest is computed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from predictors.device import tensor_device
from predictors.observations import Observations
from predictors.zero_cost.cache import ScoreKey, current_use
from predictors.zero_cost.images import ImagePool, load_images
from predictors.zero_cost.scoring import VERSION, Proxy, ProxyScore, Setting
from tasks.seeds import derive_seed, digest
from tasks.spaces.base import Arch

_KEEP_S = 5.0
"""New scores are handed to the cache when they are worth so many seconds: what a crash may lose."""


def score_archs(query: Observations, names: Sequence[Proxy], setting: Setting) -> list[list[ProxyScore]]:
    """Return one score per proxy of each architecture, in the order of ``names``.

    Initialisation and mini-batch are drawn from the architecture's canonical form and the number of
    the replicate: no score depends on the others, on their order or on where they are computed.

    Args:
        query: The architectures.
        names: Which proxies.
        setting: How.

    Raises:
        InputError: No images, sizes that the space does not know, or a space without networks.
    """
    archs = query.archs
    if not archs:
        return []
    pool = load_images(setting.images, query.dataset)
    use = current_use()
    texts = {arch: query.space.format(arch) for arch in archs}
    base = ScoreKey(
        space=query.space.name,
        dataset=query.dataset.name,
        arch="",
        proxy=names[0],
        version=VERSION,
        replicate=setting.replicate,
        batch=digest(pool.digest, setting.batch),
        network=",".join(f"{name}={value}" for name, value in sorted(setting.size.items())),
    )
    known: dict[ScoreKey, ProxyScore] = {}
    wanted = dict.fromkeys([*names, *(name for other, name in use.together if other == setting)])
    keys = {
        arch: {name: replace(base, arch=text, proxy=name) for name in wanted} for arch, text in texts.items()
    }
    if use.cache is not None:
        known = use.cache.find([key for group in keys.values() for key in group.values()])
    fresh: dict[ScoreKey, ProxyScore] = {}
    began = time.monotonic()
    for arch in _own_order(list(keys), shared=use.cache is not None):
        group = keys[arch]
        if all(group[name] in known for name in names):
            continue
        missing = [name for name, key in group.items() if key not in known]
        for name, score in _score(query, arch, missing, pool, setting).items():
            fresh[group[name]] = score
        if use.cache is not None and time.monotonic() - began > _KEEP_S:
            use.cache.add(fresh)
            known.update(fresh)
            rest = [key for other in keys.values() for key in other.values() if key not in known]
            known.update(use.cache.find(rest))
            fresh, began = {}, time.monotonic()
    if use.cache is not None and fresh:
        use.cache.add(fresh)
    known.update(fresh)
    return [[known[keys[arch][name]] for name in names] for arch in archs]


def _own_order(archs: list[Arch], *, shared: bool) -> list[Arch]:
    """Return the architectures in an order that other processes do not have.

    Tasks of one trial score the same architectures, at the same time in several processes. Each starts
    elsewhere, so that it finds the rest done by the others. The scores do not depend on it.
    """
    if not shared:
        return archs
    return [archs[i] for i in np.random.default_rng(os.getpid()).permutation(len(archs))]


def _score(
    query: Observations, arch: Arch, names: Sequence[Proxy], pool: ImagePool, setting: Setting
) -> dict[Proxy, ProxyScore]:
    import torch

    from predictors.zero_cost.evaluator import evaluate

    canonical = query.space.canonical(arch)
    key = (query.space.name, canonical, setting.replicate)
    began = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which seeds the GPUs, too.
        torch.default_generator.manual_seed(derive_seed("initialisation", *key))
        network = query.space.build(arch, query.dataset, **setting.size)
    network = network.to(tensor_device())
    batch = pool.draw(setting.batch, *key)
    ready = time.perf_counter() - began
    scores = evaluate(network, batch, names, seed=derive_seed("noise", *key))
    return {name: replace(score, seconds=score.seconds + ready) for name, score in scores.items()}
