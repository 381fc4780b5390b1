"""Pass: somebody stood at a gate and was let through or refused."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Func
from django.utils.translation import gettext_lazy as _

from accesslog.models.place import Device, Place, Point
from citybrain.core.models import Area, Person, Photo
from citybrain.core.models.fields import XidField
from healthcode.models import State


class Lane(models.TextChoices):
    """How a person was recognised."""

    TOKEN = "token", _("code on a phone")
    DOCUMENT = "document", _("identity document")
    CERTIFICATE = "certificate", _("certificate of another region")
    PAPER = "paper", _("paper code")


class Result(models.TextChoices):
    """What was decided, and the one reason for it."""

    GREEN = "green", _("green code")
    YELLOW_ADMITTED = "yellow_admitted", _("yellow code, admitted here")
    CERTIFICATE = "certificate", _("certificate of another region accepted")
    YELLOW = "yellow", _("yellow code")
    RED = "red", _("red code")
    NOT_KNOWN = "not_known", _("nothing is known: never declared")
    EXPIRED = "expired", _("the declaration has run out")
    UNREADABLE = "unreadable", _("not a code of this district")
    FORGED = "forged", _("forged code")
    STALE = "stale", _("old code: a picture of a screen, or a screen that was not renewed")
    REPLAYED = "replayed", _("this code was shown at another gate a moment ago")
    REVOKED = "revoked", _("code that its holder replaced")
    NO_PERSON = "no_person", _("nobody is known by this document")
    CERTIFICATE_REFUSED = "certificate_refused", _("certificate not accepted")
    PAPER_EXPIRED = "paper_expired", _("paper code whose last day has passed")
    PAPER_VOID = "paper_void", _("paper code that was lost or replaced")
    NOT_THE_HOLDER = "not_the_holder", _("paper code in the hands of somebody else")
    WRONG_ISSUER = "wrong_issuer", _("signed code of another region")


ADMITTING = frozenset({Result.GREEN, Result.YELLOW_ADMITTED, Result.CERTIFICATE})


class Certificate(models.Model):
    """无码认单: a paper of another region shown in place of a code, with its photo; accepted or not, its pass says."""

    append_only = True

    number = models.CharField(max_length=40)
    issuer = models.CharField(max_length=80)
    photo = models.ForeignKey(Photo, models.PROTECT, related_name="+")
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    made_by = models.BigIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        """Found by its pass."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.pk}"


class PassBase(models.Model):
    """What is kept of a scan. Holds no colour of its own: `state` is what the code said at that moment."""

    device = models.ForeignKey(Device, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    # Drawn by the device at the scan and sent again with each retry.
    nonce = models.UUIDField()
    scanned_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Func(function="clock_timestamp"))
    # Milliseconds by which the device's clock is ahead of ours.
    skew_ms = models.BigIntegerField()
    point = models.ForeignKey(Point, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    place = models.ForeignKey(Place, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    # The grid of the place.
    area = models.ForeignKey(Area, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    person = models.ForeignKey(
        Person, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    lane = models.CharField(max_length=12, choices=Lane)
    result = models.CharField(max_length=20, choices=Result)
    is_admitted = models.BooleanField()
    state = models.CharField(max_length=10, choices=State, blank=True)
    certificate = models.ForeignKey(
        Certificate, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # The user's id.
    operator = models.BigIntegerField()
    xid = XidField(db_default=Func(function="pg_current_xact_id"))

    class Meta:
        """Two tables have these columns."""

        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.pk}"


class Pass(PassBase):
    """A pass, in the partition of the Shanghai day on which it was scanned.

    The table is made by hand in migration 0001, as Django knows no partitions: its key there is (id, scanned_at), and
    no foreign key points to it.
    """

    append_only = True

    class Meta:
        """A scan is kept once, however often it is sent."""

        default_permissions = ()
        indexes = (
            models.Index(fields=["place", "scanned_at"], name="pass_by_place"),
            models.Index(fields=["person", "scanned_at"], name="pass_by_person"),
            models.Index(fields=["xid", "id"], name="pass_by_xid"),
            # Passes are written in the order of receipt, so this costs a scan next to nothing.
            BrinIndex(fields=["received_at"], name="pass_by_receipt", autosummarize=True, pages_per_range=32),
        )
        constraints = (models.UniqueConstraint(fields=["device", "nonce", "scanned_at"], name="pass_once"),)


class QuarantinedPass(PassBase):
    """A pass of a device whose clock is absurd: kept, answered, and on record as a look, but counted nowhere."""

    append_only = True

    class Meta:
        """Idempotent as passes are."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["device", "nonce", "scanned_at"], name="quarantined_pass_once"),)


class TokenUse(models.Model):
    """The point at which a token (code number and counter) was shown first; kept for as long as the token lives."""

    number = models.BigIntegerField()
    counter = models.BigIntegerField()
    point = models.ForeignKey(Point, models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    first_at = models.DateTimeField()

    class Meta:
        """One row per token, whoever is first."""

        default_permissions = ()
        indexes = (models.Index(fields=["first_at"], name="token_use_by_age"),)
        constraints = (models.UniqueConstraint(fields=["number", "counter"], name="token_use_once"),)

    def __str__(self) -> str:
        return f"{self.pk}"


class PassCursor(models.Model):
    """How far the pass consumer has read: every pass below (xid, last_pass) of the era has had its effects."""

    # Its one name.
    WATCH = "watch"

    name = models.CharField(max_length=30, primary_key=True)
    # The id of core's XidEra that `xid` counts in.
    era = models.BigIntegerField()
    xid = models.BigIntegerField()
    last_pass = models.BigIntegerField()
    moved_at = models.DateTimeField()

    class Meta:
        """One row."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.xid}/{self.last_pass}"


class PassCount(models.Model):
    """How many passes of a minute (by the time they were received) the consumer has counted."""

    minute = models.DateTimeField()
    area = models.ForeignKey(Area, models.CASCADE, related_name="+")
    result = models.CharField(max_length=20, choices=Result)
    count = models.PositiveIntegerField()

    class Meta:
        """A roll-up; it can be rebuilt from the passes."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["minute", "area", "result"], name="pass_count_once"),)

    def __str__(self) -> str:
        return f"{self.minute} {self.count}"
