"""Guardianship: who may act for whom, shown by a proof, decided by a grid worker."""

import json
import uuid
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from citybrain.core import clock, crypto, names, scope
from citybrain.core.models import Area, Person, Photo, User


class GuardianshipQuerySet(scope.AreaScoped["Guardianship"]):
    """Reads of guardianships; the area is the one whose grid worker checks it."""

    def in_force(self) -> Self:
        """Keep those that hold today."""
        return self.filter(Q(until=None) | Q(until__gt=clock.today()), state=Guardianship.State.VERIFIED)

    def run_out(self) -> Self:
        """Keep those that were checked and must be confirmed anew, as the child has grown up."""
        return self.filter(state=Guardianship.State.VERIFIED, until__lte=clock.today())

    def waiting(self) -> Self:
        """Keep those that nobody has decided on."""
        return self.filter(state=Guardianship.State.WAITING)


class Guardianship(models.Model):
    """One account acts for one person; each person keeps a code of their own."""

    class Relation(models.TextChoices):
        """Of the person to whoever acts for them; the whole list."""

        CHILD = "child", pgettext_lazy("family", "my child")
        PARENT = "parent", pgettext_lazy("family", "my parent or grandparent")
        SPOUSE = "spouse", pgettext_lazy("family", "my husband or wife")
        WARD = "ward", pgettext_lazy("family", "somebody whose guardian I am")
        CARED_FOR = "cared_for", pgettext_lazy("family", "somebody who lives with me and needs help")

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", pgettext_lazy("family", "waits to be checked")
        VERIFIED = "verified", pgettext_lazy("family", "checked")
        REFUSED = "refused", pgettext_lazy("family", "refused")
        ENDED = "ended", pgettext_lazy("family", "ended")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    guardian = models.ForeignKey(User, models.PROTECT, related_name="guardianships")
    # None until it is checked: before that nobody has even looked whether the district knows the person.
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="guardianships")
    # Where the person lives, as far as the system knows or the guardian said: the grid that checks it.
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    # The name as the guardian wrote it: before the check, all that is shown.
    named = models.CharField(max_length=60)
    # What else the guardian said of a person to be entered (healthcode.answers), sealed; empty once it is decided.
    said_cipher = models.BinaryField(default=bytes)
    relation = models.CharField(max_length=10, choices=Relation)
    # What shows it: a page of the household book, a birth certificate, a court's paper.
    proof = models.ForeignKey(Photo, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    # The user's id.
    decided_by = models.BigIntegerField(null=True)
    note = models.CharField(max_length=300, blank=True)
    # The first day on which it no longer holds by itself: a child grows up. None: it holds until somebody ends it.
    until = models.DateField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The user's id: the guardian, or the person themself.
    ended_by = models.BigIntegerField(null=True)

    objects = GuardianshipQuerySet.as_manager()

    class Meta:
        """Once per account and person."""

        default_permissions = ()
        ordering = ("asked_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["guardian", "person"],
                condition=Q(state__in=["waiting", "verified"]),
                name="guardianship_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"

    @property
    def is_in_force(self) -> bool:
        """Whether it holds today."""
        return self.state == self.State.VERIFIED and not self.has_run_out

    @property
    def person_in_force(self) -> Person:
        """The person; call it on one that is in force only."""
        if self.person is None or not self.is_in_force:
            raise TypeError
        return self.person

    @property
    def has_run_out(self) -> bool:
        """Whether the child has grown up since it was checked."""
        return self.state == self.State.VERIFIED and self.until is not None and self.until <= clock.today()

    @property
    def masked_name(self) -> str:
        """The name with all but its first character hidden: as it is on record, before the check as it was written."""
        return self.person.masked_name if self.person else names.mask(self.named)

    def said(self) -> dict[str, Any]:
        """Return what the guardian said of the person; empty once it is decided."""
        if not self.said_cipher:
            return {}
        opened: dict[str, Any] = json.loads(crypto.unseal("family", bytes(self.said_cipher), owner=str(self.ref)))
        return opened

    def keep_said(self, said: dict[str, Any]) -> None:
        """Seal what the guardian said; saving is the caller's."""
        self.said_cipher = crypto.seal("family", json.dumps(said), owner=str(self.ref))
