"""NAS-Bench-201: notation, mutation, canonical form, cell graph."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import InputError
from tasks.spaces.base import SearchSpace, as_arch
from tasks.spaces.nasbench201 import CONV1, CONV3, EDGES, NONE, OPERATIONS, POOL, SKIP, NasBench201

SPACE = NasBench201()
EXAMPLE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"

archs = st.tuples(*[st.integers(0, 4)] * 6)
seeds = st.integers(0, 2**32 - 1)


def test_is_a_search_space():
    space: SearchSpace = SPACE
    assert space.name == "nasbench201"
    assert space.layout.operations == OPERATIONS
    assert space.layout.edges == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert NasBench201() == SPACE


def test_all_codes_are_the_whole_space_in_lexicographic_order():
    codes = SPACE.all_codes()
    assert codes.dtype == np.int16
    assert [as_arch(row) for row in codes] == list(itertools.product(range(5), repeat=6))


def test_notation_of_a_known_cell():
    arch = (CONV3, CONV1, CONV3, SKIP, CONV1, CONV3)
    assert SPACE.parse(EXAMPLE) == arch
    assert SPACE.format(arch) == EXAMPLE
    # Every edge carries another operation here, so that a swapped edge order would show.
    text = "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    assert SPACE.parse(text) == (NONE, SKIP, CONV1, CONV3, POOL, NONE)


def test_whole_space_is_read_and_written_without_loss():
    codes = SPACE.all_codes()
    texts = [SPACE.format(as_arch(row)) for row in codes]
    assert len(set(texts)) == 15_625
    parsed = SPACE.parse_many(texts)
    assert parsed.dtype == np.int16
    np.testing.assert_array_equal(parsed, codes)
    np.testing.assert_array_equal(parsed[::500], [SPACE.parse(text) for text in texts[::500]])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "1 nodes separated by"),
        ("|none~0|+|none~0|none~1|", "2 nodes separated by"),
        (EXAMPLE.replace("|+|", "+", 1), r"node 1 \('\|nor_conv_3x3~0'\) must begin and end"),
        (EXAMPLE + "|", "node 3 has 4 incoming edges, 3 are needed"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 has 1 incoming edges, 2 are needed"),
        (EXAMPLE.replace("skip_connect", "skip_conect"), "unknown operation 'skip_conect' into node 3"),
        (EXAMPLE.replace("skip_connect", "skip_conect"), "did you mean 'skip_connect'"),
        (EXAMPLE.replace("3x3~1", "3x3~0"), "edge 1 into node 2 says it comes from node '0', expected '~1'"),
        (EXAMPLE.replace("3x3~1", "3x3"), "comes from node ''"),
        (" " + EXAMPLE, "must begin and end"),
        (3, "is a string"),
    ],
)
def test_wrong_notation_is_named(text, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.parse(text)
    with pytest.raises(InputError, match=f"^row 1: .*{complaint}"):
        SPACE.parse_many([EXAMPLE, text])


def test_empty_batch():
    assert SPACE.parse_many([]).shape[0] == 0
    assert SPACE.canonical_many(SPACE.all_codes()[:0]) == []


@pytest.mark.parametrize("arch", [(0,) * 5, (0,) * 7, (0, 0, 0, 0, 0, 5), (-1, 0, 0, 0, 0, 0)])
def test_wrong_codes_are_refused(arch):
    rng = np.random.default_rng(0)
    for call in (SPACE.format, SPACE.canonical, SPACE.graph, SPACE.neighbors, lambda a: SPACE.mutate(a, rng)):
        with pytest.raises(InputError, match="6 codes from 0 to 4"):
            call(arch)


@given(archs, seeds)
def test_a_mutation_is_exactly_one_edit_and_leaves_its_parent_alone(arch, seed):
    before = tuple(arch)
    child = SPACE.mutate(arch, np.random.default_rng(seed))
    assert arch == before
    assert sum(a != b for a, b in zip(arch, child, strict=True)) == 1
    assert child in SPACE.neighbors(arch)
    assert SPACE.mutate(arch, np.random.default_rng(seed)) == child


@given(archs, seeds)
def test_mutants_of_one_parent_are_independent(arch, seed):
    # A random walk would drift away from the parent; independent mutants stay one edit from it.
    rng = np.random.default_rng(seed)
    near = set(SPACE.neighbors(arch))
    assert all(SPACE.mutate(arch, rng) in near for _ in range(20))


def test_mutation_reaches_all_24_neighbors_equally():
    rng, arch = np.random.default_rng(0), (0, 1, 2, 3, 4, 0)
    draws = [SPACE.mutate(arch, rng) for _ in range(24 * 200)]
    counts = np.array([draws.count(near) for near in SPACE.neighbors(arch)])
    # Chi-square with 23 degrees of freedom: 49.7 is its 99.9 % point.
    assert ((counts - 200) ** 2 / 200).sum() < 49.7


@given(archs)
def test_there_are_24_different_neighbors(arch):
    near = SPACE.neighbors(arch)
    assert len(set(near)) == len(near) == 24
    assert all(sum(a != b for a, b in zip(arch, other, strict=True)) == 1 for other in near)
    assert all(arch in SPACE.neighbors(other) for other in near)


def test_sample_is_uniform_and_repeatable():
    codes = SPACE.sample(np.random.default_rng(3), 20_000)
    assert codes.shape == (20_000, 6)
    assert codes.dtype == np.int16
    np.testing.assert_array_equal(codes, SPACE.sample(np.random.default_rng(3), 20_000))
    shares = np.stack([(codes == code).mean(axis=0) for code in range(5)])
    np.testing.assert_allclose(shares, 0.2, atol=0.015)


def test_canonical_form_has_6466_classes():
    codes = SPACE.all_codes()
    forms = SPACE.canonical_many(codes)
    assert len(set(forms)) == 6_466
    assert [SPACE.canonical(as_arch(row)) for row in codes[::700]] == forms[::700]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A copied node: 0 -> 1 is the identity, so node 1 is the input again.
        ((SKIP, CONV3, NONE, NONE, NONE, SKIP), (SKIP, NONE, CONV3, NONE, NONE, SKIP)),
        # Two terms of a sum change places.
        ((SKIP, NONE, NONE, CONV3, CONV1, NONE), (SKIP, NONE, NONE, CONV1, CONV3, NONE)),
        # Operations on nothing: node 1 is zero.
        ((NONE, CONV1, NONE, CONV3, CONV3, POOL), (NONE, CONV1, NONE, CONV3, POOL, POOL)),
    ],
)
def test_cells_that_compute_the_same_are_equal(first, second):
    assert SPACE.canonical(first) == SPACE.canonical(second)


def test_cells_that_differ_are_not_equal():
    different = [(CONV3, NONE, NONE, NONE, SKIP, NONE), (CONV1, NONE, NONE, NONE, SKIP, NONE)]
    different += [(CONV3, NONE, NONE, NONE, CONV3, NONE), (NONE,) * 6, (SKIP,) * 6]
    assert len({SPACE.canonical(arch) for arch in different}) == len(different)


def _reaches_output(arch):
    reached = {0}
    for (source, target), code in zip(EDGES, arch, strict=True):
        if source in reached and code != NONE:
            reached.add(target)
    return 3 in reached


def test_341_cells_are_dead():
    codes = SPACE.all_codes()
    connected = SPACE.is_connected(codes)
    assert int((~connected).sum()) == 341
    assert connected.tolist() == [_reaches_output(row) for row in codes.tolist()]


def test_graph_is_the_line_graph():
    cell = SPACE.graph((CONV3, CONV1, CONV3, SKIP, CONV1, NONE))
    assert cell.operations == (
        "input",
        *("nor_conv_3x3", "nor_conv_1x1", "nor_conv_3x3", "skip_connect", "nor_conv_1x1", "none"),
        "output",
    )
    ends = [(None, 0), *EDGES, (3, None)]
    expected = np.array([[a[1] == b[0] and a[1] is not None for b in ends] for a in ends])
    np.testing.assert_array_equal(cell.adjacency, expected)
    assert cell.adjacency.sum() == 10
    assert not np.tril(cell.adjacency).any()
