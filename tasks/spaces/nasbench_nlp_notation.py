"""The recipes of NAS-Bench-NLP: recurrent cells in JSON, as in the files of the benchmark.

A recipe maps the name of each node to its operation and the names that it reads:
``{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input":
["f"]}}``. Names are free, except for ``x``, the old hidden states ``h_prev_<k>`` and the new ones
``h_new_<k>``; the order of the nodes is, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import Codes
from tasks.spaces.nasbench_nlp_form import (
    ABSENT,
    FIRST_NODE,
    LAYOUT,
    OPERATIONS,
    Cells,
    faults,
    in_order,
    pack,
)

SPACE = "nasbench_nlp"

_SOURCES = ("x", *(f"h_prev_{state}" for state in range(LAYOUT.states)))
_NEW_STATE = re.compile(r"h_new_(\d+)")
_OLD_STATE = re.compile(r"h_prev_\d+")


def parse_recipes(texts: Sequence[str], *, numbered: bool = True) -> Codes:
    """Read recipes; nodes keep their order as far as they come after their inputs.

    Args:
        texts: One recipe each.
        numbered: Whether an error begins with ``row <i>``.

    Returns:
        Shape (n, 87).

    Raises:
        InputError: No JSON of this form, an unknown operation or input, or a cell that is not in
            the space; says what is wrong.
    """
    n = len(texts)
    operations = np.full((n, LAYOUT.nodes), ABSENT, dtype=np.int16)
    inputs = np.full((n, LAYOUT.nodes, LAYOUT.inputs), ABSENT, dtype=np.int16)
    states = np.full((n, LAYOUT.states), ABSENT, dtype=np.int16)
    drafts = Cells(operations, inputs, states)
    for row, text in enumerate(texts):
        try:
            _fill(drafts, row, text)
        except InputError as error:
            if not numbered:
                raise
            raise InputError(f"row {row}: {error}") from error
    cells, ordered = in_order(drafts)
    codes = pack(cells)
    for rule, broken in [("nodes read each other in a circle", ~ordered), *faults(codes)]:
        for row in np.flatnonzero(broken)[:1].tolist():
            place = f"row {row}: " if numbered else ""
            raise InputError(f"{place}{SPACE}: {rule} in {_short(texts[row])}")
    return codes


def format_recipe(cells: Cells) -> str:
    """Write the first of ``cells`` as a recipe, nodes named ``node_0``, ``node_1``, ... in order."""
    states = cells.states[0].tolist()
    count = int(cells.present[0].sum())
    names = [*_SOURCES, *(f"node_{node}" for node in range(count))]
    for state, vertex in enumerate(states):
        if vertex != ABSENT:
            names[vertex] = f"h_new_{state}"
    recipe = {
        names[FIRST_NODE + node]: {
            "op": OPERATIONS[operation],
            "input": [names[vertex] for vertex in read if vertex != ABSENT],
        }
        for node, (operation, read) in enumerate(
            zip(cells.operations[0, :count].tolist(), cells.inputs[0, :count].tolist(), strict=True)
        )
    }
    return json.dumps(recipe)


def _fill(drafts: Cells, row: int, text: str) -> None:
    """Write a recipe into a row of ``drafts``, nodes in the order of the text."""
    recipe = _read(text)
    names = list(recipe)
    if not 1 <= len(names) <= LAYOUT.nodes:
        raise InputError(
            f"{SPACE}: a recipe has 1 to {LAYOUT.nodes} nodes, got {len(names)} in {_short(text)}"
        )
    vertex = {name: number for number, name in enumerate((*_SOURCES, *names))}
    for node, (name, content) in enumerate(recipe.items()):
        operation, read = _node(name, content, vertex)
        drafts.operations[row, node] = OPERATIONS.index(operation)
        drafts.inputs[row, node, : len(read)] = [vertex[source] for source in read]
        match = _NEW_STATE.fullmatch(name)
        if match:
            state = int(match[1])
            if state >= LAYOUT.states:
                raise InputError(
                    f"{SPACE}: a cell has at most {LAYOUT.states} hidden states, got node {name!r}"
                )
            drafts.states[row, state] = FIRST_NODE + node


def _read(text: str) -> dict[str, Any]:
    wrong = f'{SPACE}: an architecture is {{"<node>": {{"op": ..., "input": [...]}}, ...}} in JSON'
    if not isinstance(text, str):
        raise InputError(f"{wrong}, got {text!r}")
    try:
        recipe = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{wrong}, got {_short(text)} ({error})") from error
    if not isinstance(recipe, dict):
        raise InputError(f"{wrong}, got {_short(text)}")
    for name in recipe:
        if name in _SOURCES or _OLD_STATE.fullmatch(name):
            raise InputError(f"{SPACE}: {name!r} is an input of the cell and cannot be computed by a node")
    return recipe


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key occurs twice")
    return content


def _node(name: str, content: Any, vertex: Mapping[str, int]) -> tuple[str, list[str]]:  # noqa: ANN401
    where = f"{SPACE}: node {name!r}"
    if not isinstance(content, dict) or content.keys() != {"op", "input"}:
        raise InputError(f"{where} must have the two keys 'op' and 'input', got {content!r}")
    operation, read = content["op"], content["input"]
    if operation not in OPERATIONS:
        raise InputError(
            f"{where}: unknown operation {operation!r}; {did_you_mean(str(operation), OPERATIONS)}"
        )
    if not isinstance(read, list) or not 1 <= len(read) <= LAYOUT.inputs:
        raise InputError(f"{where}: 'input' must be a list of 1 to {LAYOUT.inputs} names, got {read!r}")
    for source in read:
        if not isinstance(source, str) or source not in vertex:
            hint = did_you_mean(str(source), sorted(vertex))
            raise InputError(f"{where}: unknown input {source!r}; {hint}")
    return operation, read


def _short(text: str) -> str:
    return repr(text if len(text) <= 300 else text[:300] + "...")
