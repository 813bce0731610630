from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from predictors.parameters import Range, check_parameters, declared_parameters
from tasks.errors import InputError


class Model:
    def __init__(
        self,
        *,
        trees: Annotated[int, Range(1, 100)] = 10,
        rate: Annotated[float, Range(0, 1)] = 0.5,
        limit: Annotated[int | None, Range(2)] = None,
        kind: Literal["a", "b"] = "a",
        fast: bool = False,
        label: str = "x",
        names: tuple[str, ...] = ("x",),
        settings: Mapping[str, Any] | None = None,
        anything=None,
        seed: int = 0,
    ):
        pass


def test_declared_parameters_leave_out_the_seed():
    declared = declared_parameters(Model)
    assert list(declared) == [
        "trees",
        "rate",
        "limit",
        "kind",
        "fast",
        "label",
        "names",
        "settings",
        "anything",
    ]
    assert declared["trees"].default == 10
    assert declared["trees"].describe() == "of type int, in [1, 100]"
    assert declared["limit"].describe() == "of type int or None, at least 2"
    assert declared["kind"].describe() == "one of 'a', 'b'"
    assert declared["names"].describe() == "of type list of names"
    assert declared["settings"].describe() == "of type mapping of names to values or None"
    assert declared["anything"].describe() == "anything"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("trees", 100, 100),
        ("trees", np.int64(3), 3),
        ("rate", 1, 1.0),
        ("rate", 0.25, 0.25),
        ("limit", None, None),
        ("limit", 10**9, 10**9),
        ("kind", "b", "b"),
        ("fast", True, True),
        ("label", "", ""),
        ("names", ["a", "b"], ("a", "b")),
        ("names", ("a",), ("a",)),
        ("names", [], ()),
        ("settings", {"depth": 3}, {"depth": 3}),
        ("settings", None, None),
        ("anything", [1], [1]),
    ],
)
def test_legal_values_get_their_declared_type(name, value, expected):
    (checked,) = check_parameters("m", Model, {name: value}).values()
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("trees", 0, r"of type int, in \[1, 100\]"),
        ("trees", 101, r"in \[1, 100\]"),
        ("trees", 2.0, "of type int"),
        ("trees", True, "of type int"),
        ("trees", "7", "of type int"),
        ("rate", float("nan"), r"of type float, in \[0, 1\]"),
        ("rate", float("inf"), r"in \[0, 1\]"),
        ("rate", -0.1, r"in \[0, 1\]"),
        ("rate", None, "of type float"),
        ("limit", 1, "of type int or None, at least 2"),
        ("kind", "c", "one of 'a', 'b'"),
        ("kind", 1, "one of 'a', 'b'"),
        ("fast", 1, "of type bool"),
        ("label", 3, "of type str"),
        ("names", "a", "of type list of names"),
        ("names", ["a", 1], "of type list of names"),
        ("names", None, "of type list of names"),
        ("settings", ["a"], "of type mapping of names to values or None"),
        ("settings", {1: 2}, "of type mapping of names to values or None"),
    ],
)
def test_illegal_values_are_named_with_what_is_allowed(name, value, allowed):
    with pytest.raises(InputError, match=rf"predictor m: parameter {name} is .*, must be .*{allowed}"):
        check_parameters("m", Model, {name: value})


def test_unknown_names_get_close_matches_and_all_defaults():
    with pytest.raises(InputError) as caught:
        check_parameters("m", Model, {"treess": 3})
    message = str(caught.value)
    assert "predictor m: unknown parameter 'treess' (value 3); did you mean 'trees'" in message
    assert "trees=10, rate=0.5, limit=None, kind='a'" in message


def test_the_seed_is_not_a_hyperparameter():
    with pytest.raises(InputError, match="unknown parameter 'seed'"):
        check_parameters("m", Model, {"seed": 3})
