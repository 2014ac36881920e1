"""What strategies import from one place: their interface, and the tools of parameters that lie below it."""

import pytest

from mm.quoting import about
from mm.strategies import base


@pytest.mark.parametrize("name", [name for name in base.__all__ if hasattr(about, name)])
def test_the_tools_of_parameters_are_at_hand(name: str) -> None:
    """A strategy's file needs no second import for them, and they are the same ones."""
    assert getattr(base, name) is getattr(about, name)
