"""Predictors by name: those of naspred, of installed packages and of single files.

Reading the registry imports no predictor. A package adds predictors through the entry-point group
``naspred.predictors``; a file through ``register_file`` (``--plugin file.py``). Either way the class
carries a class attribute ``info``, a ``PredictorInfo`` with the name under which it is found.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from predictors.base import Predictor, PredictorInfo
from predictors.catalog import BUILTIN
from predictors.curves import lacking
from predictors.encodings.shared import has_encoding
from predictors.parameters import Parameter, check_parameters, declared_parameters
from predictors.tuning import TunedPredictor, Tuning
from predictors.zero_cost import images
from predictors.zero_cost.built import recipe_settings
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError, did_you_mean
from tasks.plugins import read_source, run_source

TUNING = "hpo"
"""Name under which a task's parameters ask for a hyperparameter search."""

ENTRY_POINT_GROUP = "naspred.predictors"

_infos: dict[str, PredictorInfo] = {info.name: info for info in BUILTIN}
_failed_entry_points: dict[str, str] = {}


def get_info(name: str) -> PredictorInfo:
    """Return what is known of a predictor.

    Raises:
        InputError: Unknown name, or an installed package that should provide it does not load.
    """
    if name not in _infos:
        _load_entry_points()
    if name in _infos:
        return _infos[name]
    if name in _failed_entry_points:
        raise InputError(f"predictor {name!r} does not load: {_failed_entry_points[name]}")
    raise InputError(f"unknown predictor {name!r}; {did_you_mean(name, sorted(_infos))}")


def info_with(name: str, params: Mapping[str, Any]) -> PredictorInfo:
    """Return what is known of a predictor with some hyperparameters, on which its needs may depend.

    Raises:
        InputError: Unknown name, or hyperparameters that contradict each other.
    """
    return _info_with(get_info(name), params)


def _info_with(info: PredictorInfo, params: Mapping[str, Any]) -> PredictorInfo:
    own = {name: value for name, value in params.items() if name != TUNING}
    try:
        return load_class(info.name).info_with(info, own)
    except InputError as error:
        raise InputError(f"predictor {info.name}: {error}") from error


def all_infos() -> tuple[PredictorInfo, ...]:
    """Return every registered predictor: those of naspred first, then others as they were added."""
    _load_entry_points()
    return tuple(_infos.values())


def failed_entry_points() -> dict[str, str]:
    """Return entry points of installed packages that do not load: name -> reason."""
    _load_entry_points()
    return dict(_failed_entry_points)


def load_class(name: str) -> type[Predictor]:
    """Import the class of a predictor.

    Raises:
        InputError: Unknown name, or its module does not import or has no such predictor class.
    """
    return _import_class(get_info(name))


def import_packages(info: PredictorInfo) -> None:
    """Import what the predictor will import when it fits, so that a timed fit does not pay for it."""
    for package in info.packages:
        importlib.import_module(package)


def get_parameters(name: str) -> Mapping[str, Parameter]:
    """Return the hyperparameters of a predictor: name -> default and what is allowed."""
    return declared_parameters(load_class(name))


