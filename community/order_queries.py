"""Reads for the pages of alerts, orders and duty."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from citybrain.core import scope
from citybrain.core.models import Area, User
from citybrain.core.roles import Act
from community.models import Alert, Duty, OrderStep, Visit, VisitPhoto, WorkOrder
from community.models.alert import AlertQuerySet
from community.models.order import WorkOrderQuerySet


def shown(rows: WorkOrderQuerySet) -> WorkOrderQuerySet:
    """Return orders with what a page says of them."""
    return rows.select_related("alert", "area", "person__area", "assignee")


def to_verify(user: User) -> WorkOrderQuerySet:
    """Return the reported orders of the user's areas; `is_own` says that the user carried the order out."""
    rows: WorkOrderQuerySet = WorkOrder.objects.visible_to(user, Act.VERIFY_ORDERS).to_verify()
    return shown(rows).annotate(is_own=_carried_out_by(user))


def next_to_verify(user: User) -> WorkOrder | None:
    """Return the report that has waited longest and that the user may verify."""
    rows = WorkOrder.objects.visible_to(user, Act.VERIFY_ORDERS).to_verify()
    return rows.exclude(_carried_out_by(user)).order_by("due_at", "id").first()


def _carried_out_by(user: User) -> Exists:
    done = (WorkOrder.State.ACCEPTED, WorkOrder.State.ARRIVED, WorkOrder.State.REPORTED)
    return Exists(OrderStep.objects.filter(order=OuterRef("pk"), by=user, after__in=done))


def without_worker(user: User) -> WorkOrderQuerySet:
    """Return the open orders of the user's areas that nobody has."""
    return shown(WorkOrder.objects.visible_to(user, Act.VERIFY_ORDERS).without_worker())


def visits(order: WorkOrder) -> list[Visit]:
    """Return the visits made for an order with their photos, newest first."""
    rows = order.visits.select_related("by").prefetch_related("photos__photo")
    return list(rows.order_by("-id"))


def steps(order: WorkOrder) -> list[OrderStep]:
    """Return what was done with an order, in order."""
    return list(order.steps.select_related("by"))


def photo(user: User, ref: uuid.UUID) -> VisitPhoto | None:
    """Return a photo of a visit if the user may open its order."""
    visible = WorkOrder.objects.visible_to(user, Act.HANDLE_ORDERS)
    rows = VisitPhoto.objects.filter(photo__ref=ref, visit__order__in=visible)
    return rows.select_related("photo", "visit__order").first()


def alerts(user: User, *, state: str, kind: str) -> AlertQuerySet:
    """Return the alerts of the user's areas, narrowed by state ("open", "closed", "" for all) and kind."""
    rows: AlertQuerySet = Alert.objects.visible_to(user, Act.HANDLE_ORDERS)
    if state:
        rows = rows.still_open() if state == "open" else rows.closed()
    if kind:
        rows = rows.filter(kind=kind)
    return rows.select_related("area", "person", "order")


def workers(areas: Iterable[int]) -> dict[int, list[User]]:
    """Return, for each area, who may handle orders there, by name."""
    able = scope.holders(Act.HANDLE_ORDERS, areas)
    users = User.objects.in_bulk({holder.user for holders in able.values() for holder in holders})
    return {area: list({h.user: users[h.user] for h in holders}.values()) for area, holders in able.items()}


@dataclass(frozen=True)
class Post:
    """A grid on the roster: who is on duty, and who may be."""

    grid: Area
    on_duty: User | None
    workers: list[User]

    @property
    def is_stale(self) -> bool:
        """Whether whoever is on duty may not handle orders there any more."""
        return self.on_duty is not None and self.on_duty not in self.workers


def roster(user: User) -> list[Post]:
    """Return the grids whose duty the user sets, by code."""
    held = scope.of(user).ids("area", Act.SET_DUTY)
    grids = list(_grids(held))
    able = workers([grid.pk for grid in grids])
    duties = {duty.area_id: duty.user for duty in Duty.objects.filter(area__in=grids).select_related("user")}
    return [Post(grid, duties.get(grid.pk), able[grid.pk]) for grid in grids]


def _grids(ids: list[int]) -> QuerySet[Area]:
    return Area.objects.filter(id__any=ids, level=Area.Level.GRID).select_related("parent").order_by("code")
