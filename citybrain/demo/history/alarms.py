"""Alerts as the passes raised them, and the orders that followed, told step by step until the present."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

import numpy as np

from citybrain.demo.history.staff import Staff
from citybrain.demo.history.words import RETURNED
from community.actions.alerts import Raised
from community.models import WorkOrder

State = WorkOrder.State
# How far the work on an order has come when its story is held there.
STAGES: Mapping[str, tuple[State, ...]] = {
    State.OPEN: (),
    State.ACCEPTED: (State.ACCEPTED,),
    State.ARRIVED: (State.ACCEPTED, State.ARRIVED),
    State.REPORTED: (State.ACCEPTED, State.ARRIVED, State.REPORTED),
    State.RETURNED: (State.ACCEPTED, State.ARRIVED, State.REPORTED, State.RETURNED),
}
USUAL = (*STAGES[State.REPORTED], State.CLOSED)
TWICE = (*STAGES[State.RETURNED], State.REPORTED, State.CLOSED)
SHARE_RETURNED, SHARE_LATE = 0.05, 0.02
# Minutes that each step takes, from and to; all steps of an order together stay below what is due unless it is late.
MINUTES = {
    State.ACCEPTED: (1, 20), State.ARRIVED: (4, 25), State.REPORTED: (3, 15), State.RETURNED: (3, 10),
    State.CLOSED: (3, 20),
}  # fmt: skip
SLOWER_WHEN_LATE = 5
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Call(Raised):
    """Something that calls for an alert, as accesslog.actions.watch tells it."""

    # Where the work on its order stands now; empty lets it take its course.
    stage: str = ""


@dataclass(frozen=True)
class Step:
    """A step of an order; the worker and the verifier take turns."""

    after: str
    at: datetime
    by: int | None
    note: str = ""


@dataclass
class Alarm:
    """An alert with its order."""

    call: Call
    opened_at: datetime
    first_at: datetime
    last_at: datetime
    place: str
    cause: str
    steps: list[Step]
    # None where nobody is on duty.
    worker: int | None
    count: int = 1
    ref: uuid.UUID = field(default_factory=lambda: uuid.UUID(int=0))
    order_ref: uuid.UUID = field(default_factory=lambda: uuid.UUID(int=0))

    @property
    def state(self) -> str:
        """Where the order stands."""
        return self.steps[-1].after

    @property
    def closed_at(self) -> datetime | None:
        """When it was closed, if it was."""
        return self.steps[-1].at if self.state == State.CLOSED else None

    def last(self, state: str) -> Step | None:
        """Return the last step into a state, if there was one."""
        return next((step for step in reversed(self.steps) if step.after == state), None)


class District:
    """Raises alerts and lets the staff work on their orders."""

    def __init__(self, rng: np.random.Generator, staff: Staff, now: datetime) -> None:
        """Begin with nothing open."""
        self._rng, self._staff, self._now = rng, staff, now

    def follow(self, calls: Sequence[Call]) -> list[Alarm]:
        """Return an alert per subject and kind as long as one is open, in the order in which they were opened."""
        groups: dict[tuple[str, str], list[Call]] = {}
        for call in sorted(calls, key=attrgetter("at")):
            groups.setdefault((call.subject, call.kind), []).append(call)
        alarms = [alarm for group in groups.values() for alarm in self._of_one(group)]
        alarms.sort(key=attrgetter("opened_at"))
        for alarm in alarms:
            alarm.ref, alarm.order_ref = self._uuid(), self._uuid()
        return alarms

    def _of_one(self, calls: Sequence[Call]) -> Iterator[Alarm]:
        """Yield the alerts of one subject and kind."""
        held: Alarm | None = None
        for call in calls:
            while held and held.closed_at and held.closed_at <= call.at:
                yield held
                held = self._raised_anew(held)
            if held is None:
                held = self._open(call, call.at + SECOND * self._rng.uniform(0.2, 1.5))
            else:
                held.count += 1
                held.last_at, held.place, held.cause = call.at, call.place, call.cause
        while held:
            yield held
            held = self._raised_anew(held) if held.closed_at else None

    def _raised_anew(self, closed: Alarm) -> Alarm | None:
        """Return what was not looked into when an order was closed, as community.actions.orders raises it."""
        reported = closed.last(State.REPORTED)
        if closed.closed_at is None or reported is None or closed.last_at <= reported.at:
            return None
        again = replace(closed.call, at=closed.last_at, place=closed.place, cause=closed.cause, stage="")
        return self._open(again, closed.closed_at)

    def _open(self, call: Call, opened_at: datetime) -> Alarm:
        opened_at = min(opened_at, self._now)
        begun = min(opened_at + SECOND * self._rng.uniform(0.2, 1.5), self._now)
        steps = [Step(State.OPEN, begun, None), *self._work(call, begun)]
        return Alarm(
            call, opened_at, call.at, call.at, call.place, call.cause, steps, self._staff.worker.get(call.area)
        )

    def _work(self, call: Call, begun: datetime) -> Iterator[Step]:
        """Yield what was done by now."""
        worker = self._staff.worker.get(call.area)
        # Nobody verifies what they did themselves.
        checking = [user for user in self._staff.verifiers.get(call.area, ()) if user != worker]
        if worker is None or not checking:
            return
        checks = checking[self._rng.integers(len(checking))]
        for state, at in self._times(call, begun):
            if at > self._now:
                return
            note = RETURNED[self._rng.integers(len(RETURNED))] if state == State.RETURNED else ""
            yield Step(state, at, checks if state in {State.RETURNED, State.CLOSED} else worker, note)

    def _times(self, call: Call, begun: datetime) -> Iterator[tuple[State, datetime]]:
        if call.stage:
            path = STAGES[call.stage]
            for number, state in enumerate(path, start=1):
                yield state, begun + (self._now - begun) * (number / (len(path) + 1))
            return
        slower = SLOWER_WHEN_LATE if self._rng.random() < SHARE_LATE else 1
        at = begun
        for state in TWICE if self._rng.random() < SHARE_RETURNED else USUAL:
            at += timedelta(minutes=self._rng.uniform(*MINUTES[state])) * slower
            yield state, at

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(bytes=self._rng.bytes(16), version=4)
