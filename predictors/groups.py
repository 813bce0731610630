"""Names for several predictors at once, for study files and the command line."""

from __future__ import annotations

PAPER31 = (
    "bananas", "bayes_lin_reg", "bohamiann", "bonas", "dngo", "gcn", "gp", "lgb", "mlp", "nao", "ngb",
    "rf", "seminas", "sparse_gp", "var_sparse_gp", "xgb",
    "fisher", "grad_norm", "grasp", "jacov", "snip", "synflow",
    "lce", "lce_m", "sotl", "sotle", "valacc", "valloss",
    "lcsvr",
    "oneshot", "rsws",
)  # fmt: skip
"""The 31 predictors of White et al., "How Powerful are Performance Predictors in Neural Architecture
Search?", NeurIPS 2021: model-based, zero-cost, learning-curve, hybrid and weight-sharing ones."""

GROUPS: dict[str, tuple[str, ...]] = {"paper31": PAPER31}
"""Group name -> predictors."""


def expand(name: str) -> tuple[str, ...]:
    """Return the predictors of a group; a name that is none stands for itself."""
    return GROUPS.get(name, (name,))
