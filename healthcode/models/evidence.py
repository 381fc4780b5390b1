"""Evidence: a fact about a person, with the time it was true and the time it became known."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from citybrain.core.models import Person, Photo
from healthcode.kinds import Kind


class Evidence(models.Model):
    """Written once by `record_evidence`; nobody changes it, other evidence withdraws it, retention alone deletes it."""

    append_only = True

    class Source(models.TextChoices):
        """Where the fact comes from."""

        SELF = "self", _("the person")
        GUARDIAN = "guardian", _("someone acting for the person")
        GRID_WORKER = "grid_worker", _("grid worker")
        GATE = "gate", _("gate")
        CLINIC = "clinic", _("fever clinic or hospital")
        LABORATORY = "laboratory", _("laboratory")
        DISEASE_CONTROL = "disease_control", _("disease control")
        APPEAL = "appeal", _("decision on an appeal")
        RULES = "rules", _("the rules themselves")

    person = models.ForeignKey(Person, models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=30, choices=Kind)
    true_at = models.DateTimeField()
    # Never before the row was written: a replay to an earlier time must not see it.
    known_at = models.DateTimeField()
    source = models.CharField(max_length=30, choices=Source)
    # The user's id; none for a feed.
    author = models.BigIntegerField(null=True)
    # Under which role and where the author acted, or the key of the feed (see healthcode.models.hold).
    unit = models.CharField(max_length=80, blank=True, default="", db_default="")
    # A picture of the paper that it was taken from.
    document = models.ForeignKey(Photo, models.PROTECT, null=True, related_name="+")
    # What healthcode.kinds lays down for the kind.
    facts = models.JSONField(default=dict)
    withdraws = models.ForeignKey("self", models.PROTECT, null=True, related_name="withdrawn_by")

    class Meta:
        """Read by person."""

        default_permissions = ()
        indexes = (models.Index(fields=["person", "true_at"], name="evidence_by_person"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="evidence_kind_is_known"),
            models.CheckConstraint(
                condition=models.Q(known_at__gte=models.F("true_at")), name="evidence_is_known_after_it_is_true"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind=Kind.WITHDRAWAL) | models.Q(withdraws__isnull=False),
                name="evidence_withdrawal_names_what",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
