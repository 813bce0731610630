"""NAS-Bench-101: notation, sampling, mutation, pruning, module hash."""

import hashlib
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import InputError
from tasks.spaces.base import SearchSpace, VertexLayout, as_arch
from tasks.spaces.nasbench101 import CONV1, CONV3, MAX_EDGES, OPERATIONS, OUTPUT, POOL, NasBench101

SPACE = NasBench101()
# The Inception-like cell of figure 1 of the paper: a 5x5 convolution is two of 3x3.
INCEPTION = (
    '{"matrix":[[0,1,1,1,0,1,0],[0,0,0,0,0,0,1],[0,0,0,0,0,0,1],[0,0,0,0,1,0,0],'
    "[0,0,0,0,0,0,1],[0,0,0,0,0,0,1],[0,0,0,0,0,0,0]],"
    '"ops":["input","conv1x1-bn-relu","conv3x3-bn-relu","conv3x3-bn-relu","conv3x3-bn-relu",'
    '"maxpool3x3","output"]}'
)
SMALL = (
    '{"matrix":[[0,1,0,1],[0,0,1,0],[0,0,0,1],[0,0,0,0]],'
    '"ops":["input","conv3x3-bn-relu","maxpool3x3","output"]}'
)

seeds = st.integers(0, 2**32 - 1)


def text_of(matrix, ops):
    """The specification of a cell from an array and operation codes."""
    content = {"matrix": np.asarray(matrix).astype(int).tolist(), "ops": [OPERATIONS[op] for op in ops]}
    return json.dumps(content, separators=(",", ":"))


def random_matrix(rng, v, density=0.5):
    """A valid matrix, found without the code under test."""
    while True:
        matrix = np.triu(rng.random((v, v)) < density, 1)
        live = reachable(matrix)
        edges = matrix[np.ix_(live, live)].sum()
        if live.size and edges <= MAX_EDGES:
            return matrix


def reachable(matrix):
    """The vertices on paths from input to output, from powers of the matrix; none without a path."""
    v = len(matrix)
    walks = np.linalg.matrix_power(matrix.astype(int) + np.eye(v, dtype=int), v)
    return np.flatnonzero((walks[0] > 0) & (walks[:, -1] > 0)) if walks[0, -1] else np.empty(0, dtype=int)


def random_arch(rng):
    """A valid cell of 2 to 7 vertices, which may have dangling ones."""
    v = int(rng.integers(2, 8))
    return SPACE.parse(text_of(random_matrix(rng, v), [0, *rng.integers(1, 4, v - 2), 4]))


def published_hash(arch):
    """The module hash, step by step as published, for one cell."""
    cell = SPACE.graph(arch)
    live = reachable(cell.adjacency)
    matrix = cell.adjacency[np.ix_(live, live)]
    official = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    names = [-1, *(official.index(cell.operations[v]) for v in live[1:-1]), -2]

    def md5(text):
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    colour = [md5(f"({matrix[v].sum()}, {matrix[:, v].sum()}, {name})") for v, name in enumerate(names)]
    for _ in range(len(names)):
        colour = [
            md5(
                "".join(sorted(colour[u] for u in np.flatnonzero(matrix[:, v])))
                + "|"
                + "".join(sorted(colour[u] for u in np.flatnonzero(matrix[v])))
                + "|"
                + colour[v]
            )
            for v in range(len(names))
        ]
    return md5(str(sorted(colour)))


def test_is_a_search_space():
    space: SearchSpace = SPACE
    assert space.name == "nasbench101"
    assert space.layout == VertexLayout(OPERATIONS, 7)
    assert NasBench101() == SPACE


