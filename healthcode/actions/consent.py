"""Consent: a program asks, the person is sent a code, and says yes by letting the program have it. Once."""

import datetime as dt
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto, documents, gateway, outbox, turns
from citybrain.core.models import AuditRow, Person, User
from citybrain.core.models.audit import Deed
from healthcode.models import AppKey, Consent
from healthcode.models.app_key import Service
from healthcode.refusals import RefusalError

LIFE = dt.timedelta(minutes=10)
ATTEMPTS = 5
# Nobody is sent more than this, however many programs ask.
MOST_AN_HOUR, PAUSE = 5, dt.timedelta(seconds=60)


def find(*, key: AppKey, kind: str, number: str) -> Person | None:
    """Return who holds a document; test walks and the district's people are nobody to each other."""
    tags = crypto.blind_indexes(kind, documents.normalise(number))
    same_tree = {"area__is_smoke": key.organisation.area.is_smoke}
    return Person.objects.filter(documents__number_index__in=tags, **same_tree).select_related("area").first()


def ask_consent(*, key: AppKey, service: Service, kind: str, number: str) -> Consent:
    """Ask whoever holds a document whether a program may do one thing; the answer is the same for nobody.

    The message goes out by the dispatcher, so that its time tells nothing either.
    """
    now = clock.now()
    with transaction.atomic():
        turns.take(hashlib.sha256(crypto.blind_indexes(kind, documents.normalise(number))[-1]).digest())
        person = find(key=key, kind=kind, number=number)
        recent = Consent.objects.filter(person=person, person__isnull=False, asked_at__gt=now - dt.timedelta(hours=1))
        is_pressed = recent.count() >= MOST_AN_HOUR or recent.filter(asked_at__gt=now - PAUSE).exists()
        account = _account(person)
        asked = person if person and account and not is_pressed else None
        consent = Consent(key=key, service=service, person=asked, asked_at=now, expires_at=now + LIFE)
        consent.draw_code()
        consent.save()
        subjects = [person.pk] if person else []
        put_on_record(Deed.ASK_CONSENT, key, subjects, service=service.value, sent=asked is not None)
        outbox.publish("consent.asked", consent=consent.pk)
    return consent


def send_code(payload: Mapping[str, Any]) -> None:
    """Handle `consent.asked`: the person is sent the code, with who asks and what for."""
    consent = Consent.objects.select_related("key__organisation", "person").filter(pk=payload["consent"]).first()
    account = _account(consent.person) if consent else None
    if consent is None or account is None or consent.used_at or consent.expires_at <= clock.now():
        return
    with translation.override("zh-hans"):
        text = _(
            "%(code)s: “%(organisation)s” asks for your consent to this: %(service)s. If you agree, tell them the code,"
            " within 10 minutes. If you do not, tell it to nobody."
        ) % {
            "code": consent.code(),
            "organisation": consent.key.organisation.name,
            "service": Service(consent.service).label,
        }
    gateway.send(crypto.unseal("phone", bytes(account.phone_cipher or b"")), text)


def check_consent(*, key: AppKey, service: Service, ref: uuid.UUID, code: str) -> Consent:
    """Return a consent that was given by its right code; raise RefusalError otherwise.

    Each try is counted before it is compared. It is spent by `spend`, in the transaction of what it is for.
    """
    rows = Consent.objects.filter(ref=ref, key__organisation=key.organisation_id, service=service)
    open_now = rows.filter(used_at=None, expires_at__gt=clock.now())
    if not open_now.filter(attempts__lt=ATTEMPTS).update(attempts=F("attempts") + 1):
        raise RefusalError("consent_spent")
    consent = rows.select_related("person__area").get()
    is_right = hmac.compare_digest(consent.code().encode(), code.encode())
    # Compared either way: nobody learns from the time whether there is somebody.
    if not is_right or consent.person is None:
        raise RefusalError("consent_wrong")
    return consent


def spend(consent: Consent) -> Person:
    """Use a consent up, in the caller's transaction; of two at once the second is refused."""
    if not Consent.objects.filter(pk=consent.pk, used_at=None).update(used_at=clock.now()):
        raise RefusalError("consent_spent")
    if consent.person is None:
        raise TypeError
    return consent.person


def put_on_record(
    deed: Deed,
    key: AppKey,
    subjects: Sequence[int],
    *,
    purpose: str = "",
    is_refused: bool = False,
    **detail: Any,
) -> None:
    """Write the audit row of what a program did or tried."""
    audit.record(
        deed,
        by=None,
        where=("organisation", [key.organisation_id]),
        purpose=purpose,
        subjects=subjects,
        target=f"app_key:{key.pk}",
        detail={"key": key.pk, **detail},
        outcome=AuditRow.Outcome.REFUSED if is_refused else AuditRow.Outcome.DONE,
    )


def _account(person: Person | None) -> User | None:
    """Return the account by which somebody signs in with a phone."""
    if person is None:
        return None
    return User.objects.filter(person=person, is_active=True, phone_index__isnull=False).order_by("pk").first()
