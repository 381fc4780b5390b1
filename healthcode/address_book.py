"""The register of addresses, as far as a declaration asks it. Which one it is, settings.ADDRESS_BOOK says."""

from collections.abc import Sequence
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Place(Protocol):
    """A building of the register."""

    @property
    def area_id(self) -> int:
        """The grid that it lies in."""

    @property
    def community_id(self) -> int:
        """The community that its estate belongs to."""

    @property
    def text(self) -> str:
        """Estate and building as an address begins with them."""


class AddressBook(Protocol):
    """What the register must answer; keys are its own, and stay the same."""

    def estates(self, community_id: int) -> Sequence[tuple[int, str]]:
        """Return key and name of the estates of a community that have buildings, in the order to be shown."""

    def buildings(self, estate_key: int) -> Sequence[tuple[int, str]]:
        """Return key and name of the buildings of an estate, in the order to be shown."""

    def building(self, key: int) -> Place | None:
        """Return a building, None when there is none with this key."""


def address_book() -> AddressBook:
    """Return the register that this installation uses."""
    book: AddressBook = import_string(settings.ADDRESS_BOOK)()
    return book