def test_layout_of_the_codes():
    rows = [1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1], [1, 0, 0], [0, 1], [1]
    assert SPACE.parse(INCEPTION) == (*itertools.chain(*rows), 0, CONV1, CONV3, CONV3, CONV3, POOL, OUTPUT)
    # Four vertices: 0, 1, 2 and the output in the last slot.
    rows = [1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0], [0, 0], [0]
    assert SPACE.parse(SMALL) == (*itertools.chain(*rows), 0, CONV3, POOL, -1, -1, -1, OUTPUT)
    assert SPACE.format(SPACE.parse(SMALL)) == SMALL
    assert SPACE.format(SPACE.parse(INCEPTION)) == INCEPTION
    cell = SPACE.graph(SPACE.parse(SMALL))
    assert cell.operations == ("input", "conv3x3-bn-relu", "maxpool3x3", "output")
    assert cell.adjacency.astype(int).tolist() == json.loads(SMALL)["matrix"]


@given(seeds)
def test_notation_round_trip(seed):
    rng = np.random.default_rng(seed)
    archs = [random_arch(rng) for _ in range(4)]
    texts = [SPACE.format(arch) for arch in archs]
    assert [SPACE.parse(text) for text in texts] == archs
    np.testing.assert_array_equal(SPACE.parse_many(texts), archs)


