import numpy as np

from predictors.encodings import encode, encoding_dim
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

NB201 = NasBench201()
LIKE_NB101 = DagSpace("like101", ("in", "conv3x3", "conv1x1", "maxpool", "out"), 7)


def test_nasbench201_has_one_block_of_five_per_edge():
    text = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    features = encode("adjacency", NB201, NB201.parse_many([text]))
    assert features.shape == (1, 30) == (1, encoding_dim("adjacency", NB201))
    # Operations in the official order: none, skip, 1x1, 3x3, pool; edges in the order of the text.
    assert np.flatnonzero(features[0]).tolist() == [3, 5 + 2, 10 + 3, 15 + 1, 20 + 0, 25 + 4]


def test_nasbench201_is_injective_over_all_cells():
    features = encode("adjacency", NB201, NB201.all_codes())
    assert features.dtype == np.float64
    assert np.all(features.sum(axis=1) == 6)
    assert len(np.unique(features, axis=0)) == 5**6


def test_vertex_layout_like_nasbench101_has_36_features():
    adjacency = np.zeros((5, 5), dtype=bool)
    adjacency[[0, 0, 1, 2, 3], [1, 2, 3, 3, 4]] = True
    codes = LIKE_NB101.pack(adjacency[None], np.array([[0, 2, 1, 3, 4]]))
    features = encode("adjacency", LIKE_NB101, codes)[0]
    assert features.shape == (36,) == (encoding_dim("adjacency", LIKE_NB101),)
    wide = np.zeros((7, 7))
    wide[[0, 0, 1, 2, 3], [1, 2, 3, 3, 6]] = 1
    assert np.array_equal(features[:21], wide[np.triu_indices(7, 1)])
    blocks = features[21:].reshape(5, 3)
    assert np.array_equal(blocks, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])


def test_cell_without_inner_vertices():
    space = DagSpace("tiny", ("in", "out"), 2)
    codes = space.sample(np.random.default_rng(0), 3)
    assert np.array_equal(encode("adjacency", space, codes), np.ones((3, 1)))
    assert np.array_equal(encode("path", space, codes), np.ones((3, 1)))
