"""Rows behind the cockpit's figures, as of the figure: exactly those that it counted, whatever has happened since."""

import datetime as dt
from typing import Any

from django.db.models import BooleanField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from accesslog.models import ADMITTING, Pass
from citybrain.core import scope
from citybrain.core.models import Area, Person, User, XidEra
from citybrain.core.models.person import PersonQuerySet
from citybrain.core.roles import Act
from community.models import Alert, OrderStep, WorkOrder
from dashboard.as_of import AsOf
from dashboard.queries import Span
from healthcode.models import CodeChange, State

# A pass is received at most 7 days after its scan, or else kept in quarantine: other partitions are left alone.
LATEST = dt.timedelta(days=8)
REFUSED = "refused"
NOT_GREEN = "not_green"


def persons(user: User, as_of: AsOf, *, state: str = "", within: Area | None = None) -> PersonQuerySet:
    """Return the persons of the user's areas by what their code said then (or NOT_GREEN), each with `state_then`.

    They are those who live there now: whose area changed since is the new area's to name.
    """
    changes = CodeChange.objects.all()
    present = (
        Q(code_state=None) | Q(code_state__state=state) if state == State.NOT_KNOWN else Q(code_state__state=state)
    )
    rows: PersonQuerySet = Person.objects.visible_to(user, Act.SEE_COCKPIT).visible_to(user, Act.SEE_PEOPLE)
    rows = rows.filter(entered_in__seen_in=as_of.seen).select_related("area")
    if state == NOT_GREEN:
        rows = rows.exclude(_was(State.GREEN, Q(code_state__state=State.GREEN), changes, "person_id", as_of))
    elif state:
        rows = rows.filter(_was(state, present, changes, "person_id", as_of))
    rows = rows.filter(**_below(within))
    then = _before(changes, "person_id", as_of)
    return rows.annotate(state_then=Coalesce(then, F("code_state__state"), Value(State.NOT_KNOWN.value)))


def alerts(
    user: User, as_of: AsOf, *, kind: str = "", area: Area | None = None, within: Area | None = None
) -> QuerySet[Alert]:
    """Return the alerts that were open then, in one area alone or within one and all below it."""
    rows = Alert.objects.visible_to(user, Act.SEE_COCKPIT).filter(_open(as_of)).select_related("area")
    return rows.filter(**_given(kind=kind, area=area), **_below(within))


def orders(
    user: User,
    as_of: AsOf,
    *,
    state: str = "",
    area: Area | None = None,
    within: Area | None = None,
    overdue: bool = False,
    ref: str = "",
) -> QuerySet[WorkOrder]:
    """Return the orders that were open then, in one area alone or within one, each with `state_then`."""
    steps = OrderStep.objects.all()
    rows = WorkOrder.objects.visible_to(user, Act.SEE_COCKPIT).filter(_open(as_of)).select_related("area", "alert")
    if state:
        rows = rows.filter(_was(state, Q(state=state), steps, "order_id", as_of))
    if overdue:
        rows = rows.filter(due_at__lt=as_of.at)
    rows = rows.filter(**_given(area=area, ref=ref), **_below(within))
    return rows.annotate(state_then=Coalesce(_before(steps, "order_id", as_of), F("state")))


def passes(user: User, as_of: AsOf, span: Span, *, result: str = "") -> QuerySet[Pass]:
    """Return the passes that were received in a span of whole minutes and had been counted then."""
    begin, end = span
    rows = Pass.objects.filter(area_id__any=_areas(user), received_at__gte=begin, received_at__lt=end)
    rows = rows.filter(scanned_at__gte=begin - LATEST, scanned_at__lt=end + LATEST)
    if result == REFUSED:
        rows = rows.exclude(result__in=ADMITTING)
    elif result:
        rows = rows.filter(result=result)
    return rows.filter(_counted(as_of)).select_related("place", "point", "area")


def visible_area(user: User, pk: int) -> Area | None:
    """Return the area with this id, if its figures are the user's to see."""
    return Area.objects.filter(pk=pk, id__any=_areas(user)).first()


def _areas(user: User) -> list[int]:
    return scope.of(user).ids("area", Act.SEE_COCKPIT)


def _open(as_of: AsOf) -> Q:
    """Keep what was opened in a transaction that the snapshot saw, and was not closed in one."""
    return Q(opened_in__seen_in=as_of.seen) & (Q(closed_in=None) | Q(closed_in__unseen_by=as_of.seen))


def _was(state: str, present: Q, changes: "QuerySet[Any]", whose: str, as_of: AsOf) -> Q:
    """Keep rows that stood in a state then: their first change since began there; without one, they stand there now."""
    since = changes.filter(xid__unseen_by=as_of.seen)
    first = changes.filter(pk__in=since.order_by(whose, "pk").distinct(whose).values("pk"))
    return Q(pk__in=first.filter(before=state).values(whose)) | (present & ~Q(pk__in=first.values(whose)))


def _before(changes: "QuerySet[Any]", whose: str, as_of: AsOf) -> Subquery:
    """Return what stood before a row's first change since; nothing when there was none."""
    since = changes.filter(xid__unseen_by=as_of.seen).filter(**{whose: OuterRef("pk")})
    return Subquery(since.order_by("pk").values("before")[:1])


def _counted(as_of: AsOf) -> Q:
    """Keep the passes up to the consumer's position; all of the eras before its own."""
    if as_of.counted is None:
        return Q(pk__in=[])
    position = [str(as_of.counted.xid), as_of.counted.last_pass]
    up_to = RawSQL("(accesslog_pass.xid, accesslog_pass.id) <= (%s::xid8, %s)", position, output_field=BooleanField())
    eras = list(XidEra.objects.order_by("id"))
    number = next((number for number, era in enumerate(eras) if era.pk == as_of.counted.era), 0)
    kept = Q(up_to)
    if number + 1 < len(eras):
        kept &= Q(received_at__lt=eras[number + 1].started_at)
    if number > 0:
        kept |= Q(received_at__lt=eras[number].started_at)
    return kept


def _below(area: Area | None) -> dict[str, str]:
    return {"area__path__startswith": area.path} if area else {}


def _given(**narrowing: Any) -> dict[str, Any]:
    return {name: value for name, value in narrowing.items() if value}
