"""Reminders: messages to whoever has not checked in today, morning and evening; then the grid is told."""

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from citybrain.core import clock, gateway, outbox
from citybrain.core.models import Person, Phone
from citybrain.core.models.person import PersonQuerySet
from healthcode import check_in_queries as queries
from healthcode.models import CheckInReminder, Guardianship, Isolation

log = logging.getLogger(__name__)

Slot = CheckInReminder.Slot
# The longest that a kill can leave unsent: whoever is in a batch is not reminded again.
BATCH = 20
# A gateway that takes nothing is left alone until the next run, which goes on with whoever is not written down yet.
MOST_FAILURES_IN_A_ROW = 5
_WRITE = """
INSERT INTO healthcode_checkinreminder (person_id, day, slot, at, is_sent)
SELECT person, %(day)s, %(slot)s, %(now)s, false FROM unnest(%(persons)s::bigint[]) AS person
ON CONFLICT (person_id, day, slot) DO NOTHING
RETURNING person_id
"""


def remind() -> int:
    """Remind whoever owes today's check-in, once in each slot of the day; return how many messages went out.

    Run every few minutes: a slot lasts until the next one, so that a system that was down catches up. In the last one
    no message is sent: the grids are told who is missing.
    """
    slot = slot_at(clock.now())
    if slot is None:
        return 0
    if slot == Slot.MISSED:
        _tell_grids()
        return 0
    return 0 if is_quiet(clock.now()) else _send_all(slot)


def slot_at(moment: dt.datetime) -> str | None:
    """Return the slot in which an instant lies; None before the first."""
    time = moment.astimezone(clock.SHANGHAI).time()
    begun = [slot for slot, begins in settings.CHECK_IN_TIMES.items() if begins <= time]
    return begun[-1] if begun else None


def is_quiet(moment: dt.datetime) -> bool:
    """Whether nobody is to be woken by a message."""
    begin, end = settings.QUIET_HOURS
    time = moment.astimezone(clock.SHANGHAI).time()
    return bool(time >= begin or time < end) if begin > end else bool(begin <= time < end)


def owing(slot: str) -> PersonQuerySet:
    """Return whoever owes today's check-in, has not given it and was not reached in this slot."""
    reached = CheckInReminder.objects.filter(day=clock.today(), slot=slot)
    due = queries.watched(Person.objects.filter(area__is_smoke=False)).filter(queries.DUE)
    return due.exclude(pk__in=reached.values("person")).order_by("pk")


def _send_all(slot: str) -> int:
    sent = failed = in_a_row = 0
    text = _in_chinese(_reminder)
    while in_a_row < MOST_FAILURES_IN_A_ROW and (persons := _claim(slot)):
        numbers = _phones(persons)
        for person in persons:
            went = None if person not in numbers else _sent(numbers[person], text)
            if went:
                CheckInReminder.objects.filter(person=person, day=clock.today(), slot=slot).update(is_sent=True)
            sent, failed = sent + (went is True), failed + (went is False)
            in_a_row = in_a_row + 1 if went is False else 0
    if failed:
        log.warning("reminders of the %s: %s sent, %s not taken by the gateway", slot, sent, failed)
    return sent


def _claim(slot: str) -> list[int]:
    """Write down the next batch before anything is sent, so that nobody is sent two; return whose the rows are."""
    due = list(owing(slot).values_list("pk", flat=True)[:BATCH])
    return _write(due, slot) if due else []


def _write(persons: list[int], slot: str) -> list[int]:
    """Write who is reached in a slot; return whom nobody else has just written down."""
    values: dict[str, Any] = {"persons": persons, "day": clock.today(), "slot": slot, "now": clock.now()}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
        return [person for (person,) in cursor.fetchall()]


def _phones(persons: list[int]) -> dict[int, Phone]:
    """Return a phone of each person, else of whoever acts for them; who has neither is left out."""
    found: dict[int, Phone] = {}
    for phone in Phone.objects.filter(person__in=persons).select_related("person").order_by("pk"):
        found[phone.person_id] = phone
    without = [person for person in persons if person not in found]
    acting = Guardianship.objects.in_force().filter(person__in=without).values_list("person", "guardian__person")
    guardians: dict[int, Any] = {guardian: person for person, guardian in acting if guardian is not None}
    for phone in Phone.objects.filter(person__in=list(guardians)).select_related("person").order_by("pk"):
        found[guardians[phone.person_id]] = phone
    return found


def _sent(phone: Phone, text: str) -> bool:
    try:
        gateway.send(phone.reveal(), text)
    except (gateway.GatewayError, InvalidTag):
        return False
    return True


def _tell_grids() -> None:
    """Tell the grids of today who has not checked in, once a person."""
    while True:
        with transaction.atomic():
            due = list(owing(Slot.MISSED).values_list("pk", flat=True)[:BATCH])
            persons = _write(due, Slot.MISSED)
            day = clock.today().isoformat()
            outbox.publish_each("check_in.missed", [{"person": person, "day": day} for person in persons])
        if not due:
            return


def tell_ended(payload: Mapping[str, Any]) -> None:
    """Handle `isolation.ended`: its person is sent a message that says no more than that there is news."""
    isolation = Isolation.objects.get(pk=payload["isolation"])
    phone = _phones([isolation.person_id]).get(isolation.person_id)
    # The page says it in any case.
    if phone is not None and not is_quiet(clock.now()):
        gateway.send(phone.reveal(), _in_chinese(_news))


def _reminder() -> str:
    return _("CityBrain: please do today's check-in now, it takes a moment: %(page)s") % {"page": _page()}


def _news() -> str:
    return _("CityBrain: there is good news for you. Please open %(page)s") % {"page": _page()}


def _in_chinese(text: Callable[[], str]) -> str:
    with translation.override("zh-hans"):
        return text()


def _page() -> str:
    origin = settings.SITE_ORIGIN or f"https://{settings.ALLOWED_HOSTS[0]}"
    return f"{origin}{reverse('healthcode:check_in')}"
