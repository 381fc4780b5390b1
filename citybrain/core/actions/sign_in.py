"""Signing in: residents by a one-time code, staff by password."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto, gateway, turns
from citybrain.core.client import client_address
from citybrain.core.models import SignInCode, SignInFailure, User
from citybrain.core.models.audit import AuditRow, Deed
from citybrain.core.roles import Act

CODE_DIGITS = 6
CODES_AN_HOUR = 5
# An account under attack from many addresses is closed for a while even to new addresses.
FAILURES_FROM_ANYWHERE = 50


class SignInError(Exception):
    """Signing in did not work; the text tells the person what to do."""


def request_code(*, phone: str, address: str) -> int:
    """Make a one-time code for a normalised phone number, send it, and return its id for `redeem_code`.

    `address` is where the request came from. The answer is the same whether or not the phone has an account. Raises
    SignInError when codes are asked for too fast and GatewayError when the gateway does not take the message.
    """
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    sent = _keep_code(phone, address, code)
    minutes = int(settings.SIGN_IN_CODE_LIFE.total_seconds() // 60)
    text = _("%(code)s is your CityBrain code, valid for %(minutes)s minutes. Tell it to nobody.")
    # After the commit: no lock, no transaction and no connection of the pool waits for the gateway.
    if not connection.in_atomic_block:
        connection.close()
    try:
        gateway.send(phone, text % {"code": code, "minutes": minutes})
    except Exception:
        # Nothing came, so it does not count: the person may try again at once.
        sent.delete()
        raise
    return sent.pk


@transaction.atomic(durable=True)
def _keep_code(phone: str, address: str, code: str) -> SignInCode:
    """Check the limits and insert the code.

    Requests of one number, and of one address, take turns, so that parallel ones cannot each find room for itself.
    """
    index, now, from_here = crypto.blind_index("phone", phone), clock.now(), crypto.digest("address", address)
    # Always the number first: in a fixed order nobody waits for each other.
    turns.take(index[1:])
    turns.take(bytes.fromhex(from_here))
    recent = SignInCode.objects.filter(created_at__gt=now - timedelta(hours=1))
    of_phone = recent.filter(phone_index__in=crypto.blind_indexes("phone", phone))
    if of_phone.filter(created_at__gt=now - settings.SIGN_IN_CODE_PAUSE).exists():
        raise SignInError(_("A code was sent less than a minute ago. Wait a moment before you ask for another."))
    if of_phone.count() >= CODES_AN_HOUR:
        raise SignInError(_("Too many codes were sent to this number. Try again in an hour."))
    if recent.filter(address_digest=from_here).count() >= settings.SIGN_IN_CODES_AN_ADDRESS:
        raise SignInError(_("Too many codes were asked for over your connection. Try again in an hour."))
    if recent.filter(created_at__gt=now - timedelta(minutes=1)).count() >= settings.SIGN_IN_CODES_A_MINUTE:
        raise SignInError(_("Very many people are signing in right now. Try again in a minute."))
    return SignInCode.objects.create(
        phone_index=index,
        address_digest=from_here,
        code_digest=_code_digest(index, code),
        created_at=now,
        expires_at=now + settings.SIGN_IN_CODE_LIFE,
    )


def redeem_code(*, sent: int, phone: str, code: str) -> User:
    """Return the phone's user (made at the first sign-in) for a right code; raise SignInError otherwise.

    `sent` is the id that `request_code` returned to this browser: no other code can be redeemed or have its tries
    used up here. With it every open code of the phone is spent.
    """
    index, now = crypto.blind_index("phone", phone), clock.now()
    unused = SignInCode.objects.filter(phone_index__in=crypto.blind_indexes("phone", phone), used_at=None)
    wanted = unused.filter(pk=sent, expires_at__gt=now).first()
    if wanted is None:
        raise SignInError(_("This code has run out. Ask for a new one."))
    # Counted before it is compared, in one statement, so that parallel guesses cannot outrun the limit.
    tries_left = unused.filter(pk=sent, attempts__lt=settings.SIGN_IN_ATTEMPTS)
    if not tries_left.update(attempts=F("attempts") + 1):
        raise SignInError(_("Too many wrong codes. Ask for a new one."))
    if not secrets.compare_digest(wanted.code_digest, _code_digest(index, code)):
        raise SignInError(_("This is not the code that was sent. Look at the message again."))
    with transaction.atomic():
        turns.take(index[1:])
        if not unused.filter(pk=sent).update(used_at=now):
            raise SignInError(_("This code has been used. Ask for a new one."))
        unused.update(used_at=now)
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
    account = username.strip().lower()
    guess = _count_guess(account, client_address(request))
    user = authenticate(request, username=account, password=password)
    if not isinstance(user, User):
        known = User.objects.filter(username=account).values_list("pk", flat=True).first()
        audit.record(Deed.SIGN_IN, by=None, target=f"user:{known or 0}", outcome=AuditRow.Outcome.REFUSED)
        raise SignInError(_("Name or password is wrong. Check both; capital letters matter in the password."))
    with transaction.atomic():
        guess.delete()
        audit.record(Deed.SIGN_IN, by=user, under=Act.SIGNED_IN)
    return user


def _count_guess(account: str, address: str) -> QuerySet[SignInFailure]:
    """Count a guess as wrong before it is looked at; return its rows, to be deleted when it proves right.

    The rows are committed before they are counted, so of any number of parallel guesses the one that commits n-th
    finds at least n. Raises SignInError above a limit; such a guess is not compared, so it does not count.
    """
    limits = {
        crypto.digest("account", f"{account}|{address}"): settings.SIGN_IN_ATTEMPTS,
        crypto.digest("account", account): FAILURES_FROM_ANYWHERE,
    }
    now = clock.now()
    with transaction.atomic(durable=True):
        rows = SignInFailure.objects.bulk_create(SignInFailure(account_digest=digest, at=now) for digest in limits)
    guess = SignInFailure.objects.filter(pk__in=[row.pk for row in rows])
    recent = SignInFailure.objects.filter(at__gt=now - settings.SIGN_IN_LOCK)
    if any(recent.filter(account_digest=digest).count() > limit for digest, limit in limits.items()):
        guess.delete()
        raise SignInError(_("Too many wrong passwords. Wait 15 minutes, or ask the system administrator."))
    return guess


def purge_sign_ins() -> int:
    """Delete codes and failures older than a day; return how many."""
    old = clock.now() - timedelta(days=1)
    codes, _models = SignInCode.objects.filter(expires_at__lt=old).delete()
    failures, _models = SignInFailure.objects.filter(at__lt=old).delete()
    return codes + failures
