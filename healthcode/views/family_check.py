"""Whether somebody may act for another: the grid worker looks at the proof, and decides with a note."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, paging, photos
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.scope import of as scope_of
from healthcode import answers, family_queries, review
from healthcode.actions import family as actions
from healthcode.family_forms import ACCEPT, DecideForm
from healthcode.models import Guardianship
from healthcode.replay import NoRulesError


@access.requires(Act.VERIFY_FAMILY)
@access.names_people
@require_safe
def to_check(request: HttpRequest) -> HttpResponse:
    """List what waits to be checked in the worker's areas, the longest waiting first."""
    rows = family_queries.to_check(access.signed_in(request))
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows, ("asked_at", "id"), after)
    _record(request, Deed.SEE_LIST, page.rows)
    frame = {"page": page, "count": paging.capped_count(rows), "cap": paging.COUNT_CAP}
    return render(request, "healthcode/family/to_check.html", frame)


@access.requires(Act.VERIFY_FAMILY)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, asked: uuid.UUID) -> HttpResponse:
    """Show what was asked with its proof, names and number in the clear to be compared; decide."""
    held = _load(request, asked, Deed.VERIFY_FAMILY)
    form = DecideForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _decide(request, held, form):
        return redirect("healthcode:family_to_check")
    _record(request, Deed.SEE_PERSON, [held], target=f"guardianship:{held.pk}")
    said = held.said()
    identity = answers.from_json(said).identity if said else None
    frame = {
        "held": held,
        "form": form,
        "identity": review.identity_in_words(identity) if identity else [],
        "on_record": _on_record(request, held),
    }
    return render(request, "healthcode/family/check.html", frame)


@access.requires(Act.VERIFY_FAMILY)
@access.names_people
@require_safe
def proof(request: HttpRequest, asked: uuid.UUID) -> HttpResponse:
    """Show the photo of the paper; each time is a look on record."""
    held = _load(request, asked, Deed.SEE_PHOTO)
    _record(request, Deed.SEE_PHOTO, [held], target=f"photo:{held.proof_id}")
    return photos.answer(held.proof)


def _load(request: HttpRequest, asked: uuid.UUID, deed: Deed) -> Guardianship:
    found = family_queries.to_check(access.signed_in(request)).select_related("proof").filter(ref=asked).first()
    if found is None:
        raise access.RefusedLookError(deed, Act.VERIFY_FAMILY, status=404, target=f"guardianship:{asked}")
    return found


def _on_record(request: HttpRequest, held: Guardianship) -> Person | None:
    """Return whom the district knows by the number, if the worker may see them; the look is put on record."""
    person = actions.on_record(held)
    if person is None or person.area_id not in scope_of(request.user).ids("area", Act.VERIFY_FAMILY):
        return None
    access.record_look(request, Deed.SEE_PERSON, Act.VERIFY_FAMILY, [person])
    return person


def _record(request: HttpRequest, deed: Deed, rows: list[Guardianship], target: str = "") -> None:
    people = {one for row in rows for one in (row.person_id, row.guardian.person_id) if one is not None}
    where = ("area", {row.area_id for row in rows})
    detail = {"requests": len(rows)}
    access.record(request, deed, Act.VERIFY_FAMILY, subjects=people, where=where, target=target, detail=detail)


def _decide(request: HttpRequest, held: Guardianship, form: DecideForm) -> bool:
    """Decide; False, with an error in the form, when that cannot be."""
    user, note = access.signed_in(request), form.cleaned_data["note"]
    try:
        if form.cleaned_data["outcome"] != ACCEPT:
            actions.refuse(guardianship=held, note=note, by=user)
            messages.success(request, _("Refused. Whoever asked reads your note."))
        elif actions.accept(guardianship=held, note=note, by=user):
            messages.success(request, _("Checked. The account may act for the person from now on."))
        else:
            messages.warning(request, _("The person is on record elsewhere: the workers there decide on it."))
    except ValidationError as problem:
        form.add_error(None, problem)
        return False
    except NoRulesError:
        form.add_error(None, _("No rules are in force, so nothing can be judged now. Try again later."))
        return False
    return True
