"""Spaces by name."""

import pytest

from tasks.errors import InputError
from tasks.spaces.registry import get_space, space_names


def test_every_registered_space_carries_its_name():
    assert "nasbench201" in space_names()
    assert [get_space(name).name for name in space_names()] == space_names()


def test_an_unknown_space_is_an_error_with_close_matches():
    with pytest.raises(InputError, match="unknown search space 'nasbench-201'; did you mean 'nasbench201'"):
        get_space("nasbench-201")
