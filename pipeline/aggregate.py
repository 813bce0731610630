"""From result rows to one summary row per setting: means over trials, intervals, failures, gaps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.rows import METRIC_COLUMNS
from tasks.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SETTING_COLUMNS = (
    "predictor", "params", "version", "family", "space", "dataset", "experiment", "sampling",
    "n_test", "train_size", "epochs",
)  # fmt: skip
"""What the trials of one summary row share: everything but the seed."""

EXPECTED_COLUMNS = ("predictor", "space", "dataset", "train_size", "epochs", "seed")
"""What ``expected`` must hold; any other column of `SETTING_COLUMNS` narrows the match."""

TIME_COLUMNS = ("init_time_s", "query_time_s", "fit_cpu_s", "predict_cpu_s")

FAILED = ("error", "timeout", "lost")
"""Statuses without scores. ``degenerate`` is counted apart; both count as tau = 0."""

_INTEGERS = ("version", "n_test", "train_size", "epochs", "seed")
_CONFIDENCE = 0.95


def summarize(rows: pd.DataFrame | pa.Table, expected: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return one row per setting, sorted by task, predictor and budget.

    Args:
        rows: Result rows in `pipeline.rows.ROW_SCHEMA`, one per key.
        expected: The planned tasks, with the columns of `EXPECTED_COLUMNS` and optionally more
            of `SETTING_COLUMNS`. Those without a result row are counted as missing; a setting
            without any row gets a summary row of its own.

    Returns:
        The columns of `SETTING_COLUMNS` (counts as nullable integers), and

        * ``label``, ``task``: short unique names of the predictor variant and of the task;
        * ``n_trials`` (rows found), ``n_ok``, ``n_degenerate``, ``n_failed``, ``n_skipped``,
          ``n_missing``; ``failure_rate`` = (degenerate + failed) / (trials - skipped);
        * ``kendall_mean``, ``_sd``, ``_se`` over the ok trials, and ``kendall_low``, ``_high``,
          the 95 % Student t interval of the mean (null below two trials);
        * ``kendall_zero``: the mean with degenerate and failed trials counted as 0, which ranks
          predictors without flattering those that fail on hard trials;
        * ``<metric>_mean`` of the other metrics over the ok trials;
        * medians over the ok trials of `TIME_COLUMNS` (seconds).

    Raises:
        InputError: A column is absent.
    """
    frame = as_frame(rows)
    by = list(SETTING_COLUMNS)
    groups = frame.assign(**_indicators(frame)).groupby(by, dropna=False, sort=False)
    summary = groups.agg(
        n_trials=("status", "size"),
        n_ok=("_ok", "sum"),
        n_degenerate=("_degenerate", "sum"),
        n_failed=("_failed", "sum"),
        n_skipped=("_skipped", "sum"),
        kendall_mean=("kendall", "mean"),
        kendall_sd=("kendall", "std"),
        kendall_zero=("_zero", "mean"),
        _n=("kendall", "count"),
        **{f"{name}_mean": (name, "mean") for name in METRIC_COLUMNS if name != "kendall"},
        **{name: (f"_{name}", "median") for name in TIME_COLUMNS},
    ).reset_index()
    half = half_width(summary["kendall_sd"].to_numpy(), summary["_n"].to_numpy())
    summary["kendall_se"] = summary["kendall_sd"] / np.sqrt(summary["_n"].where(summary["_n"] > 0))
    summary["kendall_low"] = summary["kendall_mean"] - half
    summary["kendall_high"] = summary["kendall_mean"] + half
    summary["n_missing"] = 0
    if expected is not None:
        summary = _add_missing(summary, frame, _as_expected(expected))
    tried = summary["n_trials"] - summary["n_skipped"]
    summary["failure_rate"] = (summary["n_degenerate"] + summary["n_failed"]) / tried.where(tried > 0)
    summary["label"], summary["task"] = variant_labels(summary), _task_names(summary)
    task = ["space", "dataset", "sampling", "n_test"]
    setting = ["predictor", "params", "version", "train_size", "epochs"]
    summary = summary.sort_values([*task, *setting], na_position="first", ignore_index=True, kind="stable")
    return summary[_column_order()]


