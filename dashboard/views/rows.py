"""The rows behind each figure of the cockpit, as of the figure or as it is now."""

import datetime as dt
import functools
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from django_stubs_ext import StrOrPromise

from accesslog.models import Pass, Result
from citybrain.core import access, paging
from citybrain.core.models import Area, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community.models import Alert, WorkOrder
from dashboard import figures, queries, rows
from dashboard.as_of import AsOf, DamagedLinkError, moment
from healthcode.models import State

LONGEST_SPAN = dt.timedelta(days=31)
LONGEST_ID = 18
SHORT_REF = 8
BAD_REQUEST = 400
OPEN = [(state.value, state.label) for state in queries.OPEN_STATES]

View = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Choice:
    """What a link narrows its list to; an empty code where it does not."""

    code: str
    label: StrOrPromise


def linked(view: View) -> View:
    """Answer a link that does not say which figure it comes from with what to do."""

    @functools.wraps(view)
    def read(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except DamagedLinkError:
            return render(request, "dashboard/cockpit/damaged.html", status=BAD_REQUEST)

    return read


@access.requires(Act.SEE_COCKPIT)
@access.names_people
@require_safe
@linked
def persons(request: HttpRequest) -> HttpResponse:
    """List residents by what their code said, names masked."""
    as_of = AsOf.read(request.GET)
    state = _choice(request, "state", [*State.choices, (rows.NOT_GREEN, pgettext_lazy("health code", "Not green"))])
    within = area_of(request, "in")
    found = rows.persons(access.signed_in(request), as_of, state=state.code, within=within)
    after = access.person_to_start_after(request, request.GET.get("after"))
    page = paging.page(found, ("name_sort", "id"), after)
    by = [name for name, chosen in (("state", state.code), ("in", within)) if chosen]
    access.record_look(request, Deed.SEE_LIST, Act.SEE_PEOPLE, page.rows, detail={"by": by})
    return _answer(request, "persons", as_of, found, page, [state], within=within)


@access.requires(Act.SEE_COCKPIT)
@require_safe
@linked
def passes(request: HttpRequest) -> HttpResponse:
    """List passes by when and where, without names."""
    as_of = AsOf.read(request.GET)
    span = _span(request, as_of)
    result = _choice(request, "result", [*Result.choices, (rows.REFUSED, pgettext_lazy("passes", "refused"))])
    found = rows.passes(access.signed_in(request), as_of, span, result=result.code)
    page = paging.page(found, ("-received_at", "-id"), paging.start_after(found, "pk", request.GET.get("after")))
    _record(request, Deed.SEE_PASSES, page)
    return _answer(request, "passes", as_of, found, page, [result], span=span)


@access.requires(Act.SEE_COCKPIT)
@require_safe
@linked
def alerts(request: HttpRequest) -> HttpResponse:
    """List open alerts by kind and grid, without names."""
    as_of = AsOf.read(request.GET)
    area, within = area_of(request), area_of(request, "in")
    kind = _choice(request, "kind", Alert.Kind.choices)
    found = rows.alerts(access.signed_in(request), as_of, kind=kind.code, area=area, within=within)
    page = paging.page(found, ("-opened_at", "-id"), paging.start_after(found, "ref", request.GET.get("after")))
    _record(request, Deed.SEE_ALERTS, page)
    return _answer(request, "alerts", as_of, found, page, [kind], area=area, within=within)


@access.requires(Act.SEE_COCKPIT)
@require_safe
@linked
def orders(request: HttpRequest) -> HttpResponse:
    """List open orders by where they stood, the one due first before all others, without names."""
    as_of = AsOf.read(request.GET)
    area, within, state = area_of(request), area_of(request, "in"), _choice(request, "state", OPEN)
    overdue = _choice(request, "overdue", [("1", pgettext_lazy("orders", "overdue"))])
    ref, user = _ref(request), access.signed_in(request)
    found = rows.orders(
        user, as_of, state=state.code, area=area, within=within, overdue=bool(overdue.code), ref=ref.code
    )
    page = paging.page(found, ("due_at", "id"), paging.start_after(found, "ref", request.GET.get("after")))
    _record(request, Deed.SEE_ALERTS, page)
    return _answer(request, "orders", as_of, found, page, [state, overdue, ref], area=area, within=within)


def _choice(request: HttpRequest, name: str, choices: Iterable[tuple[str, StrOrPromise]]) -> Choice:
    """Return what a link chose; it chose nothing where it does not say."""
    code = request.GET.get(name, "")
    labels = {"": "", **dict(choices)}
    if code not in labels:
        raise DamagedLinkError
    return Choice(code, labels[code])


def area_of(request: HttpRequest, name: str = "area") -> Area | None:
    """Return the area that a link names, alone or (`in`) with all below; one not the user's is refused on record."""
    text = request.GET.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID):
        raise DamagedLinkError
    area = rows.visible_area(access.signed_in(request), int(text))
    if area is None:
        raise access.RefusedLookError(Deed.SEE_ALERTS, Act.SEE_COCKPIT, status=404, target=f"area:{int(text)}")
    return area


