from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_benchmark_finds_what_is_left():
    """The script at a small size: 1,000 rows, every tenth lost; a plan of 200 keys, half stored."""
    command = [sys.executable, "benchmarks/resume_scan.py", "--compact"]
    sizes = ["--rows", "1000", "--part-rows", "100", "--plan", "200", "--lost-every", "10"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *sizes], cwd=ROOT, env=environment, text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    _, _, parts, compacted, _ = (line.split() for line in done.stdout.splitlines())
    assert (parts[0], compacted[0]) == ("10", "3")  # files
    # 100 new keys of the plan and 10 lost ones are to run.
    assert parts[6:8] == compacted[6:8] == ["900", "110"]
