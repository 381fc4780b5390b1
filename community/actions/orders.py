"""Orders: opened by the system for an alert, carried out by a worker, verified and closed by somebody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Func
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, photos, scope
from citybrain.core.models import Area, User
from citybrain.core.models.audit import Deed
from citybrain.core.models.fields import XidField
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act, GridWorker
from community.actions.alerts import raise_alert
from community.models import Alert, Duty, OrderStep, Visit, VisitDraft, VisitPhoto, WorkOrder
from community.queries import duty_grid

State = WorkOrder.State
MOST_PHOTOS = 4
# A finger that slipped is noticed at once; later the step has happened.
TAKE_BACK_WITHIN = timedelta(minutes=10)
CHANGED = (
    "state",
    "assignee",
    "accepted_at",
    "arrived_at",
    "reported_at",
    "reported_by",
    "closed_at",
    "closed_by",
    "closed_in",
)


class OrderError(Exception):
    """A step that is not possible as things stand; its text says why, to whoever tried."""


@dataclass(frozen=True)
class Move:
    """One step: from which states it is possible, where it leads, and the kind of act that it is."""

    name: str
    before: frozenset[str]
    after: str
    deed: Deed
    act: Act
    purpose: Purpose


def _work(name: str, before: set[str], after: str) -> Move:
    return Move(name, frozenset(before), after, Deed.HANDLE_ORDER, Act.HANDLE_ORDERS, Purpose.VISIT)


def _check(name: str, before: set[str], after: str, deed: Deed = Deed.VERIFY_ORDER) -> Move:
    return Move(name, frozenset(before), after, deed, Act.VERIFY_ORDERS, Purpose.SUPERVISION)


ACCEPT = _work("accept", {State.OPEN}, State.ACCEPTED)
ARRIVE = _work("arrive", {State.ACCEPTED}, State.ARRIVED)
# What was returned may be mended without going there again, such as when a photo is missing.
REPORT = _work("report", {State.ARRIVED, State.RETURNED}, State.REPORTED)
RETURN = _check("return", {State.REPORTED}, State.RETURNED)
CLOSE = _check("close", {State.REPORTED}, State.CLOSED)
# Whoever takes an order over begins anew.
ASSIGN = _check("assign", set(WorkOrder.TO_DO), State.OPEN, Deed.HANDLE_ORDER)
ONWARD = {(before, move.after) for move in (ACCEPT, ARRIVE, REPORT) for before in move.before}
# A step taken by mistake, by the state that it led to.
TAKE_BACK = {
    State.ACCEPTED: _work("take_back", {State.ACCEPTED}, State.OPEN),
    State.ARRIVED: _work("take_back", {State.ARRIVED}, State.ACCEPTED),
    State.REPORTED: _work("take_back", {State.REPORTED}, State.RETURNED),
}


@dataclass(frozen=True)
class Found:
    """What a worker found on site."""

    outcome: str
    feedback: str
    celsius: Decimal | None = None
    symptoms: Sequence[str] = ()
    needs: str = ""


def open_for_alert(payload: Mapping[str, Any]) -> None:
    """Handle `alert.opened`: open its order, for the worker on duty; nothing when it is closed or has one."""
    alert = Alert.objects.select_for_update(of=("self",)).select_related("area").get(pk=payload["alert"])
    if alert.closed_at is not None or WorkOrder.objects.filter(alert=alert).exists():
        return
    grid, now = duty_grid(alert.area), clock.now()
    order = WorkOrder.objects.create(
        alert=alert,
        area=grid,
        person_id=alert.person_id,
        assignee_id=_worker_on_duty(grid),
        opened_at=now,
        due_at=now + settings.ORDER_DUE,
    )
    OrderStep.objects.create(order=order, after=State.OPEN, at=now)


def _worker_on_duty(grid: Area) -> int | None:
    """Return who is on duty for a grid and still works there, else the one grid worker that it has, else nobody."""
    able = scope.holders(Act.HANDLE_ORDERS, [grid.pk])[grid.pk]
    on_duty = Duty.objects.filter(area=grid).values_list("user_id", flat=True).first()
    if on_duty in {holder.user for holder in able}:
        return on_duty
    own = [holder.user for holder in able if holder.role == GridWorker.codename and holder.on == grid.pk]
    return own[0] if len(own) == 1 else None


def accept(*, order: WorkOrder, by: User) -> None:
    """Take an order on, as the worker it is given to."""
    with transaction.atomic():
        held = hold(order, ACCEPT, by)
        held.accepted_at = clock.now()
        _write(held, ACCEPT, by)


def arrive(*, order: WorkOrder, by: User) -> None:
    """Say that the worker is on site."""
    with transaction.atomic():
        held = hold(order, ARRIVE, by)
        held.arrived_at = clock.now()
        _write(held, ARRIVE, by)


def take_back(*, order: WorkOrder, by: User) -> None:
    """Undo one's own last step, a moment after it was taken; a report taken back is written anew, its visit stays."""
    move = TAKE_BACK.get(State(order.state))
    if move is None:
        raise OrderError(_("There is no step to take back."))
    with transaction.atomic():
        held = hold(order, move, by)
        if not may_take_back(held, held.steps.last(), by):
            raise OrderError(_("A step can be taken back within 10 minutes only, by whoever took it."))
        if held.state == State.ACCEPTED:
            held.accepted_at = None
        if held.state == State.ARRIVED:
            held.arrived_at = None
        _write(held, move, by)


