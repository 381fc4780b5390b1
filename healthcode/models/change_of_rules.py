"""A change of rules or of the risk areas: tried out, proposed by one person, put in force by another, carried out."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from healthcode.models.hold import UNIT_LENGTH
from healthcode.models.rule_set import RuleActivation, RuleSet


class RiskList(models.Model):
    """A version of the list of risk areas: who entered it, and from what."""

    append_only = True

    version = models.PositiveIntegerField(primary_key=True)
    # Who published it and when, as the list says it.
    title = models.CharField(max_length=200)
    places = models.PositiveIntegerField()
    # The user's id; none for the command line.
    made_by = models.BigIntegerField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        """Newest first."""

        default_permissions = ()
        ordering = ("-version",)

    def __str__(self) -> str:
        return f"{self.version}"


class Trial(models.Model):
    """A dry run: what rules and a list of risk areas would change for the real residents. Changes nothing."""

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", pgettext_lazy("dry run", "waiting")
        RUNNING = "running", pgettext_lazy("dry run", "running")
        DONE = "done", pgettext_lazy("dry run", "done")
        FAILED = "failed", pgettext_lazy("dry run", "failed")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="trials")
    risk_list = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_by = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField()
    # The instant that it judges at.
    judged_at = models.DateTimeField()
    persons = models.PositiveIntegerField(default=0)
    judged = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    # {"changes": {"green>yellow": 3}, "streets": {area id: {change: n}}, "ages": {"18-59": {…}}, "rules": {rule: n}}
    tallies = models.JSONField(default=dict)
    # Some of those whose code would change: [{person, before, after, reasons}], masked when shown.
    sample = models.JSONField(default=list)

    class Meta:
        """Newest first."""

        default_permissions = ()
        ordering = ("-asked_at", "-id")

    def __str__(self) -> str:
        return f"{self.ref}"


class RuleProposal(models.Model):
    """Rules and a list of risk areas that somebody wants in force; another person of another unit decides."""

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", pgettext_lazy("proposal", "waits for a second person")
        APPROVED = "approved", pgettext_lazy("proposal", "approved")
        REFUSED = "refused", pgettext_lazy("proposal", "refused")
        TAKEN_BACK = "taken_back", pgettext_lazy("proposal", "taken back")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    trial = models.ForeignKey(Trial, models.PROTECT, related_name="proposals")
    # From when they shall hold; at once when that is past or not said.
    starts_at = models.DateTimeField(null=True)
    # What the public page says of it.
    announcement_zh = models.CharField(max_length=500)
    announcement_en = models.CharField(max_length=500)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    proposed_by = models.BigIntegerField()
    proposed_under = models.CharField(max_length=UNIT_LENGTH)
    proposed_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_under = models.CharField(max_length=UNIT_LENGTH, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    activation = models.OneToOneField(RuleActivation, models.PROTECT, null=True, related_name="proposal")

    class Meta:
        """Decided by somebody else, of another unit."""

        default_permissions = ()
        ordering = ("-proposed_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "refused"]) | ~Q(decided_by=F("proposed_by")),
                name="rules_are_decided_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | (Q(activation__isnull=False) & ~Q(decided_under=F("proposed_under"))),
                name="rules_are_approved_by_another_unit",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"


class Round(models.Model):
    """A re-evaluation of everybody of whom something is known, in chunks that workers claim."""

    class Because(models.TextChoices):
        """What gave the occasion."""

        RULES = "rules", _("rules or risk areas came in force")
        RULE_DATES = "rule_dates", _("a rule began or ended by its own dates")
        COMMAND = "command", _("asked for on the command line")

    because = models.CharField(max_length=12, choices=Because)
    activation = models.ForeignKey(RuleActivation, models.PROTECT, null=True, related_name="rounds")
    # Nobody is judged for it before this instant; who was judged since needs it no more.
    at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Once per activation."""

        default_permissions = ()
        ordering = ("at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["activation"], condition=Q(because="rules"), name="round_once_per_activation"
            ),
        )

    def __str__(self) -> str:
        return f"{self.because} {self.at}"


class RoundChunk(models.Model):
    """A stretch of person ids of a round; done when `done_at` is set."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="chunks")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    changed = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Claimed in order."""

        default_permissions = ()
        indexes = (models.Index(fields=["round", "first"], condition=Q(done_at=None), name="chunk_to_do"),)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"
