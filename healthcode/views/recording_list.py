"""Recording a list from Excel or CSV: read it, show what it would mean, record or hold it as one."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, photos
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import recording, recording_lists, words
from healthcode.actions.submit import foresee, submit_once
from healthcode.kinds import Kind
from healthcode.permissions import RECORDED_UNDER, source_of
from healthcode.recording_forms import ListForm
from healthcode.views.recording import needs_rules, to_result

# Rows and faults that one page shows.
MOST_SHOWN = 50


@access.requires(Act.RECORD_TEST)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
@needs_rules
def upload(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a list of one kind; nothing is recorded while a row is wrong."""
    _require(request, kind)
    user = access.signed_in(request)
    if request.method == "POST" and request.POST.get("go") == "record":
        return _record(request, kind)
    form = ListForm(user, request.POST or None, request.FILES or None)
    frame: dict[str, Any] = {"form": form, "kind": kind}
    if request.method == "POST":
        photos.note_too_large(request, form)
        if form.is_valid():
            upload = form.cleaned_data["file"]
            found = recording_lists.read(upload.read(), upload.name, kind, user, form.keeper.at_text)
            if found.elsewhere:
                act = RECORDED_UNDER[kind][0]
                access.note_refusal(request, Deed.SEE_PERSON, act, subjects=found.elsewhere)
            if not found.faults:
                return _review(request, kind, form, found)
            frame |= {"faults": found.faults[:MOST_SHOWN], "fault_count": len(found.faults)}
    return _page(request, kind, frame)


@access.requires(Act.RECORD_TEST)
@require_safe
def example(request: HttpRequest, kind: str) -> HttpResponse:
    """Send a list with the heads of the columns and one row."""
    _require(request, kind)
    response = HttpResponse(recording_lists.example(kind), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{kind}.csv"'
    return response


def _require(request: HttpRequest, kind: str) -> None:
    if kind not in recording_lists.COLUMNS:
        raise Http404
    if not recording.lists_of(access.signed_in(request), [kind]):
        act = RECORDED_UNDER[kind][0]
        raise access.RefusedLookError(Deed.RECORD_EVIDENCE, act, status=403, target=f"kind:{kind}")


def _page(request: HttpRequest, kind: str, frame: dict[str, Any]) -> HttpResponse:
    heads = [
        (recording_lists.HEADS[name][0], words.listed(recording_lists.shown_words(name)))
        for name in ("type", "number", *recording_lists.COLUMNS[kind])
    ]
    given = {"faults": [], "fault_count": 0, "problem": "", **frame}
    frame = {**given, "label": Kind(kind).label, "columns": heads, "most": recording_lists.MOST_ROWS}
    return render(request, "healthcode/recording/list.html", frame)


def _review(request: HttpRequest, kind: str, form: ListForm, found: recording_lists.Read) -> HttpResponse:
    user, act, said = access.signed_in(request), RECORDED_UNDER[kind][0], found.said()
    people = {entry.person.pk: entry.person for entry in found.entries}
    access.record_look(request, Deed.SEE_LIST, act, people.values(), detail={"by": ["list"]})
    try:
        foreseen = foresee(said=said, source=source_of(user, act, said[0].person), by=user, under=act)
    except ValidationError as problem:
        form.add_error(None, problem.messages[0])
        return _page(request, kind, {"form": form, "kind": kind})
    frame = {
        "form": form,
        "kind": kind,
        "label": Kind(kind).label,
        "rows": len(said),
        "count": len(people),
        "entries": found.entries[:MOST_SHOWN],
        "foreseen": foreseen,
        "because": [one.label for one in foreseen.because],
        "packed": recording_lists.pack(found, user),
    }
    return render(request, "healthcode/recording/list_review.html", frame)


def _record(request: HttpRequest, kind: str) -> HttpResponse:
    user, act = access.signed_in(request), RECORDED_UNDER[kind][0]
    form = ListForm(user, request.POST)
    found = recording_lists.unpack(request.POST.get("list", ""), user)
    if found is None or found.kind != kind or not form.keeper.is_fresh or form.keeper.jpeg is None:
        fresh = ListForm(user)
        fresh.keeper.jpeg = form.keeper.jpeg
        problem = _("The list was open for too long. Choose the file once more; nothing has been recorded.")
        return _page(request, kind, {"form": fresh, "kind": kind, "problem": problem})
    said = found.said()
    source = source_of(user, act, said[0].person)
    return to_result(submit_once(said=said, source=source, by=user, under=act, jpeg=form.keeper.jpeg))
