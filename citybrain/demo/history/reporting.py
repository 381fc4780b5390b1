"""Writing alerts, orders, their steps and visits."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings

from citybrain.demo.history import copying
from citybrain.demo.history.alarms import Alarm, Step
from citybrain.demo.history.copying import NULL
from citybrain.demo.history.words import ABSENT, FOUND, LOOKED, NEEDS, USUAL_FOUND, USUAL_LOOKED, Outcome
from community.models import Visit, WorkOrder

State = WorkOrder.State
OUTCOMES = (Outcome.MET, Outcome.NOT_AT_HOME, Outcome.WRONG_ADDRESS, Outcome.REFUSED)
SHARES_OF_OUTCOMES = (0.86, 0.08, 0.02, 0.04)
SHARE_WITH_FEVER, SHARE_WITH_COUGH = 0.02, 0.06


def write(rng: np.random.Generator, alarms: Sequence[Alarm]) -> None:
    """Write alerts with their orders, in the order in which they were opened."""
    # Whatever is closed was so in a transaction that is over.
    ((xid,),) = copying.read("SELECT pg_current_xact_id()::text")
    alerts = copying.append("community_alert", _rows(ALERT, [_alert(alarm, xid) for alarm in alarms]))
    pairs = list(zip(alerts, alarms, strict=True))
    orders = copying.append("community_workorder", _rows(ORDER, [_order(alert, alarm, xid) for alert, alarm in pairs]))
    _write_steps(rng, list(zip(orders, alarms, strict=True)))


ALERT = (
    "ref", "kind", "subject", "person_id", "area_id", "place", "cause", "count", "first_at", "last_at", "opened_at",
    "closed_at", "closed_in",
)  # fmt: skip
ORDER = (
    "ref", "alert_id", "area_id", "person_id", "assignee_id", "state", "opened_at", "due_at", "accepted_at",
    "arrived_at", "reported_at", "reported_by_id", "closed_at", "closed_by_id", "closed_in",
)  # fmt: skip
STEP = ("order_id", "before", "after", "note", "at", "by_id")
VISIT = ("order_id", "outcome", "celsius", "symptoms", "needs", "feedback", "by_id", "at")


def _alert(alarm: Alarm, xid: str) -> tuple[Any, ...]:
    call, closed = alarm.call, alarm.closed_at
    told = (call.kind, call.subject, call.person, call.area, alarm.place, alarm.cause)
    times = (alarm.first_at, alarm.last_at, alarm.opened_at, closed)
    return (alarm.ref, *told, alarm.count, *times, xid if closed else None)


def _order(alert: int, alarm: Alarm, xid: str) -> tuple[Any, ...]:
    opened, closed = alarm.steps[0].at, alarm.last(State.CLOSED)
    times = [step.at if (step := alarm.last(state)) else None for state in (State.ACCEPTED, State.ARRIVED)]
    reported = alarm.last(State.REPORTED)
    return (
        alarm.order_ref, alert, alarm.call.area, alarm.call.person, alarm.worker, alarm.state, opened,
        opened + settings.ORDER_DUE, *times, *_done(reported), *_done(closed), xid if closed else None,
    )  # fmt: skip


def _done(step: Step | None) -> tuple[datetime | None, int | None]:
    return (step.at, step.by) if step else (None, None)


def _write_steps(rng: np.random.Generator, orders: Sequence[tuple[int, Alarm]]) -> None:
    """Write every step, and a visit for each report, in the order of time."""
    steps, visits = [], []
    for order, alarm in orders:
        before = ""
        for step in alarm.steps:
            steps.append((order, before, step.after, step.note, step.at, step.by))
            before = step.after
            if step.after == State.REPORTED:
                visits.append((order, *_found(rng, alarm), step.by, step.at))
    copying.append("community_orderstep", _rows(STEP, sorted(steps, key=lambda row: (row[4], row[0]))))
    copying.append("community_visit", _rows(VISIT, sorted(visits, key=lambda row: (row[-1], row[0]))))


def _found(rng: np.random.Generator, alarm: Alarm) -> tuple[str, float | None, str, str, str]:
    """Return outcome, temperature, symptoms, needs and feedback of a visit."""

    def one_of(texts: Sequence[str]) -> str:
        return texts[int(rng.integers(len(texts)))]

    if alarm.call.person is None:
        return Visit.Outcome.NO_PERSON, None, "[]", "", one_of(LOOKED.get(alarm.cause, USUAL_LOOKED))
    outcome = rng.choice(OUTCOMES, p=SHARES_OF_OUTCOMES)
    if outcome != Outcome.MET:
        return outcome, None, "[]", "", one_of(ABSENT[outcome])
    has_fever = rng.random() < SHARE_WITH_FEVER
    symptoms = ["fever"] * has_fever + ["cough"] * (rng.random() < SHARE_WITH_COUGH)
    celsius = rng.integers(374, 385) if has_fever else rng.integers(361, 371)
    feedback = one_of(FOUND.get(alarm.cause, USUAL_FOUND))
    return outcome, celsius / 10, json.dumps(symptoms), one_of(NEEDS), feedback


def _rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, list[str]]:
    """Return rows as columns that COPY reads."""
    columns: dict[str, list[str]] = {name: [] for name in names}
    for row in rows:
        for column, value in zip(columns.values(), row, strict=True):
            column.append(_text(value))
    return columns


def _text(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, datetime):
        return value.isoformat()
    return copying.texts([str(value)])[0]
