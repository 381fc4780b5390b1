"""CodeState: what a person's code says, and every change of it."""

import datetime as dt

from django.db import models
from django.db.models import Func
from django.utils.translation import pgettext_lazy

from citybrain.core.models import Person
from citybrain.core.models.fields import XidField
from healthcode.models.rule_set import RuleSet


class State(models.TextChoices):
    """What a code can say; neither not known nor expired is green."""

    GREEN = "green", pgettext_lazy("health code", "green")
    YELLOW = "yellow", pgettext_lazy("health code", "yellow")
    RED = "red", pgettext_lazy("health code", "red")
    NOT_KNOWN = "not_known", pgettext_lazy("health code", "not declared")
    EXPIRED = "expired", pgettext_lazy("health code", "expired")


class CodeState(models.Model):
    """The last verdict on a person. Written by the evaluator alone; no row means not known."""

    person = models.OneToOneField(Person, models.PROTECT, primary_key=True, related_name="code_state")
    state = models.CharField(max_length=10, choices=State)
    since = models.DateTimeField()
    # From here on the verdict no longer holds by itself; none when only new evidence can change it.
    valid_until = models.DateTimeField(null=True)
    reasons = models.PositiveSmallIntegerField(default=0)
    # The database need not check it for each of a city's rows: nobody may delete a rule set.
    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    evaluated_at = models.DateTimeField()

    class Meta:
        """The sweep reads what has run out, and once a day whoever has reasons."""

        default_permissions = ()
        indexes = (
            models.Index(
                fields=["valid_until"], condition=models.Q(valid_until__isnull=False), name="code_state_runs_out"
            ),
            models.Index(fields=["person"], condition=models.Q(reasons__gt=0), name="code_state_with_reasons"),
        )

    def __str__(self) -> str:
        return self.state

    def at(self, moment: dt.datetime) -> State:
        """Return what the code says at an instant: expired by itself past `valid_until`."""
        if self.valid_until is not None and self.valid_until <= moment:
            return State.EXPIRED
        return State(self.state)


class CodeChange(models.Model):
    """A code that went from one state to another. Written by the evaluator alone."""

    append_only = True

    # Neither key is checked by the database: the evaluator has locked the person, and nobody may delete a rule set.
    person = models.ForeignKey(Person, models.PROTECT, related_name="code_changes", db_index=False, db_constraint=False)
    before = models.CharField(max_length=10, choices=State)
    after = models.CharField(max_length=10, choices=State)
    at = models.DateTimeField()
    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    # The transaction that wrote it: what a figure did not see yet is told by it, exactly.
    xid = XidField(db_default=Func(function="pg_current_xact_id"))

    class Meta:
        """Read by person, newest first; by transaction for lists as of a moment; by time for what a day has changed."""

        default_permissions = ()
        indexes = (
            models.Index(fields=["person", "-at"], name="code_change_by_person"),
            models.Index(fields=["xid"], name="code_change_by_xid"),
            models.Index(fields=["at"], name="code_change_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
