"""Reads of residents and estates. List, search, export, map and API all start from `residents`."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import pgettext

from citybrain.core import clock, documents, names, scope
from citybrain.core.models import Area, Person, User
from citybrain.core.models.person import PersonQuerySet
from citybrain.core.roles import Act
from community.models import Building, Duty, Estate, HouseholdMember, WorkOrder

LAST_FOUR = 4


def residents(user: User, *, act: Act = Act.SEE_PEOPLE, name: str = "", area: Area | None = None) -> PersonQuerySet:
    """Return the persons that a user may name, narrowed by a part of the name (characters or pinyin) and an area."""
    rows: PersonQuerySet = Person.objects.visible_to(user, act).select_related("area")
    if name:
        rows = rows.filter(Q(name__icontains=name) | Q(name_sort__startswith=names.sort_key(name)))
    if area:
        rows = rows.filter(area__path__startswith=area.path)
    return rows


def held_elsewhere(user: User, number: str) -> list[int]:
    """Return the ids of persons whom a document number names and the user may not see, for the record."""
    named = Person.objects.holding(number)
    return list(named.exclude(pk__in=residents(user).values("pk")).values_list("pk", flat=True))


def find_by_number(user: User, number: str) -> PersonQuerySet:
    """Return the visible persons with this document number, or whose phone ends in these four digits."""
    plain = documents.normalise(number)
    rows = residents(user)
    if len(plain) == LAST_FOUR and plain.isdigit():
        return rows.filter(phones__last_four=plain).distinct()
    return rows.holding(plain).distinct()


def visible_areas(user: User, act: Act) -> QuerySet[Area]:
    """Return the areas in which a user may do the act, in the order of their codes."""
    return Area.objects.filter(id__any=scope.of(user).ids("area", act)).order_by("code")


def housemates(user: User, person: Person) -> list[HouseholdMember]:
    """Return the members of a person's household whom the user may name; empty when it is not known.

    Someone registered here may have a present address elsewhere: then they are that grid's to name.
    """
    own = HouseholdMember.objects.filter(person=person).values("household")
    members = HouseholdMember.objects.filter(household__in=own, person__in=residents(user))
    return list(members.select_related("person", "household__room__building__estate").order_by("id"))


@dataclass(frozen=True)
class GridOnMap:
    """A grid with the number of residents that the asking user may name there."""

    area: Area
    count: int


def residents_by_grid(user: User, *, area: Area | None = None) -> list[GridOnMap]:
    """Return every visible grid with a boundary and its count; the counts add up to the list's."""
    rows = residents(user, area=area).order_by()
    counts: dict[int, int] = dict(rows.values_list("area").annotate(n=Count("id")))
    grids = visible_areas(user, Act.SEE_PEOPLE).filter(level=Area.Level.GRID, boundary__isnull=False)
    if area:
        grids = grids.filter(path__startswith=area.path)
    return [GridOnMap(grid, counts.get(grid.pk, 0)) for grid in grids]


def buildings(user: User) -> QuerySet[Building]:
    """Return the buildings that a user may see, with the number of rooms and of residents."""
    return (
        Building.objects.visible_to(user, Act.SEE_ESTATES)
        .select_related("estate__property_company", "estate__area", "area")
        .annotate(
            room_count=Count("rooms", distinct=True),
            resident_count=Count("rooms__households__members", distinct=True),
        )
        .order_by("estate__area__code", "estate__name", "estate_id", "id")
    )


def duty_grid(area: Area) -> Area:
    """Return the grid that answers for an area; a grid, and an area without grids, answers for itself.

    It is the first by code below for which somebody is on duty, else the first by code.
    """
    if area.level == Area.Level.GRID:
        return area
    grids = Area.objects.filter(level=Area.Level.GRID, path__startswith=area.path)
    covered = grids.annotate(has_duty=Exists(Duty.objects.filter(area=OuterRef("pk"))))
    return covered.order_by("-has_duty", "code").first() or area


def waiting_orders(user: User | AnonymousUser) -> dict[str, object]:
    """Return how many orders wait for a worker, how many of them are overdue, and the ref of the newest."""
    rows = WorkOrder.objects.of_worker(user).to_do()
    counts = rows.aggregate(open=Count("id"), overdue=Count("id", filter=Q(due_at__lt=clock.now())))
    newest = rows.order_by("-id").values_list("ref", flat=True).first()
    return {**counts, "newest": str(newest) if newest else None}


def orders_picture(user_id: int) -> dict[str, object]:
    """Return what a worker's page shows of their orders as JSON types, with its time: the live stream's picture."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return {**waiting_orders(user or AnonymousUser()), "at": clock.now().isoformat()}


def span_patterns() -> dict[str, str]:
    """Return the patterns of spans of time under an hour, under a day, and longer; a script fills in the same ones."""
    return {
        "minutes": pgettext("span of time", "{m} min"),
        "hours": pgettext("span of time", "{h} h {m} min"),
        "days": pgettext("span of time", "{d} d {h} h"),
    }


def span_in_words(span: dt.timedelta, words: Mapping[str, str] | None = None) -> str:
    """Return how long a span is, whichever way it runs; `words` are `span_patterns()`, once for many."""
    minutes = int(abs(span) / dt.timedelta(minutes=1))
    hours, days = minutes // 60, minutes // (24 * 60)
    pattern = (words or span_patterns())["days" if days else "hours" if hours else "minutes"]
    return pattern.format(m=minutes % 60, h=hours % 24, d=days)


@dataclass(frozen=True)
class RegisteredBuilding:
    """A building as an address names it."""

    area_id: int
    community_id: int
    text: str


class AddressRegister:
    """The address book of a declaration (settings.ADDRESS_BOOK); keys are those of the rows."""

    def estates(self, community_id: int) -> Sequence[tuple[int, str]]:
        """Return the estates of a community that have buildings."""
        built = Estate.objects.filter(Exists(Building.objects.filter(estate=OuterRef("pk"))), area=community_id)
        return list(built.order_by("name", "id").values_list("id", "name"))

    def buildings(self, estate_key: int) -> Sequence[tuple[int, str]]:
        """Return the buildings of an estate."""
        return list(Building.objects.filter(estate=estate_key).order_by("id").values_list("id", "name"))

    def building(self, key: int) -> RegisteredBuilding | None:
        """Return a building, None when there is none with this key."""
        found = Building.objects.filter(pk=key).select_related("estate").first()
        if found is None:
            return None
        return RegisteredBuilding(found.area_id, found.estate.area_id, f"{found.estate.name}{found.name}")
