"""Appeal: somebody contests their code or a reason of it; its papers and its timeline."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import crypto, scope
from citybrain.core.models import Area, Person, Photo
from healthcode.models.code import State as CodeSays


class AppealQuerySet(scope.AreaScoped["Appeal"]):
    """Reads of appeals."""


class Appeal(models.Model):
    """One case: made in any colour, decided by a human being, for red by two."""

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", pgettext_lazy("appeal", "received")
        TAKEN = "taken", pgettext_lazy("appeal", "being looked into")
        PROPOSED = "proposed", pgettext_lazy("appeal", "waits for a second person")
        # Decided; the evidence waits as it would improve many people at once.
        HELD = "held", pgettext_lazy("appeal", "decided, waits to be let in")
        DECIDED = "decided", pgettext_lazy("appeal", "decided")
        TAKEN_BACK = "taken_back", pgettext_lazy("appeal", "taken back")

    class Outcome(models.TextChoices):
        """How it was decided."""

        GRANTED = "granted", pgettext_lazy("appeal", "granted")
        GRANTED_IN_PART = "granted_in_part", pgettext_lazy("appeal", "granted in part")
        REJECTED = "rejected", pgettext_lazy("appeal", "rejected")

    class About(models.TextChoices):
        """What is contested; the whole list."""

        REASON = "reason", _("a reason is wrong: this did not happen, or is not about me")
        ENDED = "ended", _("a reason should have ended")
        COLOUR = "colour", _("the code should say something else")
        MACHINE = "machine", _("I want a human being to review what the rules decided")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # What people quote on the phone: year, month, day, and a count of that day ("20261122-0007").
    number = models.CharField(max_length=20, unique=True)
    person = models.ForeignKey(Person, models.PROTECT, related_name="appeals")
    # Of the person's address when it was made: whose case it is.
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    # The user's id: the person, or somebody who acts for them.
    made_by = models.BigIntegerField()
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    about = models.CharField(max_length=10, choices=About)
    # The rule of the contested reason ("" for the code as a whole), and the evidence behind it at that time.
    rule = models.CharField(max_length=40, blank=True)
    contested = ArrayField(models.BigIntegerField(), default=list)
    # What the code said then.
    code_said = models.CharField(max_length=10, choices=CodeSays)
    # What the person says, sealed.
    text_cipher = models.BinaryField()
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    handler = models.BigIntegerField(null=True)
    # The first person's proposal; for red a second one makes it a decision.
    proposed_outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    proposed_by = models.BigIntegerField(null=True)
    # Why, for the person to read, sealed.
    answer_cipher = models.BinaryField(default=bytes)
    # The contested evidence that the decision withdraws.
    withdraws = ArrayField(models.BigIntegerField(), default=list)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    objects = AppealQuerySet.as_manager()

    class Meta:
        """One open case per person and reason; red is never decided by one person alone."""

        default_permissions = ()
        ordering = ("due_at", "id")
        indexes = (
            models.Index(fields=["area", "due_at", "id"], name="appeal_by_area"),
            models.Index(fields=["person", "-made_at"], name="appeal_by_person"),
            models.Index(fields=["made_at"], name="appeal_by_time"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["person", "rule"],
                condition=~Q(state__in=["decided", "taken_back"]),
                name="appeal_open_once",
            ),
            models.CheckConstraint(
                condition=(Q(state="decided") & Q(decided_at__isnull=False) & ~Q(outcome=""))
                | (~Q(state="decided") & Q(decided_at=None) & Q(outcome="")),
                name="appeal_is_decided_with_an_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(state="decided", code_said="red") | ~Q(decided_by=F("proposed_by")),
                name="appeal_on_red_is_decided_by_two",
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def is_closed(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in {Appeal.State.DECIDED, Appeal.State.TAKEN_BACK}

    def seal(self, text: str) -> bytes:
        """Return a text sealed for this case."""
        return crypto.seal("appeal", text, owner=str(self.ref))

    def read(self, cipher: bytes) -> str:
        """Return a sealed text of this case, "" for none."""
        return crypto.unseal("appeal", bytes(cipher), owner=str(self.ref)) if cipher else ""


class AppealPaper(models.Model):
    """A picture that the person added to show something."""

    append_only = True

    appeal = models.ForeignKey(Appeal, models.PROTECT, related_name="papers")
    photo = models.ForeignKey(Photo, models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        """Read by case."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.pk}"


class AppealStep(models.Model):
    """One step of a case, as its timeline shows it."""

    append_only = True

    class Did(models.TextChoices):
        """What happened."""

        MADE = "made", pgettext_lazy("appeal", "made")
        ADDED = "added", pgettext_lazy("appeal", "papers or words added")
        TAKEN = "taken", pgettext_lazy("appeal", "somebody looks into it")
        ASKED = "asked", pgettext_lazy("appeal", "a question to the person")
        PROPOSED = "proposed", pgettext_lazy("appeal", "a decision was proposed, a second person checks it")
        SENT_BACK = "sent_back", pgettext_lazy("appeal", "the second person did not agree")
        HELD = "held", pgettext_lazy("appeal", "decided, waits to be let in")
        DECIDED = "decided", pgettext_lazy("appeal", "decided")
        TAKEN_BACK = "taken_back", pgettext_lazy("appeal", "taken back by the person")

    appeal = models.ForeignKey(Appeal, models.PROTECT, related_name="steps")
    did = models.CharField(max_length=12, choices=Did)
    at = models.DateTimeField()
    # The user's id.
    by = models.BigIntegerField()
    # Words for the person to read, sealed.
    note_cipher = models.BinaryField(default=bytes)

    class Meta:
        """Read by case."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.did} {self.pk}"


class AppealNumber(models.Model):
    """The last number given on a day."""

    day = models.DateField(primary_key=True)
    last = models.PositiveIntegerField()

    class Meta:
        """One row a day."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day}: {self.last}"
