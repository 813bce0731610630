"""Hyperparameters of predictors: declared in the constructor's signature, checked in one place.

A constructor argument is declared as ``Annotated[float, Range(0, 1)]``, ``Literal["a", "b"]``,
``bool``, ``int``, ``float``, ``str``, ``tuple[str, ...]`` (names, a list in a study file),
``Mapping[str, Any]`` (settings of something else, by name) or one of these ``| None``; the default and
the legal values are thus written once, and the same declaration serves study files, error messages and
listings.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from tasks.errors import InputError, did_you_mean


@dataclass(frozen=True, slots=True)
class Range:
    """Closed interval of legal numbers.

    Attributes:
        low: Smallest legal value.
        high: Largest legal value.
    """

    low: float
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Search:
    """Where a random search looks for a value; beside ``Range``, in the same annotation.

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether its logarithm is uniform, instead of the value.
    """

    low: float
    high: float
    log: bool = False

    def draw(self, rng: np.random.Generator, *, whole: bool) -> int | float:
        """Return a value; a whole number in [low, high] if ``whole``."""
        low, high = self.low, self.high + (1.0 if whole else 0.0)
        value = math.exp(rng.uniform(math.log(low), math.log(high))) if self.log else rng.uniform(low, high)
        return min(int(value), int(self.high)) if whole else float(min(max(value, low), self.high))


_KINDS = {type(None): "None", tuple: "list of names", dict: "mapping of names to values"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One hyperparameter.

    Attributes:
        name: Constructor argument.
        default: Value if it is not given; ``inspect.Parameter.empty`` if it must be given.
        types: Legal Python types; empty if the constructor does not declare any.
        range: Legal interval of numbers; None if not declared.
        choices: Legal values; empty if not declared.
        search: Where a random search looks; None if it leaves the default.
    """

    name: str
    default: Any
    types: tuple[type, ...] = ()
    range: Range | None = None
    choices: tuple[Any, ...] = ()
    search: Search | None = None

    def describe(self) -> str:
        """Return what is allowed, for messages: ``an int in [1, 100]``."""
        if self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        kinds = " or ".join(_KINDS.get(kind, kind.__name__) for kind in self.types)
        if self.range is None:
            return f"of type {kinds}" if kinds else "anything"
        if self.range.high == math.inf:
            return f"of type {kinds}, at least {self.range.low:g}"
        return f"of type {kinds}, in [{self.range.low:g}, {self.range.high:g}]"

    def convert(self, value: object) -> object:
        """Return the value in its declared type (an int for a float becomes a float).

        Raises:
            ValueError: The value is not allowed.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if self.choices:
            if not any(value == choice and type(value) is type(choice) for choice in self.choices):
                raise ValueError(self.describe())
            return value
        if not self.types:
            return value
        if type(value) is int and float in self.types and int not in self.types:
            value = float(value)
        if isinstance(value, list) and tuple in self.types:
            value = tuple(value)
        if type(value) not in self.types:
            raise ValueError(self.describe())
        if isinstance(value, tuple | dict) and not all(isinstance(name, str) for name in value):
            raise ValueError(self.describe())
        # Written so that NaN is refused.
        if self.range and isinstance(value, int | float) and not self.range.low <= value <= self.range.high:
            raise ValueError(self.describe())
        return value


@cache
def declared_parameters(cls: type) -> Mapping[str, Parameter]:
    """Return the hyperparameters of a predictor class by name; ``seed`` is not one of them."""
    hints = get_type_hints(inspect.getattr_static(cls, "__init__"), include_extras=True)
    signature = inspect.signature(cls)
    return types.MappingProxyType(
        {
            name: _parameter(name, argument.default, hints.get(name))
            for name, argument in signature.parameters.items()
            if name != "seed"
        }
    )


def check_parameters(predictor: str, cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in their declared types.

    Args:
        predictor: Name, for messages.
        cls: The predictor class.
        values: Hyperparameters by name, ``seed`` excluded; those left out keep their default.

    Raises:
        InputError: Names the predictor, the parameter and its value, and says what is allowed.
    """
    declared = declared_parameters(cls)
    checked = {}
    for name, value in values.items():
        if name not in declared:
            defaults = ", ".join(f"{known.name}={known.default!r}" for known in declared.values())
            raise InputError(
                f"predictor {predictor}: unknown parameter {name!r} (value {value!r}); "
                f"{did_you_mean(str(name), declared)} (defaults: {defaults or 'none'})"
            )
        try:
            checked[name] = declared[name].convert(value)
        except ValueError as error:
            raise InputError(
                f"predictor {predictor}: parameter {name} is {value!r}, must be {error} "
                f"(default: {declared[name].default!r})"
            ) from None
    return checked


_CONTAINERS: dict[object, type] = {tuple[str, ...]: tuple, Mapping[str, Any]: dict}


def _parameter(name: str, default: object, hint: object) -> Parameter:
    bounds = search = None
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        bounds = next((note for note in notes if isinstance(note, Range)), None)
        search = next((note for note in notes if isinstance(note, Search)), None)
    if get_origin(hint) is Literal:
        return Parameter(name, default, choices=get_args(hint))
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    members = tuple(_CONTAINERS.get(member, member) for member in members)
    if not all(member in (bool, int, float, str, tuple, dict, type(None)) for member in members):
        return Parameter(name, default)
    return Parameter(name, default, types=members, range=bounds, search=search)
