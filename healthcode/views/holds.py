"""Held evidence: what waits for a second person, the decision, and the auditor's trail of it."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, clock, paging, photos
from citybrain.core.models import Area, Membership, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import explanation, recording, words
from healthcode.actions import holds as actions
from healthcode.kinds import Kind
from healthcode.models import Evidence, HeldItem, Hold, Impact
from healthcode.recording_forms import DecisionForm

CONFLICT = 409
# Lines of a breakdown, accounts and units that one page shows.
MOST_GROUPS = 12


@access.requires(Act.APPROVE_HELD)
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """List what waits, the oldest first; numbers only."""
    rows = Hold.objects.visible_to(request.user, Act.APPROVE_HELD).waiting()
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows, ("made_at", "id"), after)
    access.record(request, Deed.SEE_HELD, Act.APPROVE_HELD, detail={"rows": len(page.rows)})
    frame = {"lines": _lines(page.rows), "next_after": page.next_after, "count": paging.capped_count(rows)}
    return render(request, "healthcode/holds/waiting.html", frame)


@access.requires(Act.APPROVE_HELD)
@access.names_people
@require_safe
def hold(request: HttpRequest, hold: uuid.UUID) -> HttpResponse:
    """Show one hold with its people, masked, and its evidence in words."""
    return _page(request, _load(request, hold), DecisionForm())


@access.requires(Act.APPROVE_HELD)
@access.names_people
@require_POST
def decide(request: HttpRequest, hold: uuid.UUID) -> HttpResponse:
    """Let held evidence in, or refuse it."""
    found, form, user = _load(request, hold), DecisionForm(request.POST), access.signed_in(request)
    if not form.is_valid():
        return _page(request, found, form)
    note, is_approved = form.cleaned_data["note"], request.POST.get("go") == "approve"
    if not is_approved and not note.strip():
        form.add_error("note", _("Say why you refuse it: the sender reads it."))
        return _page(request, found, form)
    try:
        (actions.approve_held if is_approved else actions.refuse_held)(hold=found, by=user, note=note)
    except actions.HoldError as problem:
        return _page(request, _load(request, hold), form, problem=str(problem))
    messages.success(
        request,
        _("It is let in, and the codes have followed.") if is_approved else _("It is refused. No code has changed."),
    )
    return redirect("healthcode:holds")


@access.requires(Act.APPROVE_HELD)
@access.names_people
@require_safe
def paper(request: HttpRequest, hold: uuid.UUID, item: int) -> HttpResponse:
    """Show the picture of the paper behind a piece of held evidence, on record."""
    found = _load(request, hold)
    row = found.items.select_related("person", "document").filter(pk=item).exclude(document=None).first()
    if row is None or row.document is None:
        raise access.RefusedLookError(Deed.SEE_PHOTO, Act.APPROVE_HELD, status=404, target=f"item:{item}")
    access.record_look(request, Deed.SEE_PHOTO, Act.APPROVE_HELD, [row.person], target=f"photo:{row.document.pk}")
    return photos.answer(row.document)


@access.requires(Act.READ_AUDIT)
@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """Show the auditor every hold, the newest first, and who changed most codes within a day; no names of residents."""
    rows = Hold.objects.all()
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows, ("-made_at", "-id"), after)
    lines = _lines(page.rows)
    busiest = {"authors": _busiest("author"), "units": _busiest("unit")}
    access.record(request, Deed.READ_AUDIT, Act.READ_AUDIT, detail={"holds": len(lines)})
    frame = {"lines": lines, "next_after": page.next_after, **busiest}
    return render(request, "healthcode/holds/trail.html", frame)


def _load(request: HttpRequest, ref: uuid.UUID) -> Hold:
    found = Hold.objects.visible_to(request.user, Act.APPROVE_HELD).filter(ref=ref).first()
    if found is None:
        raise access.RefusedLookError(Deed.SEE_HELD, Act.APPROVE_HELD, status=404, target=f"hold:{ref}")
    return found


def _page(request: HttpRequest, hold: Hold, form: DecisionForm, *, problem: str = "") -> HttpResponse:
    items = hold.items.select_related("person__area", "withdraws")
    after = paging.start_after(items, "pk", request.GET.get("after"))
    page = paging.page(items, ("id",), after)
    access.record_look(
        request, Deed.SEE_HELD, Act.APPROVE_HELD, [item.person for item in page.rows], target=f"hold:{hold.pk}"
    )
    frame: dict[str, Any] = {
        "line": _lines([hold])[0],
        "form": form,
        "problem": problem,
        "why_not": actions.why_not(hold, access.signed_in(request)),
        "next_after": page.next_after,
        "told": _told(page.rows),
        "organisations": _by_organisation(hold),
        "streets": _by_street(hold),
    }
    status = CONFLICT if problem else 200
    return render(request, "healthcode/holds/hold.html", frame, status=status)


def _told(items: Sequence[HeldItem]) -> list[tuple[HeldItem, explanation.Told, explanation.Told | None]]:
    """Return each item with what it says, and with what the evidence says that it withdraws."""
    rows = [
        Evidence(pk=one.pk, person=one.person, kind=one.kind, facts=one.facts, true_at=one.true_at) for one in items
    ]
    said = {one.evidence.pk: one for one in explanation.tell(rows)}
    back = {one.evidence.pk: one for one in explanation.tell([one.withdraws for one in items if one.withdraws])}
    return [(item, said[item.pk], back.get(item.withdraws_id or 0)) for item in items]


def _by_organisation(hold: Hold) -> list[tuple[str, int]]:
    members = Membership.objects.filter(person__in=hold.items.values("person"))
    counts = members.values_list("organisation__name").annotate(n=Count("person", distinct=True)).order_by("-n")
    return list(counts[:MOST_GROUPS])


def _by_street(hold: Hold) -> list[tuple[str, int]]:
    people = hold.items.values_list("person__area__path").annotate(n=Count("person", distinct=True))
    streets = list(Area.objects.filter(level=Area.Level.STREET).values_list("path", "name"))
    counts: Counter[str] = Counter()
    for path, number in people:
        counts[next((name for top, name in streets if path.startswith(top)), _("elsewhere"))] += number
    return counts.most_common(MOST_GROUPS)


def _lines(holds: Iterable[Hold]) -> list[dict[str, Any]]:
    """Return holds as lists and pages show them: sender, units and reasons in words, how many people and what kinds."""
    rows = list(holds)
    accounts = User.objects.in_bulk({pk for row in rows for pk in (row.made_by, row.decided_by) if pk is not None})
    units = recording.unit_words(unit for row in rows for unit in (row.made_under, row.decided_under) if unit)
    items = HeldItem.objects.filter(hold__in=rows).values_list("hold_id")
    counts = {
        pk: (people, kinds) for pk, people, kinds in items.annotate(n=Count("person", distinct=True), k=Count("pk"))
    }
    kinds: dict[int, set[str]] = {}
    for pk, kind in HeldItem.objects.filter(hold__in=rows).values_list("hold_id", "kind").distinct():
        kinds.setdefault(pk, set()).add(str(Kind(kind).label))
    return [
        {
            "hold": row,
            "sender": accounts.get(row.made_by or 0),
            "unit": units.get(row.made_under, ""),
            "decider": accounts.get(row.decided_by or 0),
            "decided_under": units.get(row.decided_under, ""),
            "because": [Hold.Because(one).label for one in row.because],
            "people": counts.get(row.pk, (0, 0))[0],
            "pieces": counts.get(row.pk, (0, 0))[1],
            "kinds": words.listed(sorted(kinds.get(row.pk, ()))),
        }
        for row in rows
    ]


def _busiest(by: str) -> list[dict[str, Any]]:
    """Return the authors or units whose evidence changed most codes within a day."""
    since = clock.now() - dt.timedelta(days=1)
    rows = Impact.objects.filter(at__gt=since).values(by).order_by()
    worse = Count("person", distinct=True, filter=Q(effect=Impact.Effect.WORSE))
    better = Count("person", distinct=True, filter=Q(effect=Impact.Effect.BETTER))
    alone = Count("person", distinct=True, filter=Q(is_approved=False))
    found = list(rows.annotate(worse=worse, better=better, alone=alone).order_by("-alone", "-worse")[:MOST_GROUPS])
    if by == "unit":
        units = recording.unit_words(row["unit"] for row in found)
        return [{**row, "name": units[row["unit"]]} for row in found]
    accounts = User.objects.in_bulk([row["author"] for row in found if row["author"]])
    names = {pk: account.username for pk, account in accounts.items()}
    return [{**row, "name": names.get(row["author"] or 0, _("a data feed"))} for row in found]
