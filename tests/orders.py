"""Alerts and orders for tests."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

from django.db import transaction
from PIL import Image

from citybrain.core import clock
from citybrain.core.models import Area, Person, User
from community.actions import orders
from community.actions.alerts import raise_alert
from community.models import Alert, WorkOrder

FOUND = orders.Found(outcome="met", feedback="在家，已核实")


def tell(person: Person | None, area: Area, **changes: Any) -> Alert:
    """Raise an alert about a person (or a point, where nobody was recognised) and return it."""
    told: dict[str, Any] = {
        "kind": "refused_at_gate",
        "subject": f"person:{person.pk}" if person else "point:4",
        "person": person.pk if person else None,
        "area": area.pk,
        "place": "东新园北门",
        "cause": "red",
        "at": clock.now(),
        **changes,
    }
    with transaction.atomic():
        raise_alert(**told)
    return Alert.objects.get(subject=told["subject"], kind=told["kind"], closed_at=None)


def order_for(person: Person | None, area: Area, **changes: Any) -> WorkOrder:
    """Raise an alert, let the system open its order and return that."""
    alert = tell(person, area, **changes)
    with transaction.atomic():
        orders.open_for_alert({"alert": alert.pk})
    return WorkOrder.objects.get(alert=alert)


def bring_to(order: WorkOrder, state: str, *, worker: User, verifier: User) -> WorkOrder:
    """Walk a fresh order to a state by its usual steps."""
    steps: dict[str, Callable[[], object]] = {
        "accepted": lambda: orders.accept(order=order, by=worker),
        "arrived": lambda: orders.arrive(order=order, by=worker),
        "reported": lambda: report(order, by=worker),
        "returned": lambda: orders.return_to_worker(order=order, note="照片看不清", by=verifier),
        "closed": lambda: orders.verify_and_close(order=order, by=verifier),
    }
    path = ["accepted", "arrived", "reported", state] if state in {"returned", "closed"} else list(steps)
    if state != "open":
        for step in path[: path.index(state) + 1]:
            steps[step]()
    order.refresh_from_db()
    return order


def report(order: WorkOrder, *, by: User, pictures: tuple[bytes, ...] = ()) -> None:
    """Report what was found, from a page that was drawn just now."""
    orders.report(order=order, found=FOUND, pictures=pictures, visits_seen=order.visits.count(), by=by)


def picture(colour: str = "red", kind: str = "JPEG") -> bytes:
    """Return a small picture as a camera would give it."""
    written = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(written, kind)
    return written.getvalue()


def at(minute: int) -> dt.datetime:
    """Return an instant of an ordinary morning."""
    return dt.datetime(2020, 2, 12, 1, minute, tzinfo=dt.UTC)
