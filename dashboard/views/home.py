"""The home page of every role."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, clock, queries, scope
from citybrain.core.models import Organisation
from citybrain.core.roles import Act
from community import queries as community
from healthcode import check_in_queries
from healthcode import queries as healthcode

LOOKS_DAYS = 30


@access.requires(Act.SIGNED_IN)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show who one is here, what that allows, and the next thing to do."""
    user = access.signed_in(request)
    held = scope.of(user)
    person = user.person if user.is_resident else None
    looks = None
    if person:
        recent = queries.looks_at(person.pk, person.users.values_list("pk", flat=True))
        looks = recent.filter(at__gt=clock.now() - timedelta(days=LOOKS_DAYS)).count()
    frame = {
        "is_resident": user.is_resident,
        "person": person,
        "code": healthcode.state_of(person) if person else None,
        "owes_check_in": person is not None and check_in_queries.owes_now(person),
        "is_declaring": bool(person) and healthcode.has_draft(user),
        "looks": looks,
        "looks_days": LOOKS_DAYS,
        "holdings": queries.holdings(user),
        "organisations": list(Organisation.objects.visible_to(user, Act.SEE_MEMBERS)),
        "may": {act.value: held.may(act) for act in Act},
        "orders": community.waiting_orders(user) if held.may(Act.HANDLE_ORDERS) else None,
        "notices": queries.refusal_notices().count() if held.may(Act.READ_AUDIT) else 0,
    }
    return render(request, "dashboard/home.html", frame)
