"""What the tests of the health code share."""

import pytest
from django.test import Client

from tests.codes import adopt
from tests.declarations import NEW_PHONE, account
from tests.people import District, browse


@pytest.fixture
def rules(db: None) -> None:
    """Put the shipped rules in force."""
    adopt()


@pytest.fixture
def newcomer(district: District) -> Client:
    """A browser signed in by a phone that nobody has declared with."""
    return browse(account(NEW_PHONE), purpose="")
