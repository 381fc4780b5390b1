"""Declaration: what a person said of where they live and work; and the draft of one not yet sent."""

import json
from typing import Any

from django.db import models

from citybrain.core import clock, crypto
from citybrain.core.models import Area, Organisation, Person, User
from healthcode.models.evidence import Evidence


class Declaration(models.Model):
    """One sent declaration. Symptoms, trips, stays and contacts are evidence; this keeps the rest of the form."""

    append_only = True

    person = models.ForeignKey(Person, models.PROTECT, related_name="declarations")
    # The evidence of kind declaration that was recorded with it.
    evidence = models.OneToOneField(Evidence, models.PROTECT, related_name="+")
    # Grid of the building, or the community where the register does not have the building.
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    address = models.CharField(max_length=200)
    # The key of the building in the address register, none where it does not have it.
    building = models.BigIntegerField(null=True)
    # Employer or school: in words, and the row where it is one that is known.
    work = models.CharField(max_length=120, blank=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    declared_at = models.DateTimeField()

    class Meta:
        """Read by person, newest first."""

        default_permissions = ()
        indexes = (models.Index(fields=["person", "-declared_at"], name="declaration_by_person"),)

    def __str__(self) -> str:
        return f"{self.pk}"


class DeclarationDraft(models.Model):
    """Answers given so far, sealed, until they are sent or a week has passed."""

    user = models.ForeignKey(User, models.CASCADE, related_name="declaration_drafts")
    # For whom: "" for the user, else the reference of a person, or a word of healthcode.whom for somebody new.
    whom = models.CharField(max_length=40, blank=True, default="", db_default="")
    cipher = models.BinaryField()
    changed_at = models.DateTimeField()

    class Meta:
        """One for each whom somebody declares for; purged by age."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["user", "whom"], name="declaration_draft_once"),)

    def __str__(self) -> str:
        return f"{self.user_id}"

    def answers(self) -> dict[str, Any]:
        """Return the answers by step."""
        opened: dict[str, Any] = json.loads(crypto.unseal("draft", bytes(self.cipher), owner=str(self.user_id)))
        return opened

    def keep(self, answers: dict[str, Any]) -> None:
        """Store the answers by step."""
        self.cipher = crypto.seal("draft", json.dumps(answers), owner=str(self.user_id))
        self.changed_at = clock.now()
        self.save()
