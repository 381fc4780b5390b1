"""Residents: list, search, one person, unmasking, export. Each is put on record with those it named."""

import uuid

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, clock, paging
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.scope import of as scope_of
from community import queries
from community.actions.unmask import unmask as unmask_person
from community.export import residents_workbook
from community.forms import FindForm, ResidentFilterForm
from community.models import WorkOrder

EXPORT_ROWS = 20_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@access.requires(Act.SEE_PEOPLE)
@access.names_people
@require_safe
def residents(request: HttpRequest) -> HttpResponse:
    """List the residents of the user's areas."""
    user = access.signed_in(request)
    form = ResidentFilterForm(user, request.GET)
    narrowing = form.narrowing() if form.is_valid() else {}
    rows = queries.residents(user, **narrowing) if form.is_valid() else Person.objects.none()
    after = access.person_to_start_after(request, request.GET.get("after"))
    page = paging.page(rows, ("name_sort", "id"), after)
    filtered_by = [name for name, value in narrowing.items() if value]
    access.record_look(request, Deed.SEE_LIST, Act.SEE_PEOPLE, page.rows, detail={"by": filtered_by})
    frame = {
        "form": form,
        "find_form": FindForm(),
        "page": page,
        "count": paging.capped_count(rows),
        "cap": paging.COUNT_CAP,
        "may_export": scope_of(user).may(Act.EXPORT_PEOPLE),
    }
    return render(request, "community/residents/list.html", frame)


@access.requires(Act.SEE_PEOPLE)
@access.names_people
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """Find residents by a document number or the end of a phone number."""
    user = access.signed_in(request)
    form = FindForm(request.POST)
    number = form.cleaned_data["number"] if form.is_valid() else ""
    found = list(queries.find_by_number(user, number).order_by("name_sort", "id")[: paging.PAGE_SIZE]) if number else []
    access.record_look(request, Deed.SEE_LIST, Act.SEE_PEOPLE, found, detail={"by": ["number"]})
    if elsewhere := queries.held_elsewhere(user, number):
        access.note_refusal(request, Deed.SEE_PERSON, Act.SEE_PEOPLE, subjects=elsewhere)
    if len(found) == 1:
        return redirect("community:resident", ref=found[0].ref)
    return render(request, "community/residents/found.html", {"find_form": form, "found": found})


@access.requires(Act.SEE_PEOPLE)
@access.names_people
@require_safe
def resident(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Show one resident, masked, with the household."""
    person = access.load_person(request, ref, Act.SEE_PEOPLE, Deed.SEE_PERSON)
    members = queries.housemates(access.signed_in(request), person)
    access.record_look(request, Deed.SEE_PERSON, Act.SEE_PEOPLE, {person, *(member.person for member in members)})
    frame = {
        "person": person,
        "members": members,
        "documents": list(person.documents.order_by("type")),
        "phones": list(person.phones.order_by("id")),
        "may_unmask": person.area_id in scope_of(request.user).ids("area", Act.UNMASK_PERSON),
        "may_make_paper": person.area_id in scope_of(request.user).ids("area", Act.DECLARE_FOR_PRESENT),
        "may_record": person.area_id in scope_of(request.user).ids("area", Act.RECORD_TEMPERATURE),
        "may_isolate": person.area_id in scope_of(request.user).ids("area", Act.ORDER_ISOLATION),
    }
    return render(request, "community/residents/detail.html", frame)


@access.requires(Act.UNMASK_PERSON)
@access.names_people
@require_POST
def unmask(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Show name, documents and phones in the clear, once, on record."""
    person = access.load_person(request, ref, Act.UNMASK_PERSON, Deed.UNMASK)
    unmasked = unmask_person(person=person, purpose=access.purpose_of(request), by=access.signed_in(request))
    frame = {"person": person, "unmasked": unmasked, "order": _order_about(request, person)}
    return render(request, "community/residents/unmasked.html", frame)


def _order_about(request: HttpRequest, person: Person) -> WorkOrder | None:
    """Return the order from whose page the reader came to call the person."""
    about = WorkOrder.objects.visible_to(request.user, Act.HANDLE_ORDERS).filter(person=person).order_by("-id")
    named = request.POST.get("order")
    return next((order for order in about if str(order.ref) == named), None) if named else None


@access.requires(Act.EXPORT_PEOPLE)
@access.names_people
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """Send the filtered list as an Excel file, names masked."""
    user = access.signed_in(request)
    form = ResidentFilterForm(user, request.POST)
    if not form.is_valid():
        raise BadRequest
    rows = queries.residents(user, act=Act.EXPORT_PEOPLE, **form.narrowing()).order_by("name_sort", "id")
    people = list(rows[: EXPORT_ROWS + 1])
    if len(people) > EXPORT_ROWS:
        messages.error(request, _("Too many residents for one file. Narrow the list first."))
        return redirect("community:residents")
    access.record_look(request, Deed.EXPORT, Act.EXPORT_PEOPLE, people, detail={"rows": len(people)})
    response = HttpResponse(residents_workbook(people), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="residents-{clock.today():%Y%m%d}.xlsx"'
    return response
