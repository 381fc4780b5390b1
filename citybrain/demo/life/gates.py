"""Standing at a gate: somebody shows the code of their phone, or a document, and the gate decides."""

import datetime as dt
import random
import secrets
import uuid
from typing import Any

from accesslog.actions.passes import Decision, DocumentScan, Scan, TokenScan, TooManyError, decide
from accesslog.models import Device
from citybrain.core import clock, documents
from citybrain.core.models import Document, Person, User
from citybrain.demo.life.town import Dweller
from healthcode import tokens
from healthcode.actions.code import number_of

# Of those who show a phone: an old picture of the code, some other picture, one lent to a friend elsewhere.
STALE, OTHER_PICTURE, LENT = 0.002, 0.001, 0.0005
OLD = dt.timedelta(minutes=10)


def stand_at(device: Device, dweller: Dweller, chance: random.Random, *, guard: User) -> Decision | None:
    """Show what somebody has to show; None when the guard cannot take it now."""
    scan = _document(dweller) if not dweller.has_phone else None
    try:
        return decide(device=device, scan=scan or _token(dweller, chance), by=guard)
    except TooManyError:
        return None


def lend(devices: tuple[Device, Device], dweller: Dweller, guards: tuple[User, User]) -> None:
    """Show one picture of a code at two gates at once: the second refuses it."""
    text = _text(dweller, clock.now())
    for device, guard in zip(devices, guards, strict=True):
        decide(device=device, scan=TokenScan(text=text, **_now()), by=guard)


def _token(dweller: Dweller, chance: random.Random) -> Scan:
    drawn = chance.random()
    if drawn < OTHER_PICTURE:
        return TokenScan(text=f"HTTPS://EXAMPLE.COM/{secrets.token_hex(4).upper()}", **_now())
    shown_at = clock.now() - (OLD if drawn < OTHER_PICTURE + STALE else dt.timedelta())
    return TokenScan(text=_text(dweller, shown_at), **_now())


def _text(dweller: Dweller, at: dt.datetime) -> str:
    return tokens.make(number_of(person=Person(pk=dweller.person), by=None).number, at)


def _document(dweller: Dweller) -> Scan | None:
    held = Document.objects.filter(person=dweller.person, type=documents.Type.RESIDENT_ID)
    card = held.select_related("person").first()
    return DocumentScan(type=card.type, number=card.reveal(), **_now()) if card else None


def _now() -> dict[str, Any]:
    now = clock.now()
    return {"nonce": uuid.uuid4(), "scanned_at": now, "sent_at": now}