def pareto_front(summary: pd.DataFrame) -> pd.Series[bool]:
    """Return which summary rows no other row of the same task dominates.

    A row dominates another if its ``init_time_s`` and ``query_time_s`` are not higher, its
    ``kendall_zero`` is not lower, and one of the three is strictly better. Rows in which one of
    the three is null are not on the front and dominate nothing.
    """
    values = summary[["init_time_s", "query_time_s", "kendall_zero"]].to_numpy(dtype=np.float64)
    costs = values * np.array([1.0, 1.0, -1.0])
    front = np.zeros(len(summary), dtype=bool)
    known = np.isfinite(costs).all(axis=1)
    for positions in task_positions(summary).values():
        inside = positions[known[positions]]
        front[inside] = _non_dominated(costs[inside])
    return pd.Series(front, index=summary.index, name="pareto", dtype=bool)


def task_positions(summary: pd.DataFrame) -> dict[str, NDArray[np.intp]]:
    """Return the positions of the rows of each task, in the order of the tasks' names."""
    tasks = summary["task"].to_numpy()
    return {str(task): np.flatnonzero(tasks == task) for task in sorted(set(tasks))}


def as_frame(rows: pd.DataFrame | pa.Table) -> pd.DataFrame:
    """Return result rows as a frame whose counts are nullable integers.

    Raises:
        InputError: A column that the summary needs is absent.
    """
    frame: pd.DataFrame = rows if isinstance(rows, pd.DataFrame) else rows.to_pandas()
    needed = [*SETTING_COLUMNS, "seed", "status", *METRIC_COLUMNS, *TIME_COLUMNS]
    _require(frame, needed, "result rows")
    floats = {name: frame[name].astype(np.float64) for name in (*METRIC_COLUMNS, *TIME_COLUMNS)}
    return frame.assign(**floats, **_as_integers(frame))


