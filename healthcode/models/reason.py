"""Reason: why a person has a colour."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import pgettext_lazy

from citybrain.core.models import Person
from healthcode.engine import ways_out


class Colour(models.TextChoices):
    """What a reason can make of a person."""

    YELLOW = "yellow", pgettext_lazy("health code", "yellow")
    RED = "red", pgettext_lazy("health code", "red")


class Reason(models.Model):
    """A rule that holds or held for a person. Written by the evaluator alone."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="reasons", db_index=False)
    rule = models.CharField(max_length=40)
    colour = models.CharField(max_length=10, choices=Colour)
    # From when it counts.
    since = models.DateTimeField()
    # The earliest instant at which it can end as things stand; none when that hangs on somebody else's act.
    until = models.DateTimeField(null=True)
    # The rule's way out, as its data say it.
    closes_when = models.JSONField()
    # How far its way out has come, as the engine counts it: {"check_ins": 3, "of": 7}; {} where nothing is counted.
    progress = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    evidence = ArrayField(models.BigIntegerField())
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        """One open reason per person, rule and colour."""

        default_permissions = ()
        indexes = (models.Index(fields=["person", "opened_at"], name="reason_by_person"),)
        constraints = (
            models.UniqueConstraint(
                fields=["person", "rule", "colour"], condition=models.Q(closed_at=None), name="reason_open_once"
            ),
            models.CheckConstraint(condition=models.Q(evidence__len__gt=0), name="reason_has_evidence"),
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.colour}"

    @property
    def counts_check_ins(self) -> bool:
        """Whether it ends with daily check-ins."""
        ways = ways_out({"closes_when": self.closes_when})
        return any("check_ins" in closer for way in ways for closer in way)
