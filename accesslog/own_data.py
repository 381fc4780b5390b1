"""What the access log keeps about a person, for their copy of their own data."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from accesslog.queries import passes_of
from citybrain.core.models import Person
from citybrain.core.own_data import MOST_ROWS, Section

_PASS = {"at": _("Time"), "place": _("Place"), "point": _("Gate"), "result": _("Result"), "lane": _("How")}


def passes(person: Person) -> Iterable[Section]:
    """Tell every gate that checked the person and what it decided, as long as passes are kept."""
    rows = [
        {
            "at": one.scanned_at,
            "place": one.place.name,
            "point": one.point.name,
            "result": one.get_result_display(),
            "lane": one.get_lane_display(),
        }
        for one in passes_of(person).order_by("-scanned_at", "-id")[:MOST_ROWS]
    ]
    yield Section("passes", _("My passes"), _PASS, rows)
