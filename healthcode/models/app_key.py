"""AppKey: what lets a program of an organisation in; and what is counted, remembered and answered for it."""

import secrets
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import clock, crypto, scope
from citybrain.core.models import Organisation, Person
from healthcode.models.evidence import Evidence
from healthcode.models.hold import HeldItem

SECRET_BYTES = 32
CODE_DIGITS = 6


class Service(models.TextChoices):
    """The seven services of GB/T 38963-2020."""

    HEALTH_DECLARATION = "health_declaration", _("health declaration")
    TRIP_DECLARATION = "trip_declaration", _("trip declaration")
    HEALTH_QUERY = "health_query", _("health query")
    CODE_CALL = "code_call", _("code-call application")
    MAKE_CODE = "make_code", _("make code")
    VERIFY_CODE = "verify_code", _("verify code")
    CORRECTION = "correction", _("correction of personal data")


class AppKeyQuerySet(scope.AreaScoped["AppKey"]):
    """Reads of keys; the area is that of the organisation."""

    area_field = "organisation__area_id"


class AppKey(models.Model):
    """A key of one organisation: proposed by one person, let in by another, good for its scopes until its day."""

    class State(models.TextChoices):
        """Where it stands."""

        PROPOSED = "proposed", pgettext_lazy("key", "waits for a second person")
        IN_USE = "in_use", pgettext_lazy("key", "in use")
        REFUSED = "refused", pgettext_lazy("key", "refused")
        REVOKED = "revoked", pgettext_lazy("key", "revoked")

    # What a program sends as its key id.
    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="app_keys")
    # What the program is for, in words.
    name = models.CharField(max_length=60)
    # Of healthcode.scopes.
    scopes = ArrayField(models.CharField(max_length=60))
    per_minute = models.PositiveIntegerField()
    per_day = models.PositiveIntegerField()
    # The last day in Shanghai on which it is good.
    valid_until = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    # The ids of users.
    proposed_by = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    revoked_by = models.BigIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = AppKeyQuerySet.as_manager()

    class Meta:
        """Never let in by whoever proposed it."""

        default_permissions = ()
        ordering = ("-proposed_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("proposed_by")), name="app_key_is_let_in_by_another"
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at=None) | (~Q(state="proposed") & Q(decided_at__isnull=False)),
                name="app_key_is_decided_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"

    @property
    def unit(self) -> str:
        """What stands with evidence that it sent, and what its limits are counted by."""
        return f"key:{self.pk}"

    @property
    def has_run_out(self) -> bool:
        """Whether its last day has passed."""
        return self.valid_until < clock.today()


class AppKeySecret(models.Model):
    """A secret of a key, sealed. Two are good at once while a program is moved from one to the next."""

    key = models.ForeignKey(AppKey, models.PROTECT, related_name="secrets")
    cipher = models.BinaryField()
    made_at = models.DateTimeField()
    made_by = models.BigIntegerField()
    # From here on it is good no more; None: as long as the key.
    until = models.DateTimeField(null=True)

    class Meta:
        """Read by key, newest last."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.pk}"

    @classmethod
    def of(cls, key: AppKey, plain: str) -> "AppKeySecret":
        """Return an unsaved secret; time and maker are the caller's."""
        return cls(key=key, cipher=crypto.seal("app_key", plain, owner=str(key.ref)))

    def reveal(self) -> str:
        """Return the secret."""
        return crypto.unseal("app_key", bytes(self.cipher), owner=str(self.key.ref))


class KeyNonce(models.Model):
    """A nonce that was used; it stays longer than a request with it could come again."""

    key = models.ForeignKey(AppKey, models.CASCADE, related_name="+", db_index=False)
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        """Once a key; of two at the same moment the database lets one in."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["key", "nonce"], name="key_nonce_once"),)

    def __str__(self) -> str:
        return f"{self.pk}"


class KeyCount(models.Model):
    """How many signed requests a key has sent in a minute, and in a day of Shanghai."""

    class Span(models.TextChoices):
        """What is counted over."""

        MINUTE = "minute", _("minute")
        DAY = "day", _("day")

    key = models.ForeignKey(AppKey, models.CASCADE, related_name="counts", db_index=False)
    span = models.CharField(max_length=6, choices=Span)
    begins = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        """One row for each span."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["key", "span", "begins"], name="key_count_once"),)

    def __str__(self) -> str:
        return f"{self.span} {self.count}"


class KeyRefusal(models.Model):
    """How often requests that named a key were refused on a day, and why; without a key: nobody's."""

    key = models.ForeignKey(AppKey, models.CASCADE, null=True, related_name="refusals", db_index=False)
    code = models.CharField(max_length=30)
    day = models.DateField()
    count = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        """One row for each key, code and day."""

        default_permissions = ()
        ordering = ("-day", "code")
        constraints = (
            models.UniqueConstraint(fields=["key", "code", "day"], nulls_distinct=False, name="key_refusal_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.count}"


def _new_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


class Consent(models.Model):
    """One thing that a program wants to do for a person, who says yes with a one-time code sent to their own phone.

    It is made in the same way when the number is nobody's, or nobody's who signs in by phone: then it has no person.
    """

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.ForeignKey(AppKey, models.PROTECT, related_name="+")
    service = models.CharField(max_length=30, choices=Service)
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    # The code, sealed.
    cipher = models.BinaryField()
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    # Of a code that was called: when the person's terminal opened it.
    opened_at = models.DateTimeField(null=True)

    class Meta:
        """Counted by person."""

        default_permissions = ()
        indexes = (models.Index(fields=["person", "asked_at"], name="consent_by_person"),)

    def __str__(self) -> str:
        return f"{self.ref}"

    def draw_code(self) -> None:
        """Draw a code; saving is the caller's."""
        self.cipher = crypto.seal("consent", _new_code(), owner=str(self.ref))

    def code(self) -> str:
        """Return the code, for the message and to compare."""
        return crypto.unseal("consent", bytes(self.cipher), owner=str(self.ref))


class ShownToken(models.Model):
    """Where a phone token was read first by a program, for as long as it could be read again."""

    number = models.BigIntegerField()
    counter = models.BigIntegerField()
    key = models.ForeignKey(AppKey, models.CASCADE, related_name="+", db_index=False)
    # The key's own name of the spot: one token is good at one spot.
    terminal = models.CharField(max_length=40)
    first_at = models.DateTimeField(db_index=True)

    class Meta:
        """Once a token."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["number", "counter"], name="shown_token_once"),)

    def __str__(self) -> str:
        return f"{self.pk}"


class FeedItem(models.Model):
    """One piece of evidence as a feed sent it: the sender's own id makes a second sending harmless."""

    # Not the key: it may be replaced between two sendings.
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", db_index=False)
    sender_ref = models.CharField(max_length=60)
    key = models.ForeignKey(AppKey, models.PROTECT, related_name="+")
    # Keyed digest of what was said: the same id with other words is a mistake of the sender.
    digest = models.CharField(max_length=64)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()
    evidence = models.OneToOneField(Evidence, models.PROTECT, null=True, related_name="+")
    held = models.OneToOneField(HeldItem, models.PROTECT, null=True, related_name="+")

    class Meta:
        """Once an organisation."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["organisation", "sender_ref"], name="feed_item_once"),)

    def __str__(self) -> str:
        return f"{self.pk}"
