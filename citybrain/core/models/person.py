"""Person: a human being known to the district, with documents and phones."""

import logging
import uuid
from typing import Self

from cryptography.exceptions import InvalidTag
from django.db import models
from django.db.models import Func
from django.utils.translation import gettext_lazy as _

from citybrain.core import clock, crypto, documents, names, scope
from citybrain.core.models.area import Area
from citybrain.core.models.fields import XidField

log = logging.getLogger(__name__)


class PersonQuerySet(scope.AreaScoped["Person"]):
    """Reads of persons; a page starts from `visible_to(user, act)`."""

    def holding(self, document_number: str) -> Self:
        """Keep whoever holds a document with exactly this number, of any type."""
        tags = [
            tag for kind in documents.Type for tag in crypto.blind_indexes(kind, documents.normalise(document_number))
        ]
        return self.filter(documents__number_index__in=tags)


class Person(models.Model):
    """Found by document, never by phone; people without documents are persons too.

    `area` is the grid (or, where that is not known, the community) of the present address.
    """

    class Sex(models.TextChoices):
        """GB/T 2261.1."""

        UNKNOWN = "0", _("unknown")
        MALE = "1", _("male")
        FEMALE = "2", _("female")
        UNSPECIFIED = "9", _("not specified")

    # What URLs carry; the primary key never leaves the house.
    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=60)
    name_sort = models.CharField(max_length=120, editable=False)
    sex = models.CharField(max_length=1, choices=Sex, default=Sex.UNKNOWN)
    born_on = models.DateField(null=True, blank=True)
    area = models.ForeignKey(Area, models.PROTECT, related_name="persons")
    address = models.CharField(max_length=200, blank=True)
    # The transaction that entered the person: a list as of a moment leaves out who came later.
    entered_in = XidField(db_default=Func(function="pg_current_xact_id"))

    objects = PersonQuerySet.as_manager()

    class Meta:
        """Lists run along (name_sort, id) inside the visible areas."""

        default_permissions = ()
        ordering = ("name_sort", "id")
        indexes = (
            models.Index(fields=["name_sort", "id"], name="person_by_name"),
            models.Index(fields=["area", "name_sort", "id"], name="person_by_area_name"),
        )

    def __str__(self) -> str:
        return self.masked_name

    @property
    def masked_name(self) -> str:
        """The name with all but its first character hidden."""
        return names.mask(self.name)

    @property
    def age(self) -> int | None:
        """Full years today, None when the birth date is not known."""
        if self.born_on is None:
            return None
        today = clock.today()
        return today.year - self.born_on.year - ((today.month, today.day) < (self.born_on.month, self.born_on.day))


class Document(models.Model):
    """An identity document; the number is readable only by `reveal()`, which the caller records."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="documents")
    type = models.CharField(max_length=20, choices=documents.Type)
    number_cipher = models.BinaryField()
    number_index = models.BinaryField(max_length=33)
    # Set by an ID check at a gate or desk.
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A number of one type belongs to one person."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["number_index"], name="document_number_unique"),)

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    @classmethod
    def of(cls, person: Person, kind: str, number: str) -> "Document":
        """Return an unsaved document with the number sealed and indexed."""
        plain = documents.normalise(number)
        return cls(
            person=person,
            type=kind,
            number_cipher=crypto.seal("document", plain, owner=str(person.ref)),
            number_index=crypto.blind_index(kind, plain),
        )

    def reveal(self) -> str:
        """Return the number in the clear; an act that the caller puts on record."""
        return _open("document", self)


class Phone(models.Model):
    """A phone number of a person; families share one, so it identifies nobody."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="phones")
    number_cipher = models.BinaryField()
    number_index = models.BinaryField(max_length=33, db_index=True)
    last_four = models.CharField(max_length=4, db_index=True)

    class Meta:
        """Once per person."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["person", "number_index"], name="phone_once_a_person"),)

    def __str__(self) -> str:
        return f"…{self.last_four}"

    @classmethod
    def of(cls, person: Person, number: str) -> "Phone":
        """Return an unsaved phone with the number sealed and indexed."""
        plain = documents.normalise_phone(number)
        return cls(
            person=person,
            number_cipher=crypto.seal("phone", plain, owner=str(person.ref)),
            number_index=crypto.blind_index("phone", plain),
            last_four=plain[-4:],
        )

    def reveal(self) -> str:
        """Return the number in the clear; an act that the caller puts on record."""
        return _open("phone", self)


def _open(kind: str, row: Document | Phone) -> str:
    try:
        return crypto.unseal(kind, bytes(row.number_cipher), owner=str(row.person.ref))
    except InvalidTag:
        problem = "%s %s of person %s does not open: it was changed, or moved from another person"
        log.error(problem, kind, row.pk, row.person_id)  # noqa: TRY400 (the trace tells nothing more)
        raise
