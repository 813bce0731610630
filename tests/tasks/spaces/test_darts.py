"""DARTS: notation, mutation, canonical form, merged cell graph."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import InputError
from tasks.spaces.base import CellPairLayout, SearchSpace, as_arch, code_length
from tasks.spaces.darts import Darts
from tasks.spaces.darts_parts import DIL3, MAX_POOL, OPERATIONS, SEP3, SKIP

SPACE = Darts()
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
    "('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
# Every node: (predecessor, operation) twice.
NORMAL = (0, SEP3, 1, SEP3, 0, SEP3, 1, SEP3, 0, SKIP, 1, SEP3, 0, SKIP, 2, DIL3)
REDUCTION = (0, MAX_POOL, 1, MAX_POOL, 1, MAX_POOL, 2, SKIP, 0, MAX_POOL, 2, SKIP, 1, MAX_POOL, 2, SKIP)

seeds = st.integers(0, 2**32 - 1)


def _random(seed):
    return as_arch(SPACE.sample(np.random.default_rng(seed), 1)[0])


archs = seeds.map(_random)


def test_is_a_search_space():
    space: SearchSpace = SPACE
    assert space.name == "darts"
    assert space.layout == CellPairLayout(OPERATIONS, 4)
    assert code_length(space.layout) == 32
    assert Darts() == SPACE
    assert len(OPERATIONS) == 7
    assert "none" not in OPERATIONS


def test_published_genotype():
    arch = SPACE.parse(DARTS_V2)
    assert arch == NORMAL + REDUCTION
    # Some of its nodes name the higher predecessor first, which means nothing.
    sorted_pairs = DARTS_V2.replace(
        "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip", "('skip_connect', 0), ('sep_conv_3x3', 1), ('skip"
    )
    sorted_pairs = sorted_pairs.replace(
        "('skip_connect', 2), ('max_pool_3x3', 1)", "('max_pool_3x3', 1), ('skip_connect', 2)"
    )
    assert SPACE.format(arch) == sorted_pairs
    assert SPACE.parse(sorted_pairs) == arch


def test_other_ways_to_write_the_same():
    arch = SPACE.parse(DARTS_V2)
    for text in (
        DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)"),
        DARTS_V2.replace(" ", "").replace("'", '"'),
        f"\n {DARTS_V2} ",
        SPACE.format_compact(arch),
        SPACE.format_compact(arch).replace("(", "[").replace(")", "]"),
    ):
        assert SPACE.parse(text) == arch
    assert SPACE.format_compact(arch).startswith("(((0, 3), (1, 3), (0, 3), ")


@settings(max_examples=50)
@given(archs)
def test_text_is_read_and_written_without_loss(arch):
    for text in (SPACE.format(arch), SPACE.format_compact(arch)):
        assert SPACE.parse(text) == arch
        np.testing.assert_array_equal(SPACE.parse_many([text, DARTS_V2])[0], arch)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not of the form"),
        (3, "is a string"),
        (DARTS_V2[:-1], "is not of the form"),
        (DARTS_V2.replace("Genotype", "__import__('os').system"), "is not of the form"),
        (DARTS_V2.replace("('sep_conv_3x3', 0), ", "", 1), "normal has 7 pairs, 8 are needed"),
        (DARTS_V2.replace("sep_conv_3x3", "sep_conv3x3", 1), "unknown operation 'sep_conv3x3' in normal"),
        (DARTS_V2.replace("sep_conv_3x3", "sep_conv3x3", 1), "did you mean 'sep_conv_3x3'"),
        (DARTS_V2.replace("'max_pool_3x3', 0", "'none', 0", 1), "unknown operation 'none' in reduce"),
        (DARTS_V2.replace("3x3', 0)", "3x3', 2)", 1), "leads from 2 into node 2, must be from 0 to 1"),
        (DARTS_V2.replace("3x3', 0)", "3x3', 1)", 1), "leads twice from 1 into node 2"),
        (DARTS_V2.replace("[2, 3, 4, 5]", "[4, 5, 6]", 1), r"normal_concat is \[4,5,6\], must be \[2, 3, 4"),
        (DARTS_V2.replace("[('sep_conv_3x3', 0)", "[['sep_conv_3x3', 0]", 1), "is not of the form"),
        (
            DARTS_V2.replace("[('sep_conv_3x3', 0)", "[('sep_conv_3x3', -1)", 1),
            "normal must be a list",
        ),
        ("(((0, 3), (1, 3)), ((0, 3), (1, 3)))", "normal has 2 pairs"),
        (SPACE.format_compact(NORMAL + REDUCTION).replace("(2, 5)", "(2, 7)"), "operation 7, must be 0 to 6"),
    ],
)
def test_wrong_notation_is_named(text, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.parse(text)
    with pytest.raises(InputError, match=f"^row 1: .*{complaint}"):
        SPACE.parse_many([DARTS_V2, text])


def test_a_huge_text_is_refused_shortly():
    with pytest.raises(InputError) as caught:
        SPACE.parse("Genotype(normal=[" + "(" * 100_000)
    assert len(str(caught.value)) < 1200


def test_empty_batch():
    assert SPACE.parse_many([]).shape == (0, 32)
    assert SPACE.canonical_many(SPACE.parse_many([])) == []


@pytest.mark.parametrize(
    ("arch", "complaint"),
    [
        ((0,) * 31, "32 codes, got 31"),
        ((1, SEP3, 0, *NORMAL[3:], *REDUCTION), "codes 0 to 3"),
        ((*NORMAL[:6], 3, *NORMAL[7:], *REDUCTION), r"codes 4 to 7 .* predecessor \(0 to 2, ascending\)"),
        ((*NORMAL, *REDUCTION[:-1], 7), "codes 28 to 31"),
        ((*NORMAL[:-1], -1, *REDUCTION), "codes 12 to 15"),
    ],
)
def test_wrong_codes_are_refused(arch, complaint):
    rng = np.random.default_rng(0)
    for call in (SPACE.format, SPACE.canonical, SPACE.graph, SPACE.neighbors, lambda a: SPACE.mutate(a, rng)):
        with pytest.raises(InputError, match=complaint):
            call(arch)


def test_sample_is_uniform_and_repeatable():
    codes = SPACE.sample(np.random.default_rng(3), 20_000)
    assert codes.shape == (20_000, 32)
    assert codes.dtype == np.int16
    np.testing.assert_array_equal(codes, SPACE.sample(np.random.default_rng(3), 20_000))
    cells = codes.reshape(-1, 2, 4, 2, 2)
    shares = np.stack([(cells[..., 1] == code).mean(axis=0) for code in range(7)])
    np.testing.assert_allclose(shares, 1 / 7, atol=0.015)
    for node in range(4):
        pairs = list(itertools.combinations(range(node + 2), 2))
        for cell in range(2):
            found, counts = np.unique(cells[:, cell, node, :, 0], axis=0, return_counts=True)
            assert [tuple(pair) for pair in found] == pairs
            np.testing.assert_allclose(counts / 20_000, 1 / len(pairs), atol=0.015)
    assert all(SPACE.parse(SPACE.format(as_arch(row))) == as_arch(row) for row in codes[:50])


def _pairs(arch):
    """The architecture as it is meant: per node, a set of pairs."""
    return [frozenset([arch[i : i + 2], arch[i + 2 : i + 4]]) for i in range(0, 32, 4)]


def _is_one_edit(arch, child):
    changed = [(a, b) for a, b in zip(_pairs(arch), _pairs(child), strict=True) if a != b]
    if len(changed) != 1:
        return False
    before, after = changed[0]
    if len(before & after) != 1:
        return False
    (old,), (new,) = before - after, after - before
    return (old[0] == new[0]) != (old[1] == new[1])


@settings(max_examples=50)
@given(archs, seeds)
def test_a_mutation_is_exactly_one_edit_and_leaves_its_parent_alone(arch, seed):
    before = tuple(arch)
    child = SPACE.mutate(arch, np.random.default_rng(seed))
    assert arch == before
    assert child != arch
    assert _is_one_edit(arch, child)
    assert SPACE.mutate(arch, np.random.default_rng(seed)) == child


@settings(max_examples=20)
@given(archs)
def test_there_are_120_different_neighbors(arch):
    near = SPACE.neighbors(arch)
    assert len(set(near)) == len(near) == 120
    assert arch not in near
    assert all(_is_one_edit(arch, other) for other in near)
    assert all(arch in SPACE.neighbors(other) for other in near[::17])


def test_mutation_reaches_all_neighbors_with_the_stated_shares():
    rng, arch = np.random.default_rng(0), NORMAL + REDUCTION
    near = SPACE.neighbors(arch)
    draws = 8_400
    index = {other: place for place, other in enumerate(near)}
    counts = np.bincount([index[SPACE.mutate(arch, rng)] for _ in range(draws)], minlength=120)
    expected = []
    for other in near:
        ((before, after),) = [(a, b) for a, b in zip(_pairs(arch), _pairs(other), strict=True) if a != b]
        ((old, _),), ((new, _),) = before - after, after - before
        node = [a != b for a, b in zip(_pairs(arch), _pairs(other), strict=True)].index(True) % 4
        expected.append(draws / 28 / (6 if old == new else node))
    expected = np.array(expected)
    # Chi-square with 119 degrees of freedom: 172.7 is its 99.9 % point.
    assert ((counts - expected) ** 2 / expected).sum() < 172.7


def _renumbered(arch, places):
    """The same pair of cells, node i + 2 of the normal cell being called places[i] + 2."""
    name = [0, 1, *(place + 2 for place in places)]
    nodes = [None] * 4
    for node, place in enumerate(places):
        a, b, c, d = arch[4 * node : 4 * node + 4]
        pairs = sorted([(name[a], b), (name[c], d)])
        if pairs[1][0] >= place + 2:
            return None
        nodes[place] = (*pairs[0], *pairs[1])
    return (*itertools.chain(*nodes), *arch[16:])


@settings(max_examples=40)
@given(archs)
def test_isomorphic_cells_have_one_canonical_form(arch):
    twins = [_renumbered(arch, places) for places in itertools.permutations(range(4))]
    twins = [twin for twin in twins if twin is not None]
    assert arch in twins
    assert set(SPACE.canonical_many(np.array(twins))) == {SPACE.canonical(arch)}
    # The same in the reduction cell.
    swapped = [(*twin[16:], *twin[:16]) for twin in twins]
    assert len(set(SPACE.canonical_many(np.array(swapped)))) == 1


@settings(max_examples=20)
@given(archs)
def test_canonical_form_keeps_different_cells_apart(arch):
    # A neighbor is a twin only if some order of its nodes is the architecture itself.
    twins = {_renumbered(arch, places) for places in itertools.permutations(range(4))} - {None}
    near = SPACE.neighbors(arch)
    forms = SPACE.canonical_many(np.array(near))
    other_normal = [(form, cell) for form, cell in zip(forms, near, strict=True) if cell[16:] == arch[16:]]
    assert all((form == SPACE.canonical(arch)) == (cell in twins) for form, cell in other_normal)


def test_canonical_form_knows_which_of_two_equal_nodes_is_used():
    # Nodes 2 and 3 are alike; 4 and 5 hear the same one of them, or one each.
    alike = (0, SEP3, 1, SEP3)
    same = (*alike, *alike, 0, SKIP, 2, DIL3, 1, SKIP, 2, DIL3, *REDUCTION)
    one_each = (*alike, *alike, 0, SKIP, 2, DIL3, 1, SKIP, 3, DIL3, *REDUCTION)
    mirrored = (*alike, *alike, 0, SKIP, 3, DIL3, 1, SKIP, 2, DIL3, *REDUCTION)
    assert SPACE.canonical(same) != SPACE.canonical(one_each) == SPACE.canonical(mirrored)


def test_normal_and_reduction_cell_are_no_twins():
    assert SPACE.canonical(NORMAL + REDUCTION) != SPACE.canonical(REDUCTION + NORMAL)


def test_graph_is_both_cells_side_by_side():
    cell = SPACE.graph(NORMAL + REDUCTION)
    assert cell.operations == (
        *("input", "input"),
        *(OPERATIONS[code] for code in NORMAL[1::2]),
        *("output", "input", "input"),
        *(OPERATIONS[code] for code in REDUCTION[1::2]),
        "output",
    )
    arcs = {(int(i), int(j)) for i, j in np.argwhere(cell.adjacency)}
    normal = {(0, 2), (1, 3), (0, 4), (1, 5), (0, 6), (1, 7), (0, 8), (2, 9), (3, 9)}
    reduction = {(0, 2), (1, 3), (1, 4), (2, 5), (3, 5), (0, 6), (2, 7), (3, 7), (1, 8), (2, 9), (3, 9)}
    outputs = {(pair, 10) for pair in range(2, 10)}
    assert arcs == normal | outputs | {(i + 11, j + 11) for i, j in reduction | outputs}
