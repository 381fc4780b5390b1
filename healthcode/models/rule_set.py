"""Rule sets and when they were in force."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class RuleSet(models.Model):
    """A version of the rules as data (see healthcode/rules/*.json); never changed, a change is another version."""

    append_only = True

    name = models.CharField(max_length=60)
    version = models.CharField(max_length=30)
    body = models.JSONField()
    # SHA-256 of the body in canonical form, in hex.
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        """A version once."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["name", "version"], name="rule_set_version_once"),)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class RuleActivation(models.Model):
    """From `valid_from` on these rules hold with this list of risk areas, until the next activation.

    A rollback is the activation of an older version.
    """

    append_only = True

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="activations")
    # The version of the list of risk areas; 0 is the empty list.
    risk_list = models.PositiveIntegerField(default=0)
    valid_from = models.DateTimeField()
    # Ids of the users who put it in force.
    activated_by = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        """The newest at a time counts."""

        default_permissions = ()
        indexes = (models.Index(fields=["-valid_from", "-id"], name="rule_activation_newest"),)

    def __str__(self) -> str:
        return f"{self.rule_set} {self.valid_from}"
