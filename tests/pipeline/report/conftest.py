import pytest
from rows_support import CATALOG, SIX, frame, make

from pipeline.aggregate import summarize


@pytest.fixture(scope="session")
def quick():
    """Six predictors and two baselines on three tasks, with failures and gaps."""
    return make()


@pytest.fixture(scope="session")
def quick_summary(quick):
    return summarize(quick.rows, quick.expected)


@pytest.fixture(scope="session")
def large():
    """33 predictors of all four experiments on 6 tasks."""
    return make(tuple(CATALOG), SIX, sizes=(5, 24, 121, 500), epochs=(1, 20, 199), seeds=3)


@pytest.fixture(scope="session")
def large_summary(large):
    return summarize(large.rows, large.expected)


def _edge_cases():
    fidelity = ("params", "valacc", "sotle")
    cases = {
        "empty": frame(),
        "one trial": frame({}),
        "one task": make(tasks=("nasbench201/cifar10",), seeds=3).rows,
        "one predictor": make(("gp",), seeds=3).rows,
        "one seed": make(seeds=1, faults=False).rows,
        "all failed": frame(*({"seed": i, "status": "error", "error_message": "no"} for i in range(3))),
        "all skipped": frame({"status": "skipped"}),
        "no times": frame({"init_time_s": None, "query_time_s": None, "train_size": 5}, {"train_size": 9}),
        "no metrics but tau": frame({"seed": 0}, {"seed": 1}),
        "baselines only": make(("params", "flops"), seeds=3).rows,
        "fidelity": make(fidelity, seeds=3).rows,
        "both budgets": make(
            ("rf", "params", "valacc", "lcsvr"), seeds=3, sizes=(5, 50), epochs=(1, 20)
        ).rows,
        "two versions": frame({"version": 1}, {"version": 2}, {"version": 2, "params": '{"trees":5}'}),
        "two samplings": frame({"sampling": "uniform"}, {"sampling": "mutation"}),
    }
    return [pytest.param(rows, id=name) for name, rows in cases.items()]


@pytest.fixture(params=_edge_cases())
def edge_rows(request):
    """Rows of a study that is unusual in one way."""
    return request.param
