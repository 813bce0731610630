"""How NASLib writes architectures, as the official notation of each space.

White et al., "How Powerful are Performance Predictors in Neural Architecture Search?", NeurIPS 2021,
and Krishnakumar et al., "NAS-Bench-Suite-Zero", NeurIPS 2022, key their tables by such tuples.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from tasks.errors import InputError

_NB201_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_NB201_ORDER = (0, 1, 3, 2, 4, 5)
"""Position, in NASLib's order by source node, of each edge of the architecture string."""

_NB101_OPERATIONS = ("input", "output", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")

_DARTS_OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3",
    "dil_conv_5x5",
)  # fmt: skip

_NLP_OPERATIONS = (
    "in", "activation_sigm", "activation_tanh", "activation_leaky_relu", "elementwise_sum",
    "elementwise_prod", "linear", "blend",
)  # fmt: skip
_NLP_INPUTS = ("x", "h_prev_0", "h_prev_1", "h_prev_2")

_SHAPES = {
    "nasbench101": "n * n matrix entries, then n operation codes",
    "nasbench201": "six operation codes",
    "darts": "two cells of eight pairs (predecessor, operation code)",
    "nasbench_nlp": "(edges, operation codes, positions of the hidden states)",
}


def official_notation(space: str, compact: object) -> str:
    """Return an architecture in the notation that the space parses.

    Args:
        space: ``nasbench101``, ``nasbench201``, ``darts`` or ``nasbench_nlp``.
        compact: NASLib's tuple. That of NAS-Bench-NLP does not say which hidden state a node
            is; they are numbered in the order of the tuple.

    Raises:
        InputError: The tuple is no architecture of the space.
    """
    writers: dict[str, Callable[[Any], str]] = {
        "nasbench101": _nasbench101,
        "nasbench201": _nasbench201,
        "darts": _darts,
        "nasbench_nlp": _nasbench_nlp,
    }
    try:
        return writers[space](compact)
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"{compact!r} is no architecture of {space} as NASLib writes it: {_SHAPES[space]} ({error})"
        ) from error


def _nasbench201(codes: Sequence[int]) -> str:
    if len(codes) != len(_NB201_ORDER):
        raise ValueError(f"has {len(codes)} entries")
    names = [_name(_NB201_OPERATIONS, codes[position]) for position in _NB201_ORDER]
    groups = (names[:1], names[1:3], names[3:])
    return "+".join("|" + "".join(f"{name}~{node}|" for node, name in enumerate(group)) for group in groups)


def _nasbench101(values: Sequence[int]) -> str:
    n = (math.isqrt(1 + 4 * len(values)) - 1) // 2
    if n < 2 or n * (n + 1) != len(values):
        raise ValueError(f"has {len(values)} entries")
    matrix = [[int(value) for value in values[row * n : (row + 1) * n]] for row in range(n)]
    return json.dumps({"matrix": matrix, "ops": [_name(_NB101_OPERATIONS, code) for code in values[n * n :]]})


def _darts(cells: Sequence[Sequence[tuple[int, int]]]) -> str:
    normal, reduction = (
        [(_name(_DARTS_OPERATIONS, code), int(node)) for node, code in cell] for cell in cells
    )
    concat = [2, 3, 4, 5]
    return f"Genotype(normal={normal}, normal_concat={concat}, reduce={reduction}, reduce_concat={concat})"


def _nasbench_nlp(compact: tuple[Sequence[tuple[int, int]], Sequence[int], Sequence[int]]) -> str:
    edges, codes, hidden = compact
    names = [*_NLP_INPUTS, *(f"node_{position}" for position in range(len(_NLP_INPUTS), len(codes)))]
    for number, position in enumerate(hidden):
        names[position] = f"h_new_{number}"
    recipe = {
        name: {"op": _name(_NLP_OPERATIONS, code), "input": [names[u] for u, v in edges if v == position]}
        for position, (name, code) in enumerate(zip(names, codes, strict=True))
        if position >= len(_NLP_INPUTS)
    }
    return json.dumps(recipe)


def _name(operations: Sequence[str], code: int) -> str:
    if not 0 <= code < len(operations):
        raise ValueError(f"{code} is no operation code from 0 to {len(operations) - 1}")
    return operations[code]
