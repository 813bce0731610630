"""Which predictor for which budget: the best within a training and a query budget, and how surely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.aggregate import FAILED, SETTING_COLUMNS, as_frame, half_width, task_positions

if TYPE_CHECKING:
    import pyarrow as pa


def at_budget(summary: pd.DataFrame, budgets: pd.DataFrame) -> pd.DataFrame:
    """Return per task and predictor the summary row with the largest budget that fits.

    Args:
        summary: Result of `pipeline.aggregate.summarize`.
        budgets: One row per task: ``task``, ``train_size`` (most labelled training architectures),
            ``epochs`` (most epochs of partial training per query); null for no limit. A row that
            uses no training architectures, or no epochs, fits any limit. Other tasks are left out.
    """
    limits = summary[["task"]].merge(budgets, on="task", how="left")
    chosen = summary["task"].isin(budgets["task"]).to_numpy()
    sizes, lengths = _budgets(summary)
    for used, axis in ((sizes, "train_size"), (lengths, "epochs")):
        chosen &= used <= limits[axis].astype("Float64").to_numpy(dtype=np.float64, na_value=np.inf)
    order = np.lexsort((lengths, sizes))
    fitting = summary.iloc[order[chosen[order]]]
    return fitting.drop_duplicates(["task", "label"], keep="last").sort_index()


def common_budget(summary: pd.DataFrame) -> pd.DataFrame:
    """Return per task the largest budget that all its predictors share.

    Returns:
        Columns ``task``, ``train_size``, ``epochs``, in the order of the tasks' names: the largest
        value that every predictor swept along that axis has (if there is none, the largest of
        any); null on an axis that no predictor of the task uses. A budget that a predictor cannot
        use at all, such as more epochs than the curves have, is none that it has.
    """
    usable = summary[~((summary["n_skipped"] > 0) & (summary["n_skipped"] == summary["n_trials"]))]
    frame = pd.DataFrame({"task": pd.Series(sorted(set(summary["task"])), dtype="object")})
    for axis in ("train_size", "epochs"):
        used = usable[usable[axis].notna()]
        having = used.groupby(["task", axis])["label"].nunique().reset_index()
        swept = having["task"].map(used.groupby("task")["label"].nunique())
        shared = having[having["label"] == swept].groupby("task")[axis].max()
        largest = having.groupby("task")[axis].max()
        frame[axis] = frame["task"].map(shared).fillna(frame["task"].map(largest)).astype("Int64")
    return frame


def best_by_budget(summary: pd.DataFrame, rows: pd.DataFrame | pa.Table) -> pd.DataFrame:
    """Return the best predictor of each task at each budget, and what is not distinguishable from it.

    At a budget of n training architectures and k epochs of partial training per query, every
    predictor stands with its largest measured budget within (n, k); the one with the highest
    ``kendall_zero`` is best. All predictors see the same samples at the same seed, so each is
    compared with the best by the 95 % t interval of the mean paired difference over the seeds
    that both have, failures counted as 0. Intervals are not corrected for multiple comparisons.

    Args:
        summary: Result of `pipeline.aggregate.summarize`.
        rows: The result rows it was made from.

    Returns:
        ``task``; ``budget_train_size`` and ``budget_epochs`` (0: none); the best one's ``label``,
        ``predictor``, ``train_size``, ``epochs``, ``failure_rate``, ``kendall_zero``,
        ``kendall_mean``, ``kendall_low``, ``kendall_high``; ``runner_up`` and its
        ``runner_up_kendall``; ``inside``: whether that lies within the best one's interval (null
        without an interval); ``lead``, ``lead_low``, ``lead_high`` over the runner-up and
        ``n_pairs``; ``tied``: labels whose paired interval holds 0, in falling order of tau.
    """
    values = _trial_values(summary, as_frame(rows))
    sizes, lengths = _budgets(summary)
    measured = summary["kendall_zero"].notna().to_numpy()
    out: list[dict[str, object]] = []
    for task, positions in task_positions(summary).items():
        order = np.lexsort((lengths[positions], sizes[positions], summary["label"].to_numpy()[positions]))
        inside = positions[order]
        inside = inside[measured[inside]]
        n, k = sizes[inside], lengths[inside]
        part = {name: summary[name].to_numpy()[inside] for name in _KEPT}
        matrix = values.reindex(columns=inside).to_numpy(dtype=np.float64)
        for size in np.unique(n):
            for length in np.unique(k):
                chosen = _last_per_label(part["label"], (n <= size) & (k <= length))
                if chosen.size:
                    best = _compare(part, matrix, chosen)
                    out.append({"task": task, "budget_train_size": size, "budget_epochs": length, **best})
    return pd.DataFrame(out, columns=_BEST_COLUMNS).astype({"train_size": "Int64", "epochs": "Int64"})


_KEPT = (
    "label", "predictor", "train_size", "epochs", "failure_rate", "kendall_zero", "kendall_mean",
    "kendall_low", "kendall_high",
)  # fmt: skip
_BEST_COLUMNS = [
    "task", "budget_train_size", "budget_epochs", *_KEPT, "runner_up", "runner_up_kendall", "inside",
    "lead", "lead_low", "lead_high", "n_pairs", "tied",
]  # fmt: skip


def _compare(
    part: dict[str, NDArray[Any]], matrix: NDArray[np.float64], chosen: NDArray[np.intp]
) -> dict[str, object]:
    """Rank the chosen rows of one task and compare each with the best, seed by seed."""
    tau = part["kendall_zero"]
    ranked = chosen[np.argsort(-tau[chosen], kind="stable")]
    best = ranked[0]
    result: dict[str, object] = {name: values[best] for name, values in part.items()}
    result |= {"runner_up": None, "inside": None, "n_pairs": 0, "tied": []}
    if len(ranked) == 1:
        return result
    second, low = ranked[1], part["kendall_low"][best]
    mean, half, pairs = _paired(matrix[:, ranked[:1]] - matrix[:, ranked[1:]])
    if np.isfinite(low):
        result["inside"] = bool(tau[second] >= low)
    tied = ranked[1:][mean - half <= 0.0]
    return result | {
        "runner_up": part["label"][second],
        "runner_up_kendall": tau[second],
        "lead": mean[0],
        "lead_low": mean[0] - half[0],
        "lead_high": mean[0] + half[0],
        "n_pairs": int(pairs[0]),
        "tied": [str(label) for label in part["label"][tied]],
    }


def _paired(
    differences: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean and half interval of differences (seeds, others) over the seeds that both have."""
    both = np.isfinite(differences)
    pairs = both.sum(axis=0)
    filled = np.where(both, differences, 0.0)
    mean = np.where(pairs > 0, filled.sum(axis=0) / np.maximum(pairs, 1), np.nan)
    squares = np.where(both, (filled - mean) ** 2, 0.0).sum(axis=0)
    return mean, half_width(np.sqrt(squares / np.maximum(pairs - 1, 1)), pairs), pairs


def _trial_values(summary: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return tau with failures as 0 and skipped as NaN: seeds x positions of summary rows."""
    by = list(SETTING_COLUMNS)
    status = frame["status"]
    zero = status.isin([*FAILED, "degenerate"])
    value = frame["kendall"].where(status == "ok").mask(zero, 0.0)
    trials = frame[[*by, "seed"]].assign(value=value)
    positions = summary[by].assign(_row=np.arange(len(summary)))
    merged = trials.merge(positions, on=by, how="left")
    return merged.pivot_table(index="seed", columns="_row", values="value", aggfunc="last")


def _last_per_label(labels: NDArray[np.object_], fits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the last fitting position of each run of equal labels."""
    positions = np.flatnonzero(fits)
    kept = labels[positions]
    last = np.ones(len(kept), dtype=bool)
    last[:-1] = kept[1:] != kept[:-1]
    return positions[last]


def _budgets(summary: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training size and epochs of each row, 0 where it uses none."""
    sizes, lengths = (summary[axis].fillna(0).to_numpy(dtype=np.int64) for axis in ("train_size", "epochs"))
    return sizes, lengths
