import numpy as np
import pytest

from predictors.encodings.sequence import cell_sequences, decode_sequences
from tasks.errors import InputError
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201

NB201, NB101 = NasBench201(), NasBench101()
DAG = DagSpace("dag", ("in", "conv", "pool", "out"), 5)


def test_dimensions():
    rng = np.random.default_rng(0)
    for space, length, vocabulary in ((NB201, 35, 9), (NB101, 27, 7)):
        sequences = cell_sequences(space, space.sample(rng, 200))
        assert sequences.tokens.shape == (200, length)
        assert sequences.vocabulary == vocabulary
        assert sequences.tokens.min() >= 0
        assert sequences.tokens.max() == vocabulary - 1


def test_sequence_of_one_cell_by_hand():
    codes = np.array([[4, 0, 1, 2, 3, 3]])
    # Per vertex 1..7 of the line graph: arcs from earlier vertices (1 no, 2 yes), then operation + 3.
    by_hand = [
        [2, 7],
        [2, 1, 3],
        [1, 2, 1, 4],
        [2, 1, 1, 1, 5],
        [1, 2, 1, 1, 1, 6],
        [1, 1, 2, 2, 1, 1, 6],
        [1, 1, 1, 1, 2, 2, 2, 8],
    ]
    assert cell_sequences(NB201, codes).tokens[0].tolist() == [
        token for vertex in by_hand for token in vertex
    ]


def test_absent_vertices_are_padding():
    code = DAG.parse('{"adjacency": [[0,1,1],[0,0,1],[0,0,0]], "ops": ["in","pool","out"]}')
    tokens = cell_sequences(DAG, np.array([code])).tokens[0].tolist()
    assert tokens[:2] == [2, 4]
    assert tokens[2:9] == [0] * 7
    assert tokens[9:] == [2, 2, 0, 0, 5]


@pytest.mark.parametrize("space", [NB201, NB101, DAG], ids=lambda space: space.name)
def test_sequences_decode_to_the_same_cells(space):
    codes = space.sample(np.random.default_rng(3), 300)
    if space is DAG:
        codes = np.concatenate([codes, [DAG.parse('{"adjacency": [[0,1],[0,0]], "ops": ["in","out"]}')]])
    assert np.array_equal(decode_sequences(space, cell_sequences(space, codes).tokens), codes)


@pytest.mark.parametrize("space", [NB201, NB101, DAG], ids=lambda space: space.name)
def test_possible_tokens_are_those_that_occur(space):
    codes = space.sample(np.random.default_rng(6), 2000)
    if space is DAG:
        smaller = ['{"adjacency": [[0,1],[0,0]], "ops": ["in","out"]}']
        codes = np.concatenate([codes, [DAG.parse(text) for text in smaller]])
    sequences = cell_sequences(space, codes)
    occurs = np.zeros_like(sequences.possible)
    occurs[np.arange(occurs.shape[0]), sequences.tokens] = True
    assert not np.any(occurs & ~sequences.possible)
    if space is NB201:
        assert np.array_equal(occurs, sequences.possible)
        assert occurs.sum() == 29 + 6 * 5


def test_sequences_change_when_the_wiring_changes():
    codes = NB101.sample(np.random.default_rng(4), 20)
    for row in codes:
        near = NB101.neighbors(tuple(row.tolist()))
        tokens = cell_sequences(NB101, np.array([row, *near])).tokens
        assert len(np.unique(tokens, axis=0)) == len(near) + 1


def test_tokens_that_stand_for_no_cell_are_refused():
    tokens = cell_sequences(NB101, NB101.sample(np.random.default_rng(5), 3)).tokens
    with pytest.raises(InputError, match="shape"):
        decode_sequences(NB101, tokens[:, :-1])
    tokens[1, 0] = 5
    with pytest.raises(InputError, match="token sequence 1 stands for no cell"):
        decode_sequences(NB101, tokens)
    fixed = cell_sequences(NB201, NB201.sample(np.random.default_rng(5), 3)).tokens
    fixed[2, 0] = 1
    with pytest.raises(InputError, match="token sequence 2 stands for no cell"):
        decode_sequences(NB201, fixed)
