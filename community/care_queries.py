"""Reads for the care of people in isolation and of those who owe daily check-ins."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from citybrain.core import clock
from citybrain.core.models import Person, User
from citybrain.core.models.person import PersonQuerySet
from citybrain.core.roles import Act
from community.models import Alert, CareRequest, WorkOrder
from healthcode import check_in_queries
from healthcode.models import Isolation, Reason

# Whose last reason can end today or tomorrow.
SOON = dt.timedelta(days=2)
# The lists that a worker can choose, each by what it keeps.
SHOWS: dict[str, Q] = {
    "all": Q(),
    "due": check_in_queries.DUE,
    "missed": Q(owed_yesterday=True, had_yesterday=False),
    "worse": Q(is_worse=True),
    "needs": Q(has_needs=True),
    "ending": Q(ends_soon=True),
}
LATEST_REQUESTS = 20


def cared_for(user: User) -> PersonQuerySet:
    """Return whom a worker looks after in their areas, with what the lists of SHOWS go by."""
    people = Person.objects.visible_to(user, Act.CARE_FOR_ISOLATED).select_related("area")
    alerts = Alert.objects.still_open().filter(person=OuterRef("pk"))
    reasons = Reason.objects.filter(person=OuterRef("pk"), closed_at=None)
    late = check_in_queries.midnight(clock.today() + SOON)
    return check_in_queries.watched(people).annotate(
        is_worse=Exists(alerts.filter(kind=Alert.Kind.HEALTH_WORSE)),
        has_needs=Exists(alerts.filter(kind=Alert.Kind.CARE_NEEDED)),
        ends_soon=Q(Exists(reasons.filter(until__lt=late)))
        & ~Exists(reasons.filter(Q(until=None) | Q(until__gte=late))),
    )


def sizes(rows: PersonQuerySet) -> dict[str, int]:
    """Return how many rows each list of SHOWS has."""
    return rows.order_by().aggregate(**{name: Count("pk", filter=keeps) for name, keeps in SHOWS.items()})


@dataclass(frozen=True)
class Cared:
    """Somebody to look after, as the list shows them."""

    person: Person
    counts: list[check_in_queries.Count]
    isolation: Isolation | None
    # normal, worse, due, or none where nothing is owed today.
    today: str
    missed_yesterday: bool
    orders: list[WorkOrder]
    requests: list[CareRequest]


def rows(user: User, people: Sequence[Person]) -> list[Cared]:
    """Return what the list says of people that `cared_for` gave; raise NoRulesError when no rules are in force."""
    ids = [person.pk for person in people]
    told = check_in_queries.stories(ids)
    counts = check_in_queries.counts(ids, told)
    isolations = {row.person_id: row for row in Isolation.objects.going_on().filter(person__in=ids)}
    handled = WorkOrder.objects.visible_to(user, Act.HANDLE_ORDERS).still_open()
    orders = list(handled.filter(person__in=ids).select_related("alert").order_by("due_at", "id"))
    asked = CareRequest.objects.filter(person__in=ids, alert__closed_at=None).order_by("asked_at")
    requests = list(asked)
    return [
        Cared(
            person=person,
            counts=counts[person.pk],
            isolation=isolations.get(person.pk),
            today=_today(person, told[person.pk]),
            missed_yesterday=person.owed_yesterday and not person.had_yesterday,  # type: ignore[attr-defined]
            orders=[order for order in orders if order.person_id == person.pk],
            requests=[request for request in requests if request.person_id == person.pk],
        )
        for person in people
    ]


def _today(person: Person, story: check_in_queries.Story) -> str:
    normal = story.days.get(clock.today())
    if normal is None:
        return "due" if person.owes_today else "none"  # type: ignore[attr-defined]
    return "normal" if normal else "worse"


@dataclass(frozen=True)
class Asked:
    """A request and how far it has come."""

    request: CareRequest
    wants: list[str]
    # How many of the four steps are reached: received, accepted, at the place, done.
    reached: int
    is_returned: bool


def requests_of(person: Person) -> list[Asked]:
    """Return a person's requests, newest first, each with how far the order for it has come."""
    asked = list(CareRequest.objects.filter(person=person).order_by("-asked_at", "-pk")[:LATEST_REQUESTS])
    orders = _orders(person.pk) if asked else []
    return [_asked(request, _answering(request, orders)) for request in asked]


def requests_behind(order: WorkOrder) -> list[Asked]:
    """Return what was asked for that an order answers."""
    if order.alert.kind != Alert.Kind.CARE_NEEDED or order.person_id is None:
        return []
    asked = CareRequest.objects.filter(person=order.person_id).order_by("-asked_at", "-pk")[:LATEST_REQUESTS]
    orders = _orders(order.person_id)
    return [_asked(one, order) for one in asked if _answering(one, orders) == order]


def _orders(person: int) -> list[WorkOrder]:
    rows = WorkOrder.objects.filter(person=person, alert__kind=Alert.Kind.CARE_NEEDED)
    return list(rows.order_by("alert_id"))


def _answering(request: CareRequest, orders: Iterable[WorkOrder]) -> WorkOrder | None:
    """Return the order that answers a request: what was asked after the report, the next one answers."""
    for order in orders:
        is_of_request = order.alert_id >= request.alert_id
        if is_of_request and (order.reported_at is None or order.reported_at >= request.asked_at):
            return order
    return None


def _asked(request: CareRequest, order: WorkOrder | None) -> Asked:
    state = order.state if order is not None else WorkOrder.State.OPEN
    reached = {
        WorkOrder.State.OPEN: 1,
        WorkOrder.State.ACCEPTED: 2,
        WorkOrder.State.ARRIVED: 3,
        WorkOrder.State.RETURNED: 2,
        WorkOrder.State.REPORTED: 4,
        WorkOrder.State.CLOSED: 4,
    }
    wants = [str(CareRequest.Want(want).label) for want in request.wants]
    return Asked(request, wants, reached[WorkOrder.State(state)], is_returned=state == WorkOrder.State.RETURNED)