def _ref(request: HttpRequest) -> Choice:
    """Return the order that a link names, none where it names none; one that is not the user's to see is refused."""
    text = request.GET.get("ref", "")
    if not text:
        return Choice("", "")
    try:
        is_ref = str(uuid.UUID(text)) == text
    except ValueError:
        is_ref = False
    if not is_ref:
        raise DamagedLinkError
    if not WorkOrder.objects.visible_to(request.user, Act.SEE_COCKPIT).filter(ref=text).exists():
        raise access.RefusedLookError(Deed.SEE_ALERTS, Act.SEE_COCKPIT, status=404, target=f"order:{text}")
    return Choice(text, text[:SHORT_REF])


def _span(request: HttpRequest, as_of: AsOf) -> queries.Span:
    """Return the whole minutes that a link names; today's where it names none."""
    if not request.GET.keys() & {"from", "until"}:
        return queries.spans_at(as_of.at)["today"]
    begin, end = moment(request.GET.get("from", "")), moment(request.GET.get("until", ""))
    is_whole = all(at == at.replace(second=0, microsecond=0) for at in (begin, end))
    if not is_whole or not begin <= end <= begin + LONGEST_SPAN:
        raise DamagedLinkError
    return begin, end


def _record(request: HttpRequest, deed: Deed, page: "paging.Page[Any]") -> None:
    areas = {row.area_id for row in page.rows}
    access.record(request, deed, Act.SEE_COCKPIT, where=("area", areas), detail={"rows": len(page.rows)})


def _answer(
    request: HttpRequest,
    name: str,
    as_of: AsOf,
    found: "QuerySet[Any]",
    page: "paging.Page[Any]",
    choices: list[Choice],
    *,
    area: Area | None = None,
    within: Area | None = None,
    span: queries.Span | None = None,
) -> HttpResponse:
    count = paging.capped_count(found)
    frame = {
        "as_of": as_of,
        "is_linked": "seen" in request.GET,
        "rows": [(row, _then(row)) for row in page.rows],
        "next_page": _next_page(request, as_of, page.next_after),
        "count": count,
        "cap": paging.COUNT_CAP,
        "count_text": figures.in_figures(count),
        "cap_text": figures.in_figures(paging.COUNT_CAP),
        "labels": [choice.label for choice in choices if choice.code],
        "area": area or within,
        "narrowed_to": f"area={area.pk}" if area else f"in={within.pk}" if within else "",
        "span": span,
    }
    return render(request, f"dashboard/cockpit/{name}.html", frame)


def _next_page(request: HttpRequest, as_of: AsOf, last: Any) -> str:
    """Return the link to what follows a row, at the same moment."""
    if last is None:
        return ""
    after = last.pk if isinstance(last, Pass) else last.ref
    return f"?{urlencode({**request.GET.dict(), **as_of.params, 'after': str(after)})}"


def _then(row: Any) -> StrOrPromise:
    """Return in words how a resident's code or an order stood then; nothing for other rows."""
    labels = {Person: dict(State.choices), WorkOrder: dict(OPEN)}.get(type(row), {})
    return labels.get(getattr(row, "state_then", ""), "")
