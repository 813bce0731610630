"""What tests of benchmark builds share."""

import numpy as np


def same_numbers(one, other):
    """Assert that two built tables agree in everything but times, which are measured anew."""
    for name in ("codes", "canonical_ids", "val_acc", "test_acc", "params", "flops"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.curves.keys() == other.curves.keys()
    for name, curve in one.curves.items():
        np.testing.assert_array_equal(curve, other.curves[name], err_msg=name)
