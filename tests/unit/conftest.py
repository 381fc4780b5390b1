"""Unit tests touch neither network nor database."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server", "district"}


@pytest.fixture(autouse=True)
def _no_network_and_no_database(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("django_db") or DATABASE_FIXTURES & set(request.fixturenames):
        pytest.fail("a test that needs the database belongs into tests/integration")
    disable_socket()
    yield
    enable_socket()
