"""Outbox: publish facts in the transaction that makes them true, deliver each once to each handler."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from citybrain.core import clock
from citybrain.core.models.outbox import Delivery, Event

log = logging.getLogger(__name__)

CHANNEL = "citybrain_outbox"
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=10)
FAN_OUT_BATCH = 200
# As many deliveries a turn as events of one handler: neither side starves the other.
DELIVERY_BATCH = 200
PURGE_BATCH = 1000

Handler = Callable[[Mapping[str, Any]], None]


_PUBLISH_EACH = """
WITH written AS (
  INSERT INTO core_event (kind, payload, created_at)
  SELECT %s, payload, %s FROM jsonb_array_elements(%s::jsonb) AS payload
)
SELECT pg_notify(%s, '')
"""


def publish(kind: str, **payload: Any) -> Event:
    """Write an event in the caller's transaction; the payload names rows by id."""
    _require_flow(kind)
    event = Event.objects.create(kind=kind, payload=payload, created_at=clock.now())
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
    return event


def publish_each(kind: str, payloads: Sequence[Mapping[str, Any]]) -> None:
    """Write one event per payload and wake the dispatcher, in one statement; nothing when there are none."""
    _require_flow(kind)
    if payloads:
        with connection.cursor() as cursor:
            cursor.execute(_PUBLISH_EACH, [kind, clock.now(), json.dumps(payloads), CHANNEL])


def _require_flow(kind: str) -> None:
    if kind not in flows():
        message = f"no flow is wired for {kind!r}: add it to citybrain/flows.py"
        raise LookupError(message)


def flows() -> Mapping[str, Sequence[str]]:
    """Return the wiring table: event kind → dotted names of handlers."""
    wired: Mapping[str, Sequence[str]] = import_string(settings.FLOWS)
    return wired


def work(goes_on: Callable[[], bool] = lambda: True) -> int:
    """Do one turn: hand out a batch of new events, then run a bounded number of due deliveries.

    Returns how much there was to do. `goes_on` is asked before each delivery.
    """
    done = fan_out()
    for _number in range(DELIVERY_BATCH):
        if not goes_on() or not deliver_next():
            break
        done += 1
    return done


def fan_out() -> int:
    """Write one pending delivery per handler for each new event; return how many events were taken.

    Events of a kind that this process does not know were published by a newer version: they wait for a dispatcher of
    that version.
    """
    wired = flows()
    with transaction.atomic():
        new = Event.objects.filter(fanned_out_at=None, kind__in=list(wired)).order_by("id")
        events = list(new.select_for_update(skip_locked=True)[:FAN_OUT_BATCH])
        due = clock.now()
        Delivery.objects.bulk_create(
            [Delivery(event=event, handler=handler, due_at=due) for event in events for handler in wired[event.kind]],
        )
        Event.objects.filter(pk__in=[event.pk for event in events]).update(fanned_out_at=due)
    return len(events)


def deliver_next() -> bool:
    """Run the oldest due delivery; return whether there was one.

    The attempt is counted and the row pushed forward before the handler runs, so that an event that kills
    its process is parked in the end. Effect and `done` are one transaction: after a kill at any point
    either both are there or neither.
    """
    claimed = _claim()
    if claimed is None:
        return False
    try:
        _run(claimed)
    except Exception as error:
        log.exception("delivery %s of %s failed", claimed.pk, claimed.handler)
        _put_back(claimed, error)
    return True


def _claim() -> Delivery | None:
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=Delivery.State.PENDING, due_at__lte=clock.now())
            .order_by("due_at", "id")
            .first()
        )
        if delivery is None:
            return None
        delivery.attempts += 1
        if delivery.attempts > settings.OUTBOX_ATTEMPTS:
            # Its process died in the last attempt without a word.
            delivery.attempts -= 1
            delivery.state = Delivery.State.PARKED
            delivery.last_error = delivery.last_error or "the dispatcher died while running this"
        else:
            delivery.due_at = clock.now() + _pause(delivery.attempts)
        delivery.save(update_fields=["attempts", "due_at", "state", "last_error"])
    return delivery


def _run(claimed: Delivery) -> None:
    with transaction.atomic():
        # Another dispatcher may have taken it over when this one was slow: the count tells. One that is only looking
        # for work may hold the row for a moment, so this waits for it.
        delivery = (
            Delivery.objects.select_for_update(of=("self",))
            .select_related("event")
            .filter(pk=claimed.pk, state=Delivery.State.PENDING, attempts=claimed.attempts)
            .first()
        )
        if delivery is None:
            return
        handler: Handler = import_string(delivery.handler)
        handler(delivery.event.payload)
        delivery.state = Delivery.State.DONE
        delivery.done_at = clock.now()
        delivery.last_error = ""
        delivery.save(update_fields=["state", "done_at", "last_error"])


def _put_back(claimed: Delivery, error: Exception) -> None:
    mine = Delivery.objects.filter(pk=claimed.pk, state=Delivery.State.PENDING, attempts=claimed.attempts)
    if claimed.attempts >= settings.OUTBOX_ATTEMPTS:
        mine.update(state=Delivery.State.PARKED, last_error=repr(error)[:2000])
    else:
        mine.update(last_error=repr(error)[:2000])


def _pause(attempts: int) -> timedelta:
    return min(FIRST_PAUSE * int(2 ** (attempts - 1)), LONGEST_PAUSE)


def purge() -> int:
    """Delete events all of whose deliveries are done and older than settings.OUTBOX_KEEP; return how many.

    Each batch is a transaction of its own: an open write transaction holds the xmin horizon back.
    """
    open_states = [Delivery.State.PENDING, Delivery.State.PARKED]
    old = Event.objects.filter(fanned_out_at__lt=clock.now() - settings.OUTBOX_KEEP)
    old = old.exclude(deliveries__state__in=open_states).order_by("id")
    deleted, last = 0, 0
    while batch := list(old.filter(pk__gt=last).values_list("pk", flat=True)[:PURGE_BATCH]):
        with transaction.atomic():
            Delivery.objects.filter(event__in=batch).delete()
            Event.objects.filter(pk__in=batch).delete()
        deleted, last = deleted + len(batch), batch[-1]
    return deleted
