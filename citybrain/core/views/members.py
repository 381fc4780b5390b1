"""An employer's or school's own people."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, paging
from citybrain.core.models import Organisation, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act


@access.requires(Act.SEE_MEMBERS)
@access.names_people
@require_safe
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an organisation's members by name; no address, no document, no reason."""
    organisation = access.load(request, Organisation.objects, pk, Act.SEE_MEMBERS, Deed.SEE_MEMBERS)
    people: QuerySet[Person] = Person.objects.filter(memberships__organisation=organisation)
    after = paging.start_after(people, "ref", request.GET.get("after"))
    page = paging.page(people, ("name_sort", "id"), after)
    access.record(
        request,
        Deed.SEE_MEMBERS,
        Act.SEE_MEMBERS,
        where=("organisation", [organisation.pk]),
        subjects=[person.pk for person in page.rows],
        target=f"organisation:{organisation.pk}",
    )
    frame = {"organisation": organisation, "page": page, "count": paging.capped_count(people)}
    return render(request, "core/members.html", frame)