def half_width(sd: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the half width of the 95 % Student t interval of a mean; NaN below two values."""
    from scipy.stats import t

    enough = n >= 2
    degrees = np.where(enough, n - 1, 1)
    width = t.ppf(0.5 + _CONFIDENCE / 2, degrees) * sd / np.sqrt(degrees + 1)
    return np.where(enough, width, np.nan)


def _indicators(frame: pd.DataFrame) -> dict[str, pd.Series]:
    status = frame["status"]
    ok, degenerate, failed = status == "ok", status == "degenerate", status.isin(FAILED)
    return {
        "_ok": ok,
        "_degenerate": degenerate,
        "_failed": failed,
        "_skipped": status == "skipped",
        "kendall": frame["kendall"].where(ok),
        "_zero": frame["kendall"].where(ok).mask(degenerate | failed, 0.0),
        **{f"_{name}": frame[name].where(ok) for name in TIME_COLUMNS},
    }


def _add_missing(summary: pd.DataFrame, frame: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Count the expected tasks without a row; settings without any row are appended."""
    identity = [name for name in SETTING_COLUMNS if name not in ("family", "experiment")]
    by = [name for name in identity if name in expected.columns]
    expected = expected.drop_duplicates([*by, "seed"])
    found = frame[[*by, "seed"]].drop_duplicates()
    left = expected.merge(found, on=[*by, "seed"], how="left", indicator=True)
    gaps = left[left["_merge"] == "left_only"].groupby(by, dropna=False, sort=False).size()
    missing = gaps.rename("_gaps").reset_index()
    # Several variants may match one expected setting: the newest, best covered one is meant.
    ranked = summary[[*by]].assign(_row=summary.index, _v=summary["version"], _t=summary["n_trials"])
    ranked = ranked.sort_values(["_v", "_t"], ascending=False, kind="stable").drop_duplicates(by)
    matched = missing.merge(ranked[[*by, "_row"]], on=by, how="left")
    has_row = matched["_row"].notna()
    summary = summary.copy()
    summary.loc[matched.loc[has_row, "_row"].astype(np.int64), "n_missing"] = matched.loc[
        has_row, "_gaps"
    ].to_numpy()
    absent = matched[~has_row].drop(columns="_row").rename(columns={"_gaps": "n_missing"})
    if absent.empty:
        return summary
    details = expected.drop(columns="seed").drop_duplicates(by)
    absent = absent.merge(details[[*by, *details.columns.difference(by)]], on=by, how="left")
    filled = _fill_settings(absent, summary)
    both = pd.concat([summary, filled.reindex(columns=summary.columns)], ignore_index=True)
    counts = ["n_trials", "n_ok", "n_degenerate", "n_failed", "n_skipped", "_n"]
    both[counts] = both[counts].fillna(0).astype(np.int64)
    return both


def _fill_settings(absent: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Complete settings that never ran from the rows of the same predictor and of the same task."""
    absent = absent.copy()
    newest = summary.sort_values("version", kind="stable").drop_duplicates("predictor", keep="last")
    per_predictor = newest.set_index("predictor")
    for name in ("params", "version", "family"):
        if name not in absent:
            absent[name] = absent["predictor"].map(per_predictor[name])
    per_task = summary.drop_duplicates(["space", "dataset"])
    for name in ("sampling", "n_test"):
        if name not in absent:
            known = absent[["space", "dataset"]].merge(
                per_task[["space", "dataset", name]], on=["space", "dataset"], how="left"
            )[name]
            # A task that never ran: the whole study's value if there is only one.
            values = summary[name].dropna().unique()
            absent[name] = (known if len(values) != 1 else known.fillna(values[0])).to_numpy()
    if "experiment" not in absent:
        sized, partial = absent["train_size"].notna(), absent["epochs"].notna()
        absent["experiment"] = np.select(
            [sized & partial, sized, partial], ["vary_both", "vary_train_size", "vary_fidelity"], "single"
        )
    return absent.assign(**_as_integers(absent))


def _non_dominated(costs: NDArray[np.float64], block: int = 512) -> NDArray[np.bool_]:
    """Return which points (n, 3), all minimised, no other point dominates."""
    keep = np.empty(len(costs), dtype=bool)
    for start in range(0, len(costs), block):  # bounds the memory of the comparison of all pairs
        mine = costs[start : start + block, None, :]
        others = costs[None, :, :]
        dominated = np.all(others <= mine, axis=2) & np.any(others < mine, axis=2)
        keep[start : start + block] = ~np.any(dominated, axis=1)
    return keep


def variant_labels(summary: pd.DataFrame) -> pd.Series[str]:
    """Return the predictor's name; with its hyperparameters or version where one name has several.

    The newest version of a predictor carries the plain name.
    """
    identity = ["predictor", "params", "version"]
    variants = summary[identity].drop_duplicates()
    several = variants.groupby("predictor")["params"].transform("nunique") > 1
    newest = variants.groupby(["predictor", "params"], dropna=False)["version"].transform("max")
    columns = [variants["predictor"], variants["params"], variants["version"], several, newest]
    names = [
        predictor
        + (_params_text(params) if more else "")
        + ("" if pd.isna(version) or version == latest else f" (v{version})")
        for predictor, params, version, more, latest in zip(*columns, strict=True)
    ]
    keyed = variants.assign(label=pd.Series(names, index=variants.index, dtype="object"))
    merged = summary[identity].merge(keyed, on=identity, how="left")
    return merged["label"].set_axis(summary.index)


def _params_text(params: object) -> str:
    if not isinstance(params, str) or params == "{}":
        return ""
    return " " + ", ".join(f"{name}={json.dumps(value)}" for name, value in json.loads(params).items())


def _task_names(summary: pd.DataFrame) -> pd.Series[str]:
    """``space/dataset``, with sampling or test size where one task has several."""
    task = summary["space"] + "/" + summary["dataset"]
    groups = summary.groupby(["space", "dataset"])
    sampling = " " + summary["sampling"].astype("object").fillna("?")
    n_test = " (" + summary["n_test"].astype("string").fillna("?").astype("object") + " test)"
    task = task + sampling.where(groups["sampling"].transform("nunique") > 1, "")
    return task + n_test.where(groups["n_test"].transform("nunique") > 1, "")


def _as_integers(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {name: frame[name].astype("Int64") for name in _INTEGERS if name in frame.columns}


def _as_expected(expected: pd.DataFrame) -> pd.DataFrame:
    _require(expected, list(EXPECTED_COLUMNS), "expected tasks")
    kept = [name for name in expected.columns if name in (*SETTING_COLUMNS, "seed")]
    return expected[kept].assign(**_as_integers(expected))


def _require(frame: pd.DataFrame, names: list[str], what: str) -> None:
    absent = [name for name in names if name not in frame.columns]
    if absent:
        there = ", ".join(map(str, frame.columns))
        raise InputError(f"{what}: no column {', '.join(absent)}; there are: {there}")


def _column_order() -> list[str]:
    kendall = [f"kendall_{name}" for name in ("mean", "sd", "se", "low", "high", "zero")]
    others = [f"{name}_mean" for name in METRIC_COLUMNS if name != "kendall"]
    counts = ["n_trials", "n_ok", "n_degenerate", "n_failed", "n_skipped", "n_missing", "failure_rate"]
    return [*SETTING_COLUMNS, "label", "task", *counts, *kendall, *others, *TIME_COLUMNS]
