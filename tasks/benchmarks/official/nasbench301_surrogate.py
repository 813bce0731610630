"""A table of what the surrogate models of NAS-Bench-301 predict.

Zela et al., "Surrogate NAS Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS
Benchmarks", ICLR 2022.
"""

from __future__ import annotations

import ast
import importlib
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tasks.benchmarks.official.nasbench301 import DATASET, SOURCE, SPACE, write_darts
from tasks.benchmarks.official.output import table_path
from tasks.benchmarks.official.runs import Imported
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.registry import get_space

_Genotype = namedtuple("_Genotype", "normal normal_concat reduce reduce_concat")


def import_surrogate(
    source: str | Path,
    out: str | Path,
    on_progress: Callable[[float], None] | None = None,
    *,
    archs: int = 5000,
    seed: int = 0,
) -> list[Imported]:
    """Make a table of what the surrogate models predict for uniform genotypes.

    ``val_acc`` is the prediction of ``xgb_v1.0`` without noise, ``train_time_s`` that of
    ``lgb_runtime_v1.0``: the models that White et al. (NeurIPS 2021) searched on.

    The package unpickles the models, which can run any code that is in them: give it only a folder
    that you trust. The other importers read data only.

    Args:
        source: The folder ``nb_models`` (or ``nb_models_1.0``) with both models.
        out: A folder, or the file.
        on_progress: Called with the share that has been predicted, in [0, 1].
        archs: Number of genotypes, distinct by canonical form.
        seed: Seed of the draw.

    Returns:
        The table, in a list.

    Raises:
        InputError: The package ``nasbench301`` or a model is not there.
        OSError: The table cannot be written.
    """
    source = Path(source)
    try:
        package = importlib.import_module("nasbench301")
    except ImportError as error:
        raise InputError(
            f"the surrogate models need the package nasbench301 ({error}); "
            "see https://github.com/automl/nasbench301"
        ) from error
    folders = [source / name for name in ("xgb_v1.0", "lgb_runtime_v1.0")]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; expected the models of version 1.0 in {source}")
    accuracy, runtime = (package.load_ensemble(str(folder)) for folder in folders)
    space = get_space(SPACE)
    rng = np.random.default_rng(seed)
    rows: dict[str, dict[str, Any]] = {}
    while len(rows) < archs:
        for codes in space.sample(rng, archs - len(rows)):
            arch = as_arch(codes)
            text, canonical = space.format(arch), space.canonical(arch)
            if canonical in rows:
                continue
            genotype = _named_tuple(text)
            values = [
                float(
                    np.ravel(model.predict(config=genotype, representation="genotype", with_noise=False))[0]
                )
                for model in (accuracy, runtime)
            ]
            rows[canonical] = {
                "arch": text, "canonical": canonical, "val_acc": values[0], "train_time_s": values[1],
            }  # fmt: skip
            if on_progress is not None:
                on_progress(len(rows) / archs)
    path = table_path(Path(out), SPACE, DATASET)
    write_darts(path, list(rows.values()), None, f"{SOURCE}, surrogate predictions, seed {seed}", source)
    return [Imported(path, len(rows), {})]


def _named_tuple(text: str) -> Any:  # noqa: ANN401 - a namedtuple, which is what the package takes
    """Return a genotype in official notation as what the package takes."""
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    return _Genotype(**{str(key.arg): ast.literal_eval(key.value) for key in call.keywords})
