"""How long a resume takes to find what is left: ``python benchmarks/resume_scan.py``.

Builds a store of 1,000,000 rows with the store's own writer, then, in a fresh process, reads the
finished keys and subtracts them from a plan of 200,000 keys. Aim: at most 3 s for the scan.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

TASKS = (("nasbench201", "cifar10"), ("nasbench201", "cifar100"), ("nasbench201", "imagenet16-120"))
START = datetime(2026, 1, 1, tzinfo=UTC)


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def build(out: Path, rows: int, part_rows: int, lost_every: int) -> None:
    from pipeline.store import ResultStore

    store = ResultStore(out)
    for first in range(0, rows, part_rows):
        space, dataset = TASKS[first // part_rows % len(TASKS)]
        store.append(
            [
                {
                    "key": key(number), "study": "scale", "predictor": "rf", "params": "{}", "version": 1,
                    "space": space, "dataset": dataset, "seed": number % 100, "train_size": 100,
                    "status": "lost" if number % lost_every == 0 else "ok", "kendall": number / rows,
                    "finished_at": START + timedelta(milliseconds=number),
                }
                for number in range(first, min(first + part_rows, rows))
            ]
        )  # fmt: skip


def measure(out: Path, rows: int, plan: int) -> dict[str, float]:
    begin = time.perf_counter()
    import pyarrow as pa
    import pyarrow.compute as pc

    from pipeline.store import ResultStore

    imported = time.perf_counter()
    cpu = time.process_time()
    done = ResultStore(out).done_keys(include_failed=True)
    scanned = time.perf_counter()
    cpu = time.process_time() - cpu
    # Half of the plan is stored already, half is new.
    keys = pa.array([key(number) for number in range(rows - plan // 2, rows + plan // 2)])
    planned = time.perf_counter()
    left = keys.filter(pc.invert(pc.is_in(keys, value_set=done)))
    subtracted = time.perf_counter()
    return {
        "import_s": imported - begin,
        "done_keys_s": scanned - imported,
        "done_keys_cpu_s": cpu,
        "subtract_s": subtracted - planned,
        "done": len(done),
        "left": len(left),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--part-rows", type=int, default=5_000)
    parser.add_argument("--plan", type=int, default=200_000)
    parser.add_argument("--lost-every", type=int, default=1_000, help="one row in so many is lost")
    parser.add_argument("--compact", action="store_true", help="measure again after compaction")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.rows, args.plan)))
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        begin = time.perf_counter()
        build(out, args.rows, args.part_rows, args.lost_every)
        print(f"built {args.rows:,} rows in {time.perf_counter() - begin:.1f} s")
        print(f"{'files':>6} {'MB':>6} {'import s':>9} {'done_keys s':>12} {'CPU s':>6} {'subtract s':>11} "
              f"{'done':>10} {'left':>8} {'peak MB':>8}")  # fmt: skip
        report(out, args)
        if args.compact:
            from pipeline.store import ResultStore

            begin = time.perf_counter()
            ResultStore(out).compact()
            elapsed = time.perf_counter() - begin
            report(out, args)
            print(f"compaction: {elapsed:.1f} s")


def report(out: Path, args: argparse.Namespace) -> None:
    files = list(out.rglob("part-*.parquet"))
    size = sum(file.stat().st_size for file in files) / 1e6
    command = [sys.executable, __file__, "--measure", str(out), "--rows", str(args.rows)]
    got = json.loads(subprocess.check_output([*command, "--plan", str(args.plan)], text=True))
    print(
        f"{len(files):6d} {size:6.1f} {got['import_s']:9.2f} {got['done_keys_s']:12.2f} "
        f"{got['done_keys_cpu_s']:6.2f} {got['subtract_s']:11.2f} {got['done']:10,} {got['left']:8,} "
        f"{got['peak_mb']:8.0f}"
    )


if __name__ == "__main__":
    main()
