"""Devices at gates: a one-time code makes a phone or tablet the gate's; from then on it is known by its secret."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accesslog.models import Device, Point
from citybrain.core import audit, clock, crypto
from citybrain.core.models import AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act

CODE_DIGITS = 8
CODE_LIFE = timedelta(minutes=10)
GUESSES, GUESSES_WITHIN = 5, timedelta(minutes=15)
SEEN_EVERY = timedelta(minutes=1)


class EnrolmentError(Exception):
    """The code did not make this device the gate's; the text says what to do."""


def add_device(*, point: Point, name: str, by: User | None) -> tuple[Device, str]:
    """Add a device to a point; return it with the one-time code that enrols it."""
    with transaction.atomic():
        device = Device.objects.create(point=point, name=name)
        where = ("area", [point.place.area_id])
        target, detail = f"place:{point.place_id}", {"made": f"device:{device.pk}"}
        audit.record(Deed.SET_UP_GATE, by=by, under=Act.SET_UP_GATES, where=where, target=target, detail=detail)
        return device, offer_code(device=device, by=by)


def offer_code(*, device: Device, by: User | None) -> str:
    """Return a new one-time code for a device; the tablet that holds it now works on until another is enrolled."""
    code = _draw_code()
    with transaction.atomic():
        device.enrolment_digest, device.enrolment_until = _code_digest(code), clock.now() + CODE_LIFE
        device.save(update_fields=["enrolment_digest", "enrolment_until"])
        _record(Deed.ENROL_DEVICE, device, by, Act.SET_UP_GATES, {"code": "offered"})
    return code


def enrol_device(*, code: str, by: User) -> tuple[Device, str]:
    """Return the device that an unspent code was offered for, with the secret that the tablet keeps.

    The code is spent, and what held this device's secret before is known no longer. Raises EnrolmentError for a wrong
    code, which is on record, and after too many of them; DeviceElsewhereError for a gate that is not the guard's.
    """
    with transaction.atomic():
        # The guesses of one user take turns, so that parallel ones cannot outrun the limit.
        User.objects.select_for_update().get(pk=by.pk)
        if _guesses(by) >= GUESSES:
            raise EnrolmentError(_("Too many wrong codes. Wait 15 minutes, or ask for a new code."))
        device = _offered(code)
        if device is None:
            audit.record(Deed.ENROL_DEVICE, by=by, under=Act.CHECK_AT_GATE, outcome=AuditRow.Outcome.REFUSED)
        elif not device.point.place.is_for(by, Act.CHECK_AT_GATE):
            raise DeviceElsewhereError(device)
        else:
            return device, _enrol(device, by)
    raise EnrolmentError(_("This code is not valid, or has run out. Compare it with the screen that shows it."))


class DeviceElsewhereError(Exception):
    """The device belongs to a gate that is not the user's."""

    def __init__(self, device: Device) -> None:
        super().__init__(f"device {device.pk}")
        self.device = device


def _enrol(device: Device, by: User) -> str:
    secret = secrets.token_urlsafe(32)
    now = clock.now()
    device.secret_digest = secret_digests(secret)[0]
    device.enrolment_digest, device.enrolment_until = "", None
    device.enrolled_at, device.last_seen_at, device.revoked_at = now, now, None
    device.save()
    _record(Deed.ENROL_DEVICE, device, by, Act.CHECK_AT_GATE, {"enrolled": True})
    return secret


def revoke_device(*, device: Device, by: User | None) -> None:
    """Make the tablet that holds a device's secret worthless at once, and an open code with it."""
    with transaction.atomic():
        device.secret_digest = device.enrolment_digest = ""
        device.enrolment_until, device.revoked_at = None, clock.now()
        device.save()
        _record(Deed.REVOKE_DEVICE, device, by, Act.SET_UP_GATES, {})


def note_seen(*, device: Device) -> None:
    """Note that a device is at work, at most once a minute."""
    now = clock.now()
    if device.last_seen_at is None or device.last_seen_at <= now - SEEN_EVERY:
        seen = Q(last_seen_at=None) | Q(last_seen_at__lte=now - SEEN_EVERY)
        Device.objects.filter(seen, pk=device.pk).update(last_seen_at=now)


def secret_digests(secret: str) -> list[str]:
    """Return the digests that a device with this secret may have been kept with, that of the current key first."""
    return [digest[1:].hex() for digest in crypto.blind_indexes("device-secret", secret)]


def _draw_code() -> str:
    """Return a code that no other device has open."""
    while True:
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        if _offered(code) is None:
            return code


def _offered(code: str) -> Device | None:
    offered = Device.objects.filter(enrolment_digest=_code_digest(code), enrolment_until__gt=clock.now())
    return offered.select_related("point__place__area").first()


def _code_digest(code: str) -> str:
    return crypto.digest("enrolment-code", code)


def _guesses(by: User) -> int:
    since = clock.now() - GUESSES_WITHIN
    refused = AuditRow.objects.filter(actor=by.pk, deed=Deed.ENROL_DEVICE, outcome=AuditRow.Outcome.REFUSED)
    return refused.filter(at__gt=since).count()


def _record(deed: Deed, device: Device, by: User | None, act: Act, detail: dict[str, object]) -> None:
    place = device.point.place
    is_guard = act == Act.CHECK_AT_GATE
    run_by = place.organisation_id if is_guard else None
    where = ("organisation", [run_by]) if run_by else ("area", [place.area_id])
    audit.record(deed, by=by, under=act, where=where, target=f"device:{device.pk}", detail=detail)
