"""CPU time of the zero-cost proxies, and how they rank cells compared with published scores.

    python benchmarks/proxies.py                          # times
    python benchmarks/proxies.py --published FILE --images FILE --cells 100

Times are CPU seconds per NAS-Bench-201 network (16 channels, 5 cells per stage) on 64 images of 32 x 32
pixels, one thread; beside them, three plain forward and backward passes of the same networks.
``--published`` is a Parquet table with the columns ``arch_str``, ``dataset``, ``val_accuracy`` and one per
proxy, made with other initialisations and mini-batches; ``--images`` an ``.npz`` file with bytes ``train_x``
of shape (n, 32, 32, 3) and ``train_y``. ``own`` compares two of our own initialisations and mini-batches in
the same way: the agreement that can be expected. ``tau`` is Kendall's tau of our scores with the accuracy,
``their tau`` that of the published ones (if there is one for every cell).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from predictors.zero_cost.evaluator import evaluate
from predictors.zero_cost.images import ImagePool, load_images
from predictors.zero_cost.scoring import PROXIES, STUDY, MiniBatch, Proxy
from tasks.metrics import kendall, spearman
from tasks.seeds import derive_seed, generator
from tasks.spaces.base import Arch, DatasetInfo, as_arch
from tasks.spaces.nasbench201 import NasBench201

SPACE, CIFAR10 = NasBench201(), DatasetInfo("cifar10", 10, 32)
TARGETS = dict.fromkeys(("synflow", "snip", "grad_norm", "fisher", "l2_norm"), 0.95)
TARGETS |= dict.fromkeys(("jacov", "nwot", "grasp"), 0.85)


def network_of(arch: Arch, seed: int = 0) -> nn.Module:
    torch.manual_seed(derive_seed("benchmark", SPACE.canonical(arch), seed))
    return SPACE.build(arch, CIFAR10)


def cpu_s(network: nn.Module, batch: MiniBatch, names: tuple[Proxy, ...]) -> float:
    began = time.process_time()
    evaluate(network, batch, names)
    return time.process_time() - began


def plain_passes(network: nn.Module, batch: MiniBatch, passes: int = 3) -> float:
    images, labels = torch.from_numpy(batch.images), torch.from_numpy(batch.labels)
    weights = list(network.parameters())
    began = time.process_time()
    for _ in range(passes):
        loss = nn.functional.cross_entropy(network(images), labels)
        torch.autograd.grad(loss, weights, allow_unused=True)
    return time.process_time() - began


def show_times(cells: int, repeats: int) -> None:
    codes = SPACE.sample(generator("proxy benchmark"), 10 * cells)
    codes = codes[SPACE.is_connected(codes)][:cells]
    batch = load_images("noise", CIFAR10).draw(64, "benchmark")
    sets: dict[str, tuple[Proxy, ...]] = {name: (name,) for name in PROXIES}
    sets |= {"the six together": STUDY, "the six without grasp": tuple(n for n in STUDY if n != "grasp")}
    sets |= {"all together": PROXIES}
    rows: dict[str, list[float]] = {name: [] for name in (*sets, "3 forward + backward")}
    evaluate(network_of(as_arch(codes[0])), batch, PROXIES)  # first calls load libraries
    for code in codes:
        network = network_of(as_arch(code))
        for name, members in sets.items():
            rows[name].append(min(cpu_s(network, batch, members) for _ in range(repeats)))
        rows["3 forward + backward"].append(min(plain_passes(network, batch) for _ in range(repeats)))
    means = pd.Series({name: float(np.mean(values)) for name, values in rows.items()})
    frame = pd.DataFrame({"cpu_s": means, "ratio": means / means["3 forward + backward"]})
    print(f"CPU seconds per network, mean of {len(codes)} cells, best of {repeats}; ratio to 3 plain passes")
    print(frame.round(3).to_string())
    print(f"six one by one: {means[list(STUDY)].sum():.2f} s")


def show_ranks(published: Path, images: Path, cells: int, batch_size: int) -> None:
    frame = pd.read_parquet(published)
    frame = frame[frame["dataset"] == "cifar10"].drop_duplicates("arch_str")
    frame = frame.sample(min(cells, len(frame)), random_state=0)
    with np.load(images) as file:
        pixels, labels = file["train_x"].astype(np.float32).transpose(0, 3, 1, 2), file["train_y"]
    pixels -= pixels.mean(axis=(0, 2, 3), keepdims=True)
    pixels /= pixels.std(axis=(0, 2, 3), keepdims=True)
    pool = ImagePool.of(np.ascontiguousarray(pixels), labels.astype(np.int64), 10)
    began = time.process_time()
    ours, again = (scores_of(frame["arch_str"], pool, batch_size, replicate) for replicate in (0, 1))
    print(f"{len(frame)} cells, batch of {batch_size}, {time.process_time() - began:.0f} CPU s")
    print("proxy      Spearman   target      own      tau their tau")
    for name in PROXIES:
        if name not in frame:
            continue
        theirs = frame[name].astype(float).where(frame[name] > -1e7)  # -1e8 stands for a failure
        target = f"{TARGETS[name]:.2f}" if name in TARGETS else ""
        columns = [rank(theirs, ours[name]), target, rank(ours[name], again[name])]
        # Cells without a score are tied below all others.
        filled = ours[name].fillna(ours[name].min() - 1.0)
        taus = [
            kendall(frame["val_accuracy"].to_numpy(), s.to_numpy())
            for s in (filled, theirs.dropna())
            if len(s) == len(frame)
        ]
        columns += ["" if tau is None else f"{tau:.2f}" for tau in taus]
        print(f"{name:10} " + " ".join(f"{text:>8}" for text in columns))


def scores_of(texts: pd.Series, pool: ImagePool, batch_size: int, replicate: int) -> pd.DataFrame:
    found = []
    for text in texts:
        arch = SPACE.parse(text)
        batch = pool.draw(batch_size, SPACE.canonical(arch), replicate)
        scores = evaluate(network_of(arch, replicate), batch, PROXIES, seed=derive_seed(text, replicate))
        found.append({name: score.value for name, score in scores.items()})
    return pd.DataFrame(found, index=texts.index).astype(float)


def rank(first: pd.Series, second: pd.Series) -> str:
    both = first.notna() & second.notna()
    rho = spearman(first[both].to_numpy(), second[both].to_numpy())
    return "none" if rho is None else f"{rho:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64, help="images per mini-batch, with --published")
    parser.add_argument("--published", type=Path)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.published is None:
        show_times(options.cells, options.repeats)
    elif options.images is None:
        parser.error("--published needs --images")
    else:
        show_ranks(options.published, options.images, options.cells, options.batch)


if __name__ == "__main__":
    main()
