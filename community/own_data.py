"""What the community keeps about a person, for their copy of their own data."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from citybrain.core.models import Person
from citybrain.core.own_data import MOST_ROWS, Section
from community.models import HouseholdMember, Visit

_HOME = {"room": _("Home"), "relation": _("Relation")}
_ALERT = {"kind": _("Kind"), "place": _("Place"), "cause": _("Why"), "first_at": _("First"), "last_at": _("Last")}
_ORDER = {"opened_at": _("Time"), "state": _("State"), "closed_at": _("Closed")}
_VISIT = {
    "at": _("Time"),
    "outcome": _("Outcome"),
    "celsius": _("Temperature"),
    "symptoms": _("Symptoms"),
    "needs": _("Needs"),
    "feedback": _("What the worker wrote"),
}
_CARE = {"asked_at": _("Time"), "wants": _("Asked for"), "words": _("Words")}


def community(person: Person) -> Iterable[Section]:
    """Tell the home, alerts, orders, visits and what was asked for in isolation."""
    home = HouseholdMember.objects.filter(person=person).select_related("household__room__building__estate")
    rows = [{"room": _home(one), "relation": one.get_relation_display()} for one in home]
    yield Section("home", _("Home on the register"), _HOME, rows)
    alerts = [
        {
            "kind": one.get_kind_display(),
            "place": one.place,
            "cause": one.get_cause_display(),
            "first_at": one.first_at,
            "last_at": one.last_at,
        }
        for one in person.alerts.order_by("-last_at", "-id")[:MOST_ROWS]
    ]
    yield Section("alerts", _("Alerts about you"), _ALERT, alerts)
    orders = [
        {"opened_at": one.opened_at, "state": one.get_state_display(), "closed_at": one.closed_at}
        for one in person.orders.order_by("-opened_at", "-id")[:MOST_ROWS]
    ]
    yield Section("orders", _("Orders for a visit to you"), _ORDER, orders)
    yield _visits(person)
    asked = person.care_requests.order_by("-asked_at", "-id")[:MOST_ROWS]
    wants = [{"asked_at": one.asked_at, "wants": one.wants, "words": one.words} for one in asked]
    yield Section("care_requests", _("What you asked for in isolation"), _CARE, wants)


def _home(member: HouseholdMember) -> str:
    room = member.household.room
    return f"{room.building.estate}{room.building} {room}"


def _visits(person: Person) -> Section:
    rows = [
        {
            "at": one.at,
            "outcome": one.get_outcome_display(),
            "celsius": one.celsius,
            "symptoms": one.symptoms,
            "needs": one.needs,
            "feedback": one.feedback,
        }
        for one in Visit.objects.filter(order__person=person).order_by("-at", "-id")[:MOST_ROWS]
    ]
    return Section("visits", _("Visits to you"), _VISIT, rows)
