"""Integration tests talk to this machine only."""

from collections.abc import Iterator

import pytest
from pytest_socket import _remove_restrictions, socket_allow_hosts

from tests.people import District, make_district


@pytest.fixture(autouse=True)
def _this_machine_only() -> Iterator[None]:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    yield
    _remove_restrictions()


@pytest.fixture
def district(db: None) -> District:
    """A small district with a person for every role."""
    return make_district()
