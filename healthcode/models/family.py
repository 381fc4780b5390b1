"""Guardianship: who may act for whom, shown by a proof, decided by a grid worker."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from citybrain.core import scope
from citybrain.core.models import Person, Photo, User


class GuardianshipQuerySet(scope.AreaScoped["Guardianship"]):
    """Reads of guardianships; the area is that of whom somebody acts for."""

    area_field = "person__area_id"

    def in_force(self) -> Self:
        """Keep those that hold now."""
        return self.filter(state=Guardianship.State.VERIFIED)

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
    person = models.ForeignKey(Person, models.PROTECT, related_name="guardianships")
    relation = models.CharField(max_length=10, choices=Relation)
    # What shows it: a page of the household book, a birth certificate, a court's paper.
    proof = models.ForeignKey(Photo, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    # The user's id.
    decided_by = models.BigIntegerField(null=True)
    note = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)

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