def test_a_large_batch_is_read_like_single_texts():
    rng = np.random.default_rng(0)
    texts = [SPACE.format(random_arch(rng)) for _ in range(300)]
    codes = SPACE.parse_many(texts)
    assert codes.dtype == np.int16
    np.testing.assert_array_equal(codes, [SPACE.parse(text) for text in texts])
    # The same batch in another spelling of JSON, which has to be read text by text.
    spaced = [json.dumps(dict(reversed(json.loads(text).items()))) for text in texts]
    np.testing.assert_array_equal(SPACE.parse_many(spaced), codes)
    assert len(SPACE.parse_many([])) == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "in JSON, got '{'"),
        (None, "got None"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "in JSON"),
        ('{"adjacency":[[0,1],[0,0]],"ops":["input","output"]}', "with these two keys"),
        ("0123456789abcdef0123456789abcdef", "is a module hash, from which the cell cannot be computed"),
        (INCEPTION.replace('"maxpool3x3"', '"avgpool3x3"'), "'ops' has 'avgpool3x3' at vertex 5; did you"),
        (SMALL.replace('"output"', '"maxpool3x3"'), "'ops' has 'maxpool3x3' at vertex 3; allowed: output"),
        (text_of(np.eye(8, k=1), [0, *[1] * 6, 4]), "'ops' has 8 vertices, allowed: 2 to 7"),
        (SMALL.replace("[0,0,0,0]", "[0,0,0]"), "'matrix' must be 4 lists of 4 entries"),
        (SMALL.replace("[0,1,0,1]", "[0,2,0,1]"), r"'matrix' \[0\]\[1\] is 2, must be 0 or 1"),
        (SMALL.replace("[0,0,0,0]", "[0,1,0,0]"), r"'matrix' \[3\]\[1\] is 1, but arcs go from a lower"),
        (text_of([[0, 1, 0], [0, 0, 0], [0, 0, 0]], [0, 1, 4]), "no path from input to output"),
        (text_of(np.triu(np.ones((5, 5)), 1), [0, 1, 1, 1, 4]), "10 arcs on paths .* at most 9"),
    ],
)  # fmt: skip
def test_wrong_notation_is_named(text, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.parse(text)
    with pytest.raises(InputError, match=f"^row 1: .*{complaint}"):
        SPACE.parse_many([INCEPTION, text])


def test_halves_of_different_cells_do_not_make_a_batch():
    # Each half of the last text occurs in a good one, together they are of different sizes.
    mixed = INCEPTION.partition(',"ops":')[0] + "".join(SMALL.partition(',"ops":')[1:])
    with pytest.raises(InputError, match=r"^row 2: .*'matrix' must be 4 lists of 4 entries"):
        SPACE.parse_many([INCEPTION, SMALL, mixed])


def test_limits_hold_for_the_pruned_cell():
    matrix = np.triu(np.ones((7, 7)), 1)
    matrix[1:6, 6] = 0
    # 16 arcs, of which one is on a path.
    arch = SPACE.parse(text_of(matrix, [0, 1, 2, 3, 1, 2, 4]))
    assert SPACE.canonical(arch) == SPACE.canonical(SPACE.parse(text_of([[0, 1], [0, 0]], [0, 4])))


@pytest.mark.parametrize(
    ("arch", "complaint"),
    [
        ((0,) * 12, "21 bits and 7 codes"),
        ((1,) * 21 + (0, 1, 1, 1, 1, 1, 4), "21 arcs on paths"),
        ((0,) * 21 + (0, 1, 1, 1, 1, 1, 4), "no path"),
        ((0,) * 5 + (1,) + (0,) * 15 + (0, 4, 1, 1, 1, 1, 4), "operation codes must be 0, then 1 to 3"),
    ],
)
def test_wrong_codes_are_refused(arch, complaint):
    rng = np.random.default_rng(0)
    calls = (SPACE.format, SPACE.canonical, SPACE.graph, SPACE.neighbors, lambda a: SPACE.mutate(a, rng))
    for call in calls:
        with pytest.raises(InputError, match=complaint):
            call(arch)


def test_batches_name_the_row_of_an_invalid_cell():
    codes = SPACE.sample(np.random.default_rng(0), 5)
    codes[3, :21] = 1
    assert SPACE.is_valid(codes).tolist() == [True, True, True, False, True]
    for call in (SPACE.canonical_many, SPACE.prune):
        with pytest.raises(InputError, match=r"^row 3: .*21 arcs on paths"):
            call(codes)


def test_sample_is_uniform_over_valid_matrices_and_operations():
    codes = SPACE.sample(np.random.default_rng(0), 20_000)
    assert codes.shape == (20_000, 28)
    assert codes.dtype == np.int16
    assert SPACE.is_valid(codes).all()
    np.testing.assert_array_equal(codes, SPACE.sample(np.random.default_rng(0), 20_000))
    shares = np.stack([(codes[:, 22:-1] == op).mean(axis=0) for op in (CONV3, CONV1, POOL)])
    np.testing.assert_allclose(shares, 1 / 3, atol=0.02)
    # Against rejection one by one; 3 standard errors of a share from 2,000 draws are 0.034.
    rng = np.random.default_rng(1)
    expected = np.mean([random_matrix(rng, 7) for _ in range(2_000)], axis=0)[np.triu_indices(7, 1)]
    np.testing.assert_allclose(codes[:, :21].mean(axis=0), expected, atol=0.04)
    assert SPACE.sample(np.random.default_rng(0), 0).shape == (0, 28)


@given(seeds)
def test_neighbors_are_all_valid_cells_one_edit_away(seed):
    arch = random_arch(np.random.default_rng(seed))
    present = [column for column, code in enumerate(arch[21:]) if code != -1]
    expected = []
    for column, (u, v) in enumerate(zip(*np.triu_indices(7, 1), strict=True)):
        if u in present and v in present:
            expected.append((*arch[:column], 1 - arch[column], *arch[column + 1 :]))
    for vertex in present[1:-1]:
        at = 21 + vertex
        expected += [(*arch[:at], op, *arch[at + 1 :]) for op in (CONV3, CONV1, POOL) if op != arch[at]]

    def valid(candidate):
        matrix = np.zeros((7, 7), dtype=bool)
        matrix[np.triu_indices(7, 1)] = candidate[:21]
        live = reachable(matrix)
        return live.size > 0 and matrix[np.ix_(live, live)].sum() <= MAX_EDGES

    assert SPACE.neighbors(arch) == [candidate for candidate in expected if valid(candidate)]


@given(seeds)
def test_a_mutation_is_exactly_one_edit_and_leaves_its_parent_alone(seed):
    arch = random_arch(np.random.default_rng(seed))
    near = SPACE.neighbors(arch)
    if not near:
        assert SPACE.graph(arch).adjacency.shape == (2, 2)
        with pytest.raises(InputError, match="no other cell is one edit away"):
            SPACE.mutate(arch, np.random.default_rng(seed))
        return
    before = tuple(arch)
    child = SPACE.mutate(arch, np.random.default_rng(seed))
    assert arch == before
    assert child in near
    assert sum(a != b for a, b in zip(arch, child, strict=True)) == 1
    assert SPACE.mutate(arch, np.random.default_rng(seed)) == child


def test_mutation_reaches_all_neighbors_equally():
    rng, arch = np.random.default_rng(0), SPACE.parse(SMALL)
    near = SPACE.neighbors(arch)
    draws = [SPACE.mutate(arch, rng) for _ in range(200 * len(near))]
    counts = np.array([draws.count(other) for other in near])
    assert len(near) == 10  # six arcs and two operations for each of two vertices
    # Chi-square with 9 degrees of freedom: 27.9 is its 99.9 % point.
    assert ((counts - 200) ** 2 / 200).sum() < 27.9


def test_mutations_can_grow_a_cell():
    # One arc from input to output; the vertices between hang loose.
    arch, rng = SPACE.parse(text_of(np.eye(7, k=6), [0, *[1] * 5, 4])), np.random.default_rng(0)
    walk = [arch]
    for _ in range(300):
        walk.append(SPACE.mutate(walk[-1], rng))
    sizes = (SPACE.prune(np.array(walk))[:, 21:] != -1).sum(axis=1)
    assert sizes[0] == 2
    assert sizes.max() >= 6


@given(seeds)
def test_canonical_is_the_published_hash(seed):
    arch = random_arch(np.random.default_rng(seed))
    assert SPACE.canonical(arch) == published_hash(arch)


def test_canonical_many_equals_one_by_one():
    rng = np.random.default_rng(0)
    archs = [random_arch(rng) for _ in range(50)]
    assert SPACE.canonical_many(np.array(archs)) == [published_hash(arch) for arch in archs]
    assert SPACE.canonical_many(SPACE.sample(rng, 0)) == []


@pytest.mark.parametrize(("v", "classes"), [(2, 1), (3, 6), (4, 84), (5, 2_441)])
def test_number_of_different_cells(v, classes):
    # With 62,010 of six and 359,082 of seven vertices these are the 423,624 of the paper.
    upper = np.triu_indices(v, 1)
    texts, forms = [], set()
    for bits in itertools.product((0, 1), repeat=upper[0].size):
        matrix = np.zeros((v, v), dtype=bool)
        matrix[upper] = bits
        if reachable(matrix).size == v and matrix.sum() <= MAX_EDGES:
            for ops in itertools.product((1, 2, 3), repeat=v - 2):
                texts.append(text_of(matrix, (0, *ops, 4)))
                if v <= 4:
                    forms.add(min(_renumberings(matrix, ops)))
    hashes = SPACE.canonical_many(SPACE.parse_many(texts))
    assert len(set(hashes)) == classes
    assert v == 5 or len(forms) == classes


def _renumberings(matrix, ops):
    """Every description of a cell by another order of its inner vertices."""
    v = len(matrix)
    for order in itertools.permutations(range(1, v - 1)):
        index = np.array([0, *order, v - 1])
        yield tuple(ops[u - 1] for u in order), tuple(matrix[np.ix_(index, index)].ravel().tolist())


@given(seeds)
def test_pruning_keeps_the_cell(seed):
    arch = random_arch(np.random.default_rng(seed))
    pruned = SPACE.prune(np.array([arch], dtype=np.int16))
    cell, before = SPACE.graph(as_arch(pruned[0])), SPACE.graph(arch)
    live = reachable(before.adjacency)
    np.testing.assert_array_equal(cell.adjacency, before.adjacency[np.ix_(live, live)])
    assert cell.operations == tuple(before.operations[v] for v in live)
    assert pruned.dtype == np.int16
    np.testing.assert_array_equal(SPACE.prune(pruned), pruned)
    assert SPACE.canonical_many(pruned) == [SPACE.canonical(arch)]
