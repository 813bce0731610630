import numpy as np
import pytest

from predictors.encodings import encode, encoding_dim, encoding_names
from tasks.errors import InputError
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

SPACES = [NasBench201(), DagSpace("dag", ("in", "a", "b", "out"), 5)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_encoding_has_its_dimension_and_depends_on_the_row_only(space):
    codes = space.sample(np.random.default_rng(0), 20)
    assert encoding_names(space) == ("adjacency", "path")
    for name in encoding_names(space):
        features = encode(name, space, codes)
        assert features.shape == (20, encoding_dim(name, space))
        assert features.dtype == np.float64
        assert features.flags.c_contiguous
        assert set(np.unique(features)) == {0.0, 1.0}
        assert np.array_equal(encode(name, space, codes[::-1])[::-1], features)
        assert np.array_equal(encode(name, space, codes[3:4]), features[3:4])
        assert encode(name, space, codes[:0]).shape == (0, features.shape[1])


def test_unknown_encoding_names_the_space_and_what_there_is():
    with pytest.raises(InputError, match=r"'adjacenzy' for space nasbench201.*did you mean 'adjacency'"):
        encode("adjacenzy", SPACES[0], SPACES[0].all_codes()[:2])
    with pytest.raises(InputError, match="unknown encoding 'graph'"):
        encoding_dim("graph", SPACES[0])


@pytest.mark.parametrize("shape", [(6,), (2, 5), (2, 7), (2, 6, 1)])
def test_codes_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"nasbench201: codes have shape .* expected \(n, 6\)"):
        encode("path", SPACES[0], np.zeros(shape, dtype=np.int16))


@pytest.mark.parametrize("wrong", [-1, 5])
def test_codes_out_of_range_are_refused(wrong):
    codes = SPACES[0].all_codes()[:3].copy()
    codes[1, 2] = wrong
    with pytest.raises(InputError, match=rf"code {wrong} in row 1, column 2 is not in \[0, 4\]"):
        encode("adjacency", SPACES[0], codes)
    bits = SPACES[1].sample(np.random.default_rng(0), 2)
    bits[0, 0] = 2
    with pytest.raises(InputError, match=r"code 2 in row 0, column 0 is not in \[0, 1\]"):
        encode("adjacency", SPACES[1], bits)
