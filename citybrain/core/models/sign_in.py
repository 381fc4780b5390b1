"""Sign-in: one-time codes for residents, failures that slow an attacker down."""

from django.db import models


class SignInCode(models.Model):
    """A one-time code sent to a phone; only its keyed digest is kept, for minutes."""

    phone_index = models.BinaryField(max_length=33, db_index=True)
    # Keyed digest of the client address that asked for it.
    address_digest = models.CharField(max_length=64)
    code_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField(db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        """Codes are nobody's to list."""

        default_permissions = ()
        indexes = (models.Index(fields=["address_digest", "created_at"], name="code_by_address"),)

    def __str__(self) -> str:
        return f"{self.pk}"


class SignInFailure(models.Model):
    """A password that was tried and did not prove right, by keyed digest of the account name."""

    account_digest = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        """Counted within the lock time."""

        default_permissions = ()
        indexes = (models.Index(fields=["account_digest", "at"], name="failure_by_account"),)

    def __str__(self) -> str:
        return f"{self.pk}"
