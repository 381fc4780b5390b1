"""A resident's own pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, paging, queries
from citybrain.core.models import AuditRow
from citybrain.core.roles import Act


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """Show what is kept about the signed-in resident, in the clear: it is their own."""
    person = access.signed_in(request).person
    frame = {
        "person": person,
        "documents": list(person.documents.order_by("type")) if person else [],
        "phones": list(person.phones.order_by("id")) if person else [],
    }
    return render(request, "core/me/me.html", frame)


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def looks(request: HttpRequest) -> HttpResponse:
    """Show who looked at the signed-in resident, when, in which role and why, refused attempts included."""
    person = access.signed_in(request).person
    rows = queries.looks_at(person.pk, person.users.values_list("pk", flat=True)) if person else AuditRow.objects.none()
    after = paging.start_after(rows, "pk", request.GET.get("after"))
    page = paging.page(rows, ("-id",), after)
    frame = {"person": person, "looks": queries.describe(page.rows), "next_after": page.next_after}
    return render(request, "core/me/looks.html", frame)
