"""A gate, and someone with a green code."""

import pytest

from citybrain.core.models import Person
from tests.gates import Gate, make_gate, set_state
from tests.people import District


@pytest.fixture
def gate(district: District) -> Gate:
    """A place that admits green only, with an enrolled device."""
    return make_gate(district)


@pytest.fixture
def green(district: District) -> Person:
    """张三, whose code is green."""
    set_state(district.zhang, "green")
    return district.zhang