def changed_parameters(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check hyperparameters and return those that differ from the defaults, in their declared types.

    Equal settings give equal results however they are written, as task keys need it.

    Raises:
        InputError: Unknown predictor or parameter, or a value that is not allowed.
    """
    declared = get_parameters(name)
    checked = check_parameters(name, load_class(name), params)
    return {key: checked[key] for key in sorted(checked) if checked[key] != declared[key].default}


def create(name: str, params: Mapping[str, Any], seed: int) -> Predictor:
    """Return a new, unfitted predictor.

    Args:
        name: Registered name.
        params: Hyperparameters; those left out keep their default. The seed is not one of them. Under
            ``hpo``, the fields of a ``Tuning``: the rest is then searched for when fitting.
        seed: Seed of the predictor's own randomness, in [0, 2**32).

    Raises:
        InputError: Unknown predictor or parameter, or a value that is not allowed.
    """
    if not 0 <= seed < 2**32:
        raise InputError(f"predictor {name}: seed is {seed}, must be in [0, 2**32)")
    cls = load_class(name)
    checked = check_parameters(name, cls, {key: value for key, value in params.items() if key != TUNING})
    if TUNING in params:
        return TunedPredictor(kind=cls, fixed=checked, tuning=Tuning(**params[TUNING]), seed=seed)
    factory: Callable[..., Predictor] = cls
    return factory(**checked, seed=seed)


def is_tunable(name: str) -> bool:
    """Whether the predictor declares ranges in which a search can look."""
    return any(parameter.search is not None for parameter in get_parameters(name).values())


def installed(info: PredictorInfo) -> tuple[bool, str]:
    """Tell whether the packages that a predictor needs are there; returns (yes, why not)."""
    missing = [package for package in info.packages if not _found(package)]
    if missing:
        return False, f"needs the package {missing[0].partition('.')[0]}, which is not installed"
    return True, ""


def availability(
    info: PredictorInfo, table: BenchmarkTable, params: Mapping[str, Any] | None = None
) -> tuple[bool, str]:
    """Tell whether a predictor can run on a benchmark table; returns (yes, why not).

    Args:
        info: The predictor.
        table: The table.
        params: Hyperparameters as for ``create``.
    """
    info = _info_with(info, params or {})
    if info.spaces is not None and table.space.name not in info.spaces:
        return False, f"runs on {', '.join(sorted(info.spaces))} only, not on {table.space.name}"
    usable, why_not = installed(info)
    if usable and "curves" in info.needs:
        why_not = lacking(info.curves, table)
        usable = not why_not
    if usable and "counts" in info.needs:
        try:
            table.space.count(table.codes[:1], table.dataset)
        except InputError as error:
            return False, f"needs parameter and multiply-add counts: {error}"
    if usable and "images" in info.needs:
        lacks = images.why_not(image_source(info, table, params or {}), table.dataset)
        if lacks:
            return False, f"needs images: {lacks}"
    if usable:
        for encoding in create(info.name, params or {}, seed=0).encodings:
            if not has_encoding(table.space, encoding):
                return (
                    False,
                    f"needs the encoding {encoding!r}, which cells of {table.space.name} do not have",
                )
    return usable, why_not


def image_source(info: PredictorInfo, table: BenchmarkTable, params: Mapping[str, Any]) -> str:
    """Return where a predictor's images come from on a table, as ``load_images`` takes it.

    Args:
        info: A predictor that needs images.
        table: The table; the recipe that it was made by may say so.
        params: Hyperparameters that differ from the defaults; what they say goes first.
    """
    declared = get_parameters(info.name).get("images")
    usual = images.AUTO if declared is None else declared.default
    return str({"images": usual, **recipe_settings(table), **params}["images"])


def register(cls: type[Predictor]) -> PredictorInfo:
    """Add a predictor class that carries ``info``; returns the info as registered.

    Raises:
        InputError: No usable ``info``, or the name belongs to another predictor.
    """
    return _add(cls, f"class {cls.__module__}.{cls.__qualname__}")


def register_file(path: str | Path) -> list[str]:
    """Run a Python file and add every predictor class that it defines; returns their names.

    Raises:
        InputError: No such file, or as ``register_source``.
    """
    return register_source(str(path), read_source(path))


def register_source(file: str, source: str) -> list[str]:
    """Run the text of a Python file and add every predictor class it defines; returns their names.

    The module's name follows from the file's name and content, so that instances pickled in one
    process are read in another one that has registered the same source. Registering it again is
    harmless and cheap.

    Args:
        file: The file's name or path; need not exist here.
        source: Its content.

    Raises:
        InputError: It fails to run, or defines no predictor with ``info``, or one whose name is
            taken.
    """
    origin = f"plugin {file}"
    module = run_source(file, source)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Predictor)
        and value.__module__ == module.__name__
        and "info" in vars(value)
    ]
    if not classes:
        raise InputError(
            f"{origin}: defines no predictor; needed is a subclass of predictors.base.Predictor with "
            "a class attribute 'info' (a PredictorInfo)"
        )
    return [_add(cls, origin).name for cls in classes]


def _add(cls: type, origin: str) -> PredictorInfo:
    """Register ``cls`` under the name in its ``info``; its target is always the class itself."""
    if not (isinstance(cls, type) and issubclass(cls, Predictor)):
        raise InputError(f"{origin}: {cls!r} is not a subclass of predictors.base.Predictor")
    info = getattr(cls, "info", None)
    if not isinstance(info, PredictorInfo):
        raise InputError(f"{origin}: {cls.__name__}.info is {info!r}, must be a PredictorInfo")
    info = replace(info, target=f"{cls.__module__}:{cls.__qualname__}")
    known = _infos.get(info.name)
    if known is not None and known != info:
        raise InputError(f"{origin}: the name {info.name!r} is taken by {known.target}")
    _infos[info.name] = info
    return info


@cache
def _load_entry_points() -> None:
    """Add the predictors of installed packages, once; remember those that fail."""
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        origin = f"entry point {entry.name} = {entry.value}"
        try:
            _add(entry.load(), origin)
        except InputError as error:
            _failed_entry_points[entry.name] = str(error)
        except Exception as error:  # noqa: BLE001 - foreign code; the failure is reported, not hidden
            _failed_entry_points[entry.name] = f"{origin}: {type(error).__name__}: {error}"


def _import_class(info: PredictorInfo) -> type[Predictor]:
    module_name, _, class_name = info.target.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in class_name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InputError(f"predictor {info.name}: {info.target} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Predictor)):
        raise InputError(f"predictor {info.name}: {info.target} is not a subclass of Predictor")
    return found


@cache
def _found(package: str) -> bool:
    # The top package only: looking for a part of it would import it.
    return importlib.util.find_spec(package.partition(".")[0]) is not None