def may_take_back(order: WorkOrder, last: OrderStep | None, by: User) -> bool:
    """Whether the last step of an order is one that this user took a moment ago and may still take back."""
    if last is None or order.assignee_id != by.pk or last.by_id != by.pk or order.state not in TAKE_BACK:
        return False
    # What a step back has led to is none.
    return (last.before, last.after) in ONWARD and last.at >= clock.now() - TAKE_BACK_WITHIN


def report(*, order: WorkOrder, found: Found, pictures: Sequence[bytes], visits_seen: int, by: User) -> Visit:
    """Report what the worker found, with at most MOST_PHOTOS pictures as `photos.PhotoField` gives them.

    `visits_seen` is how many visits the order had when the form was drawn: sent twice, it is kept once.
    """
    if len(pictures) > MOST_PHOTOS:
        raise ValueError("too many pictures")
    with transaction.atomic():
        held = hold(order, REPORT, by)
        if held.visits.count() != visits_seen:
            raise OrderError(_("This report was sent twice. It has arrived, and is kept once."))
        now = clock.now()
        visit = Visit.objects.create(
            order=held,
            outcome=found.outcome,
            celsius=found.celsius,
            symptoms=list(found.symptoms),
            needs=found.needs,
            feedback=found.feedback,
            by=by,
            at=now,
        )
        for jpeg in pictures:
            VisitPhoto.objects.create(visit=visit, photo=photos.keep(jpeg=jpeg, area=held.area, by=by))
        VisitDraft.objects.filter(order=held).delete()
        held.reported_at, held.reported_by = now, by
        _write(held, REPORT, by, visit=visit.pk, photos=len(pictures))
    return visit


def return_to_worker(*, order: WorkOrder, note: str, by: User) -> None:
    """Send the report back, saying what is missing; whoever carried it out may not."""
    with transaction.atomic():
        held = hold(order, RETURN, by)
        _write(held, RETURN, by, note=note)


def verify_and_close(*, order: WorkOrder, by: User) -> bool:
    """Find the report right and close order and alert; whoever carried it out may not.

    What happened again since the report was not looked into: it is raised anew. Returns whether that was so.
    """
    with transaction.atomic():
        held = hold(order, CLOSE, by)
        now, here = clock.now(), Func(function="pg_current_xact_id", output_field=XidField())
        held.closed_at, held.closed_by, held.closed_in = now, by, here
        _write(held, CLOSE, by)
        # Held, so that nothing is counted into it between looking and closing.
        alert = Alert.objects.select_for_update(of=("self",)).get(pk=held.alert_id)
        if alert.closed_at is not None:
            return False
        Alert.objects.filter(pk=alert.pk).update(closed_at=now, closed_in=here)
        return _raise_anew(alert, since=held.reported_at)


def _raise_anew(alert: Alert, *, since: datetime | None) -> bool:
    if since is None or alert.last_at <= since:
        return False
    raise_alert(
        kind=alert.kind,
        subject=alert.subject,
        person=alert.person_id,
        area=alert.area_id,
        place=alert.place,
        cause=alert.cause,
        at=alert.last_at,
    )
    return True


def assign(*, order: WorkOrder, to: User, by: User) -> None:
    """Give the order to somebody who may handle orders in its area; they begin anew."""
    with transaction.atomic():
        held = hold(order, ASSIGN, by)
        if to.pk not in {holder.user for holder in scope.holders(Act.HANDLE_ORDERS, [held.area_id])[held.area_id]}:
            raise OrderError(_("Whoever you chose does not handle orders there. Choose somebody else."))
        VisitDraft.objects.filter(order=held).delete()
        held.assignee = to
        held.accepted_at = held.arrived_at = None
        _write(held, ASSIGN, by, note=str(to), to=to.pk)


def hold(order: WorkOrder, move: Move, by: User) -> WorkOrder:
    """Lock the order until the transaction ends; raise OrderError unless it stands where the step begins, for `by`."""
    held = WorkOrder.objects.select_for_update(of=("self",)).select_related("area").get(pk=order.pk)
    if held.state not in move.before:
        message = _("This was not done: the order is now “%(state)s”. Somebody was faster, or it was sent twice.")
        raise OrderError(message % {"state": held.get_state_display()})
    if move.act == Act.HANDLE_ORDERS and held.assignee_id != by.pk:
        raise OrderError(_("This was not done: the order is given to somebody else."))
    if move in {RETURN, CLOSE} and held.is_carried_out_by(by):
        raise OrderError(_("Whoever carries out an order does not verify it. Ask somebody else to look at it."))
    return held


def _write(held: WorkOrder, move: Move, by: User, *, note: str = "", **detail: int) -> None:
    before, held.state = held.state, move.after
    held.save(update_fields=CHANGED)
    OrderStep.objects.create(order=held, before=before, after=move.after, note=note, by=by, at=clock.now())
    audit.record(
        move.deed,
        by=by,
        under=move.act,
        where=("area", [held.area_id]),
        purpose=move.purpose,
        subjects=[held.person_id] if held.person_id is not None else [],
        target=f"order:{held.pk}",
        detail={"step": move.name, **detail},
    )
