"""Declaration: what was said of where a person lives and works; and the draft of one not yet sent."""

import json
from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

from citybrain.core import clock, crypto
from citybrain.core.models import Area, Organisation, Person, User
from healthcode.models.evidence import Evidence


class NoDocument(models.TextChoices):
    """Why somebody has no identity document to show; the whole list."""

    CHILD = "child", pgettext_lazy("no document", "a child that has none yet")
    LOST = "lost", pgettext_lazy("no document", "lost, or not at hand")
    UNKNOWN = "unknown", pgettext_lazy("no document", "cannot say who they are")


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
    # Where the household is registered (户籍地): a code of GB/T 2260, "none" where it is nowhere in the mainland, ""
    # where it was not asked; and city or county in words.
    household_code = models.CharField(max_length=6, blank=True, default="", db_default="")
    household_place = models.CharField(max_length=60, blank=True, default="", db_default="")
    # Why somebody declared for without a document has none; and how old they seem where nobody knows the birth date.
    no_document = models.CharField(max_length=10, choices=NoDocument, blank=True, default="", db_default="")
    age_guessed = models.PositiveSmallIntegerField(null=True)
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
    # The proof of relation of somebody new in the family, sealed, until it is sent.
    picture = models.BinaryField(null=True)
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
