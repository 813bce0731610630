import numpy as np
import pytest

from predictors.encodings.graph import ABSENT, cell_graphs, global_node_graphs
from tasks.errors import InputError
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201

NB201, NB101 = NasBench201(), NasBench101()
DAG = DagSpace("dag", ("in", "conv", "pool", "out"), 6)


def arcs(adjacency):
    return {(int(i), int(j)) for i, j in np.argwhere(adjacency)}


def test_dimensions():
    rng = np.random.default_rng(0)
    for space, cell, wide in ((NB201, (8, 7), (9, 8)), (NB101, (7, 5), (8, 6))):
        codes = space.sample(rng, 3)
        for graphs, (v, classes) in (
            (cell_graphs(space, codes), cell),
            (global_node_graphs(space, codes), wide),
        ):
            assert graphs.adjacency.shape == (3, v, v)
            assert graphs.features.shape == (3, v, classes)
            assert graphs.mask.shape == (3, v)


def test_edges_become_vertices():
    codes = NB201.sample(np.random.default_rng(1), 5)
    graphs = cell_graphs(NB201, codes)
    wiring = {(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)}
    for row in range(5):
        assert arcs(graphs.adjacency[row]) == wiring
        assert graphs.labels[row].tolist() == [0, *(codes[row] + 1).tolist(), 6]
    assert np.all(graphs.features.sum(axis=2) == 1)


@pytest.mark.parametrize("space", [NB201, NB101, DAG], ids=lambda space: space.name)
def test_agrees_with_the_graph_of_the_space(space):
    """Vertex by vertex, up to the place of the vertices that smaller cells do not have."""
    codes = space.sample(np.random.default_rng(2), 40)
    graphs = cell_graphs(space, codes)
    names = ("in", *space.layout.operations, "out") if space is NB201 else space.layout.operations
    for row, code in enumerate(codes):
        cell = space.graph(tuple(code.tolist()))
        there = graphs.mask[row]
        assert np.array_equal(graphs.adjacency[row][np.ix_(there, there)], cell.adjacency)
        labels = [names[label] for label in graphs.labels[row][there]]
        assert labels[1:-1] == list(cell.operations[1:-1])


def test_absent_vertices_have_no_feature_and_no_arc():
    code = DAG.parse('{"adjacency": [[0,1,1],[0,0,1],[0,0,0]], "ops": ["in","pool","out"]}')
    graphs = cell_graphs(DAG, np.array([code]))
    assert graphs.labels[0].tolist() == [0, 2, ABSENT, ABSENT, ABSENT, 3]
    assert graphs.mask[0].tolist() == [True, True, False, False, False, True]
    assert np.all(graphs.features[0, 2:5] == 0)
    assert arcs(graphs.adjacency[0]) == {(0, 1), (0, 5), (1, 5)}


def test_global_node_hears_every_vertex_that_is_there():
    code = DAG.parse('{"adjacency": [[0,1,1],[0,0,1],[0,0,0]], "ops": ["in","pool","out"]}')
    graphs = global_node_graphs(DAG, np.array([code]))
    loops = {(0, 0), (1, 1), (5, 5), (6, 6)}
    assert arcs(graphs.adjacency[0]) == {(0, 1), (0, 5), (1, 5), (0, 6), (1, 6), (5, 6)} | loops
    assert graphs.labels[0, -1] == graphs.classes - 1 == 4


def test_wrong_codes_are_refused():
    for encode in (cell_graphs, global_node_graphs):
        with pytest.raises(InputError, match="code 5 in row 1, column 2"):
            encode(NB201, np.array([[0] * 6, [0, 0, 5, 0, 0, 0]]))
