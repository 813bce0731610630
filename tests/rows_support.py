"""Synthetic result rows that look like a study: learning curves over budgets, times, failures, gaps."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.rows import METRIC_COLUMNS, ROW_SCHEMA, to_table

FAMILY = {
    "single": "zero_cost",
    "vary_train_size": "model_based",
    "vary_fidelity": "learning_curve",
    "vary_both": "hybrid",
}
# name: (experiment, tau at a large budget, fall of tau towards small budgets, fit s, query s)
CATALOG = {
    "params": ("single", 0.52, 0.0, 0.0, 2e-6),
    "flops": ("single", 0.49, 0.0, 0.0, 2e-6),
    "rf": ("vary_train_size", 0.70, 1.6, 0.3, 4e-4),
    "xgb": ("vary_train_size", 0.73, 1.9, 0.4, 9e-5),
    "lgb": ("vary_train_size", 0.74, 2.4, 0.2, 6e-5),
    "ngb": ("vary_train_size", 0.71, 2.0, 2.5, 2e-4),
    "gp": ("vary_train_size", 0.69, 1.1, 1.2, 1e-4),
    "bayes_lin_reg": ("vary_train_size", 0.60, 0.9, 0.02, 1e-5),
    **{
        name: ("vary_train_size", tau, fall, 30.0, 1e-3)
        for name, tau, fall in [
            ("mlp", 0.62, 1.8), ("bananas", 0.66, 1.7), ("gcn", 0.72, 1.3), ("bonas", 0.67, 1.5),
            ("nao", 0.64, 2.1),
            ("seminas", 0.72, 1.2), ("dngo", 0.55, 1.8), ("bohamiann", 0.63, 1.6), ("sparse_gp", 0.61, 1.2),
            ("var_sparse_gp", 0.58, 1.3), ("gpwl", 0.71, 1.0),
        ]
    },
    **{
        name: ("single", tau, 0.0, 0.0, 0.4)
        for name, tau in [
            ("jacov", 0.57), ("synflow", 0.54), ("snip", 0.43), ("grad_norm", 0.42), ("fisher", 0.36),
            ("grasp", 0.34),
        ]
    },
    **{
        name: ("vary_fidelity", tau, fall, 0.0, 1.0)
        for name, tau, fall in [
            ("valacc", 0.93, 0.7), ("valloss", 0.85, 0.7), ("sotl", 0.80, 0.4), ("sotle", 0.86, 0.45),
            ("lce", 0.75, 0.9), ("lce_m", 0.78, 0.8),
        ]
    },
    "lcsvr": ("vary_both", 0.86, 0.9, 5.0, 1.0),
    "omni_ngb": ("vary_both", 0.90, 0.8, 20.0, 1.0),
}  # fmt: skip
QUICK = ("params", "flops", "rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg")
TASKS = ("nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120")
SIX = (*TASKS, "nasbench101/cifar10", "darts/cifar10", "nasbench_nlp/ptb")
SIZES = (5, 10, 24, 50, 121, 250, 500)


@dataclass(frozen=True)
class Synthetic:
    rows: pd.DataFrame
    expected: pd.DataFrame


def make(
    predictors=QUICK,
    tasks=TASKS,
    sizes=SIZES,
    epochs=(1, 5, 20, 80, 199),
    seeds=25,
    seed=0,
    faults=True,
    gaps=True,
) -> Synthetic:
    """Every planned task as a row, some of them failed (``faults``), some of them absent (``gaps``)."""
    rng = np.random.default_rng(seed)
    plan = _plan(predictors, tasks, sizes, epochs, seeds)
    tau_end, fall, fit_s, query_s = (
        plan["predictor"].map({name: entry[i] for name, entry in CATALOG.items()}).to_numpy(float)
        for i in (1, 2, 3, 4)
    )
    task = plan["space"] + "/" + plan["dataset"]
    n = plan["train_size"].to_numpy(dtype=float, na_value=np.nan)
    k = plan["epochs"].to_numpy(dtype=float, na_value=np.nan)
    budget = np.nan_to_num(n, nan=0) + np.nan_to_num(k, nan=0)
    shift = task.map({name: rng.normal(0, 0.04) for name in tasks}).to_numpy()
    shift = shift + rng.normal(0, 0.02, seeds)[plan["seed"]]
    both = (plan["predictor"] + task).map({p + t: rng.normal(0, 0.03) for p in predictors for t in tasks})
    drop = np.where(budget > 0, fall / np.sqrt(budget + 2), 0)
    noise = rng.normal(size=len(plan)) * (0.02 + 0.12 / np.sqrt(budget + 2) * (budget > 0))
    tau = np.clip(tau_end - drop + shift + both.to_numpy() + noise, -0.95, 0.99)

    train_data = np.nan_to_num(n, nan=0) * 1430.0
    fit = fit_s * (0.2 + np.nan_to_num(n, nan=0) / 100) * rng.lognormal(0, 0.2, len(plan))
    partial = np.nan_to_num(k, nan=0) * 7.1
    predict = query_s * rng.lognormal(0, 0.2, len(plan))
    started = pd.Timestamp("2026-03-02 09:14:00", tz="UTC") + pd.to_timedelta(
        np.arange(len(plan)) * 0.05, unit="s"
    )
    rows = plan.assign(
        key=[rng.bytes(32).hex() for _ in range(len(plan))], study="quickstart", params="{}", version=1,
        family=plan["experiment"].map(FAMILY), sampling="uniform", n_test=200, status="ok", attempts=1,
        error_type=None, error_message=None, traceback=None,
        kendall=tau, spearman=np.clip(tau * 1.3, -1, 1), pearson=np.clip(tau * 1.25, -1, 1),
        kendall_2dec=np.where(n > 0, tau - 0.001, np.nan), kendall_1dec=np.where(n > 0, tau - 0.01, np.nan),
        precision_10=np.clip(tau * 0.6, 0, 1), precision_20=np.clip(tau * 0.7, 0, 1),
        precision_1pct=np.clip(tau * 0.4, 0, 1),
        mae=np.where(n > 0, 4 - 3 * tau, np.nan), rmse=np.where(n > 0, 6 - 4 * tau, np.nan),
        init_time_s=train_data + fit, train_data_time_s=train_data, hpo_time_s=0.0, fit_time_s=fit,
        setup_time_s=0.0,
        query_time_s=partial + predict, partial_train_time_s=partial, predict_time_s=predict,
        fit_cpu_s=fit * 0.98, predict_cpu_s=predict * 200, peak_rss_mb=310.0, device="cpu", host="worker-1",
        versions='{"lightgbm": "4.6.0", "numpy": "2.4.6", "python": "3.11.9"}',
        started_at=started,
        finished_at=(started + pd.to_timedelta(fit + predict * 200, unit="s")).floor("us"),
    ).reindex(columns=ROW_SCHEMA.names)  # fmt: skip
    if faults:
        rows = _with_faults(rows, rng)
    if gaps:
        absent = (rng.random(len(rows)) < 0.004) | (
            (rows["predictor"] == "ngb") & (rows["dataset"] == "cifar100") & (rows["train_size"] == 500)
        )
        rows = rows[~absent.fillna(value=False)].reset_index(drop=True)
    return Synthetic(rows, plan.drop(columns="experiment"))


def _plan(predictors, tasks, sizes, epochs, seeds):
    parts = []
    for name in predictors:
        experiment = CATALOG[name][0]
        n = pd.DataFrame(
            {"train_size": sizes if experiment in ("vary_train_size", "vary_both") else [None]}, dtype="Int64"
        )
        k = pd.DataFrame(
            {"epochs": epochs if experiment in ("vary_fidelity", "vary_both") else [None]}, dtype="Int64"
        )
        task = pd.DataFrame([t.split("/") for t in tasks], columns=["space", "dataset"])
        grid = (
            task.merge(n, how="cross")
            .merge(k, how="cross")
            .merge(pd.DataFrame({"seed": range(seeds)}), how="cross")
        )
        parts.append(grid.assign(predictor=name, experiment=experiment))
    columns = ["predictor", "space", "dataset", "train_size", "epochs", "seed", "experiment"]
    return pd.concat(parts, ignore_index=True)[columns]


def _with_faults(rows, rng):
    rows = rows.copy()
    draw = rng.random(len(rows))
    name, n = rows["predictor"], rows["train_size"]
    singular = "Matrix is not positive definite: <kernel> & jitter 1e-6"
    kinds = [
        ("degenerate", None, "all 200 scores are equal", (name == "lgb") & (n == 5) & (draw < 0.5)),
        ("error", "LinAlgError", singular, (name == "gp") & (draw < 0.02)),
        ("timeout", "Deadline", "stopped after 60 s", (name == "ngb") & (n == 500) & (draw < 0.3)),
        ("lost", "WorkerCrashed", "the worker died on each of 3 attempts", draw > 0.998),
    ]
    for status, kind, message, where in kinds:
        where = pd.array(where, dtype="boolean").fillna(value=False).to_numpy(dtype=bool)
        rows.loc[where, ["status", "error_type", "error_message"]] = [status, kind, message]
        if status == "error":
            rows.loc[where, "traceback"] = (
                'Traceback (most recent call last):\n  File "gp.py", line 81, in _fit\nLinAlgError'
            )
        rows.loc[where, list(METRIC_COLUMNS)] = np.nan
    return rows


def frame(*trials, **shared):
    """Result rows from a few fields each; everything else as of a plain random forest trial."""
    defaults = {
        "study": "s", "predictor": "rf", "params": "{}", "version": 1, "family": "model_based",
        "space": "nasbench201", "dataset": "cifar10", "experiment": "vary_train_size", "train_size": 10,
        "epochs": None, "seed": 0, "sampling": "uniform", "n_test": 200, "status": "ok", "attempts": 1,
        "kendall": 0.5, "init_time_s": 100.0, "query_time_s": 0.001, "fit_cpu_s": 1.0, "predict_cpu_s": 0.2,
        "host": "a", "device": "cpu", "versions": "{}",
        "started_at": pd.Timestamp("2026-03-02 10:00", tz="UTC"),
        "finished_at": pd.Timestamp("2026-03-02 10:01", tz="UTC"),
    }  # fmt: skip
    rows = []
    for i, trial in enumerate(trials):
        row = {"key": f"{i:064x}", **defaults, **shared, **trial}
        if row["status"] != "ok":
            row["kendall"] = None
        rows.append(row)
    return to_table(rows).to_pandas()
