"""Reads of isolations: who is in one, on what grounds, who waits for the county's word."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import F, Func, QuerySet
from django.db.models.fields import BooleanField

from citybrain.core import clock, scope
from citybrain.core.models import Person, User
from citybrain.core.roles import Act
from healthcode import check_in_queries, engine
from healthcode.kinds import Kind
from healthcode.models import Isolation, Reason
from healthcode.models.isolation import IsolationQuerySet


class WaitsForTheCounty(Func):
    """Whether some way out of a reason asks for the county's confirmation."""

    template = f"jsonb_path_exists(%(expressions)s, '$.**.evidence ? (@ == \"{Kind.COUNTY_CONFIRMATION}\")')"
    output_field = BooleanField()


def going_on(person: Person) -> Isolation | None:
    """Return the isolation in which somebody is now."""
    return Isolation.objects.going_on().filter(person=person).select_related("order", "area").first()


def last_ended(person: Person) -> Isolation | None:
    """Return the isolation that ended last."""
    return Isolation.objects.filter(person=person).exclude(ended_at=None).order_by("-ended_at").first()


def open_reasons(person: Person) -> list[Reason]:
    """Return the grounds on which somebody may be isolated: their open reasons, red before yellow."""
    return list(Reason.objects.filter(person=person, closed_at=None).order_by("colour", "since", "rule"))


def proposed_last_day(reasons: list[Reason]) -> dt.date | None:
    """Return the last day that open reasons speak for, as things stand; None when that hangs on somebody's act."""
    return check_in_queries.earliest_end(reasons)


def ordered(user: User) -> IsolationQuerySet:
    """Return the isolations that go on in the areas where the user may order them."""
    rows: IsolationQuerySet = Isolation.objects.visible_to(user, Act.ORDER_ISOLATION).going_on()
    return rows.select_related("person__area", "area", "order")


def waiting_for_county(user: User) -> QuerySet[Reason]:
    """Return the open reasons, of people in the user's areas, of which a way out asks for the county's confirmation."""
    here = scope.of(user).ids("area", Act.CONFIRM_RELEASE)
    rows = Reason.objects.filter(WaitsForTheCounty(F("closes_when")), closed_at=None, person__area__id__any=here)
    return rows.select_related("person__area")


def confirmable(reasons: Sequence[Reason]) -> set[int]:
    """Return which of these open reasons (ids) lack nothing but the county's confirmation on some way out."""
    counted = check_in_queries.counts({reason.person_id for reason in reasons})
    done = {count.reason.pk: count.done for rows in counted.values() for count in rows}
    return {reason.pk for reason in reasons if reason.closed_at is None and _lacks_the_county(reason, done)}


def _lacks_the_county(reason: Reason, done: Mapping[int, int]) -> bool:
    today, since = clock.today(), reason.since.astimezone(clock.SHANGHAI).date()
    for way in engine.ways_out({"closes_when": reason.closes_when}):
        others = [one for one in way if one.get("evidence") != Kind.COUNTY_CONFIRMATION]
        met = (
            done.get(reason.pk, 0) >= one["check_ins"]
            if "check_ins" in one
            else "days" in one and since + dt.timedelta(days=one["days"]) < today
            for one in others
        )
        if len(others) < len(way) and all(met):
            return True
    return False


def rule_names(reasons: Iterable[Reason]) -> dict[str, str]:
    """Return the names of the rules of these reasons in the reader's language."""
    return check_in_queries.rule_names({reason.rule for reason in reasons})
