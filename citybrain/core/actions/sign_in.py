"""Signing in: residents by a one-time code, staff by password."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto, gateway
from citybrain.core.models import SignInCode, SignInFailure, User
from citybrain.core.models.audit import AuditRow, Deed
from citybrain.core.roles import Act

CODE_DIGITS = 6
CODES_AN_HOUR = 5
# An account under attack from many addresses is closed for a while even to new addresses.
FAILURES_FROM_ANYWHERE = 50


class SignInError(Exception):
    """Signing in did not work; the text tells the person what to do."""


def request_code(*, phone: str) -> None:
    """Make a one-time code for a normalised phone number and send it.

    The answer is the same whether or not the phone has an account. Raises SignInError when codes are asked for
    too fast and GatewayError when the gateway does not take the message.
    """
    index, now = crypto.blind_index("phone", phone), clock.now()
    recent = SignInCode.objects.filter(phone_index=index, created_at__gt=now - timedelta(hours=1))
    if recent.filter(created_at__gt=now - settings.SIGN_IN_CODE_PAUSE).exists():
        raise SignInError(_("A code was sent less than a minute ago. Wait a moment before you ask for another."))
    if recent.count() >= CODES_AN_HOUR:
        raise SignInError(_("Too many codes were sent to this number. Try again in an hour."))
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    minutes = int(settings.SIGN_IN_CODE_LIFE.total_seconds() // 60)
    gateway.send(
        phone,
        _("%(code)s is your CityBrain code, valid for %(minutes)s minutes. Tell it to nobody.")
        % {
            "code": code,
            "minutes": minutes,
        },
    )
    SignInCode.objects.create(
        phone_index=index,
        code_digest=_code_digest(index, code),
        created_at=now,
        expires_at=now + settings.SIGN_IN_CODE_LIFE,
    )


def redeem_code(*, phone: str, code: str) -> User:
    """Return the phone's user (made at the first sign-in) for a right code; raise SignInError otherwise."""
    index, now = crypto.blind_index("phone", phone), clock.now()
    sent = SignInCode.objects.filter(phone_index=index, used_at=None, expires_at__gt=now).order_by("-id").first()
    if sent is None:
        raise SignInError(_("This code has run out. Ask for a new one."))
    # Counted before it is compared, in one statement, so that parallel guesses cannot outrun the limit.
    tries_left = SignInCode.objects.filter(pk=sent.pk, used_at=None, attempts__lt=settings.SIGN_IN_ATTEMPTS)
    if not tries_left.update(attempts=F("attempts") + 1):
        raise SignInError(_("Too many wrong codes. Ask for a new one."))
    if not secrets.compare_digest(sent.code_digest, _code_digest(index, code)):
        raise SignInError(_("This is not the code that was sent. Look at the message again."))
    with transaction.atomic():
        if not SignInCode.objects.filter(pk=sent.pk, used_at=None).update(used_at=now):
            raise SignInError(_("This code has been used. Ask for a new one."))
        user = _resident(phone, index)
        audit.record(Deed.SIGN_IN, by=user, under=Act.SIGNED_IN)
    return user


def _resident(phone: str, index: bytes) -> User:
    known = User.objects.filter(phone_index__in=crypto.blind_indexes("phone", phone)).first()
    if known is None:
        known = User(username=f"resident-{secrets.token_hex(8)}", phone_index=index)
        known.phone_cipher = crypto.seal("phone", phone)
        known.set_unusable_password()
        known.save()
    if not known.is_active:
        raise SignInError(_("This account is closed. Ask at your community's office."))
    return known


def _code_digest(index: bytes, code: str) -> str:
    return crypto.digest("sign-in-code", f"{index.hex()}|{code}")


def check_password(request: HttpRequest, *, username: str, password: str) -> User:
    """Return the staff user for a right name and password; raise SignInError otherwise, after a while at once."""
    account, since = username.strip().lower(), clock.now() - settings.SIGN_IN_LOCK
    from_here = crypto.digest("account", f"{account}|{request.META.get('REMOTE_ADDR', '')}")
    from_anywhere = crypto.digest("account", account)
    failures = SignInFailure.objects.filter(at__gt=since)
    if (
        failures.filter(account_digest=from_here).count() >= settings.SIGN_IN_ATTEMPTS
        or failures.filter(account_digest=from_anywhere).count() >= FAILURES_FROM_ANYWHERE
    ):
        raise SignInError(_("Too many wrong passwords. Wait 15 minutes, or ask the system administrator."))
    user = authenticate(request, username=account, password=password)
    if not isinstance(user, User):
        now = clock.now()
        SignInFailure.objects.bulk_create(
            SignInFailure(account_digest=digest, at=now) for digest in (from_here, from_anywhere)
        )
        known = User.objects.filter(username=account).values_list("pk", flat=True).first()
        audit.record(Deed.SIGN_IN, by=None, target=f"user:{known or 0}", outcome=AuditRow.Outcome.REFUSED)
        raise SignInError(_("Name or password is wrong. Check both; capital letters matter in the password."))
    audit.record(Deed.SIGN_IN, by=user, under=Act.SIGNED_IN)
    return user


def purge_sign_ins() -> int:
    """Delete codes and failures older than a day; return how many."""
    old = clock.now() - timedelta(days=1)
    codes, _models = SignInCode.objects.filter(expires_at__lt=old).delete()
    failures, _models = SignInFailure.objects.filter(at__lt=old).delete()
    return codes + failures
