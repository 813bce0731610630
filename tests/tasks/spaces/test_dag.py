"""Generic DAG cells."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, SearchSpace, VertexLayout, as_arch
from tasks.spaces.dag import DagSpace
from tasks.spaces.graph_hash import on_path

SPACE = DagSpace("mine", ("in", "conv", "pool", "out"), 5)
TEXT = '{"adjacency":[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]],"ops":["in","conv","pool","out"]}'

seeds = st.integers(0, 2**32 - 1)


def _random_arch(rng):
    """A connected cell of 2 to 5 vertices."""
    v = int(rng.integers(2, 6))
    smaller = DagSpace("smaller", SPACE.operations, v)
    adjacency, ops = smaller.unpack(smaller.sample(rng, 1))
    return as_arch(SPACE.pack(adjacency, ops)[0])


def test_is_a_search_space():
    space: SearchSpace = SPACE
    assert space.layout == VertexLayout(("in", "conv", "pool", "out"), 5)


def test_layout_of_the_codes():
    arch = SPACE.parse(TEXT)
    # Upper triangle of 5 x 5 by rows, the output in the last slot; vertex 3 is absent.
    bits = [1, 1, 0, 0, 0, 0, 1, 0, 1, 0]
    assert arch == (*bits, 0, 1, 2, -1, 3)
    assert SPACE.format(arch) == TEXT
    cell = SPACE.graph(arch)
    assert cell.operations == ("in", "conv", "pool", "out")
    assert cell.adjacency.astype(int).tolist() == json.loads(TEXT)["adjacency"]


@given(seeds)
def test_notation_round_trip(seed):
    arch = _random_arch(np.random.default_rng(seed))
    assert SPACE.parse(SPACE.format(arch)) == arch
    assert as_arch(SPACE.parse_many([SPACE.format(arch)])[0]) == arch


@given(seeds)
def test_pack_and_unpack_are_inverse(seed):
    codes = SPACE.sample(np.random.default_rng(seed), 7)
    np.testing.assert_array_equal(SPACE.pack(*SPACE.unpack(codes)), codes)


def test_sampled_cells_are_connected_and_uniform_over_operations():
    codes = SPACE.sample(np.random.default_rng(0), 4_000)
    adjacency, ops = SPACE.unpack(codes)
    assert codes.dtype == np.int16
    assert on_path(adjacency)[:, 0].all()
    np.testing.assert_allclose((ops[:, 1:-1] == 1).mean(axis=0), 0.5, atol=0.04)
    np.testing.assert_array_equal(codes, SPACE.sample(np.random.default_rng(0), 4_000))
    assert DagSpace("tiny", ("in", "out"), 2).sample(np.random.default_rng(0), 3).tolist() == [[1, 0, 1]] * 3


@given(seeds)
def test_a_mutation_is_exactly_one_edit_and_leaves_its_parent_alone(seed):
    rng = np.random.default_rng(seed)
    arch = _random_arch(rng)
    near = SPACE.neighbors(arch)
    if not near:
        assert arch[-1] == 3
        return
    before = tuple(arch)
    child = SPACE.mutate(arch, np.random.default_rng(seed))
    assert arch == before
    assert child in near
    assert sum(a != b for a, b in zip(arch, child, strict=True)) == 1
    assert SPACE.mutate(arch, np.random.default_rng(seed)) == child


@given(seeds)
def test_neighbors_are_all_connected_cells_one_edit_away(seed):
    arch = _random_arch(np.random.default_rng(seed))
    size = len(SPACE.graph(arch).operations)
    expected = set()
    for column, code in enumerate(arch):
        for other in range(-1, 4):
            candidate = (*arch[:column], other, *arch[column + 1 :])
            if other == code:
                continue
            try:
                cell = SPACE.graph(candidate)
            except InputError:
                continue
            if len(cell.operations) == size and on_path(cell.adjacency[None])[0, 0]:
                expected.add(candidate)
    near = SPACE.neighbors(arch)
    assert len(near) == len(set(near))
    assert set(near) == expected


def test_a_space_of_one_cell_cannot_mutate():
    tiny = DagSpace("tiny", ("in", "out"), 2)
    assert tiny.neighbors((1, 0, 1)) == []
    with pytest.raises(InputError, match="no other cell is one edit away"):
        tiny.mutate((1, 0, 1), np.random.default_rng(0))


def test_canonical_is_equal_for_renumbered_and_dangling_cells():
    swapped = '{"adjacency":[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]],"ops":["in","pool","conv","out"]}'
    dangling = (
        '{"adjacency":[[0,1,1,1,0],[0,0,0,0,1],[0,0,0,0,1],[0,0,0,0,0],[0,0,0,0,0]],'
        '"ops":["in","conv","pool","pool","out"]}'
    )
    other = TEXT.replace('"conv"', '"pool"')
    forms = [SPACE.canonical(SPACE.parse(text)) for text in (TEXT, swapped, dangling, other)]
    assert forms[0] == forms[1] == forms[2] != forms[3]
    # Neither the order of the vocabulary nor the largest size matters.
    wide = DagSpace("other", ("in", "pool", "new", "conv", "out"), 8)
    assert wide.canonical(wide.parse(TEXT)) == forms[0]


def test_canonical_many_equals_one_by_one():
    codes = SPACE.sample(np.random.default_rng(0), 30)
    assert SPACE.canonical_many(codes) == [SPACE.canonical(as_arch(row)) for row in codes]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "in JSON, got '{'"),
        ("[" * 100_000, "in JSON"),
        ("[]", "with these two keys"),
        ('{"ops":[]}', "with these two keys"),
        ('{"adjacency":1,"ops":[]}', "'adjacency' must be a list, got 1"),
        ('{"adjacency":[[0]],"ops":["in"]}', "'ops' has 1 vertices, allowed: 2 to 5"),
        (TEXT.replace('"pool"', '"pol"'), "'ops' has 'pol' at vertex 2; did you mean 'pool'"),
        (TEXT.replace('"in"', '"conv"'), "'ops' has 'conv' at vertex 0; allowed: in"),
        (TEXT.replace('"conv"', "3"), "'ops' has 3 at vertex 1"),
        (TEXT.replace("[0,0,0,0]", "[0,0,0]"), "'adjacency' must be 4 lists of 4 entries"),
        (TEXT.replace("[0,1,1,0]", "[0,2,1,0]"), r"'adjacency' \[0\]\[1\] is 2, must be 0 or 1"),
        (TEXT.replace("[0,1,1,0]", "[0,true,1,0]"), r"'adjacency' \[0\]\[1\] is True, must be 0 or 1"),
        (TEXT.replace("[0,0,0,0]", "[0,1,0,0]"), r"'adjacency' \[3\]\[1\] is 1, but arcs go from a lower"),
        (None, "got None"),
    ],
)
def test_wrong_notation_is_named(text, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.parse(text)
    with pytest.raises(InputError, match=f"^row 1: .*{complaint}"):
        SPACE.parse_many([TEXT, text])


@pytest.mark.parametrize(
    ("arch", "complaint"),
    [
        ((1, 0, 1), "10 bits and 5 codes"),
        ((2,) + (0,) * 9 + (0, 1, 1, 1, 3), "10 bits and 5 codes"),
        ((1,) * 10 + (1, 1, 1, 1, 3), "operation codes must be 0, then 1 to 2"),
        ((1,) * 10 + (0, 3, 1, 1, 3), "operation codes must be"),
        ((0,) * 10 + (0, -1, 1, 1, 3), "operation codes must be"),
        ((1,) * 10 + (0, 1, 1, -1, 3), "absent vertex has an arc"),
    ],
)
def test_wrong_codes_are_refused(arch, complaint):
    for call in (SPACE.format, SPACE.canonical, SPACE.graph, SPACE.neighbors):
        with pytest.raises(InputError, match=complaint):
            call(arch)


@pytest.mark.parametrize(
    ("operations", "vertices", "complaint"),
    [
        (("in", "out"), 1, "vertices is 1"),
        (("in", "out"), 3, "at least one inner operation"),
        (("in", "conv", "in"), 3, "must be different"),
    ],
)
def test_wrong_spaces_are_refused(operations, vertices, complaint):
    with pytest.raises(InputError, match=f"'mine': .*{complaint}"):
        DagSpace("mine", operations, vertices)


def test_networks_are_refused():
    arch, dataset = SPACE.parse(TEXT), DatasetInfo("mine")
    with pytest.raises(InputError, match="cannot be counted"):
        SPACE.count(np.array([arch], dtype=np.int16), dataset)
    with pytest.raises(InputError, match="cannot be built"):
        SPACE.build(arch, dataset)
