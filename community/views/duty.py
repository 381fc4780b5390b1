"""The roster: who answers for which grid."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from citybrain.core import access
from citybrain.core.roles import Act
from community import order_queries
from community.actions.duty import DutyError, set_duty
from community.order_forms import DutyForm


@access.requires(Act.SET_DUTY)
@require_http_methods(["GET", "HEAD", "POST"])
def duty(request: HttpRequest) -> HttpResponse:
    """Show who is on duty for each grid of the user's areas, and change it."""
    posts = order_queries.roster(access.signed_in(request))
    if request.method != "POST":
        return render(request, "community/duty/roster.html", {"form": DutyForm(posts)})
    form = DutyForm(posts, request.POST)
    if form.is_valid() and _set(request, form):
        return redirect("community:duty")
    return render(request, "community/duty/roster.html", {"form": form})


def _set(request: HttpRequest, form: DutyForm) -> bool:
    """Set what was changed; put a refusal into the form and return False."""
    try:
        with transaction.atomic():
            done = [set_duty(area=grid, user=user, by=access.signed_in(request)) for grid, user in form.chosen()]
    except DutyError as problem:
        form.add_error(None, str(problem))
        return False
    messages.success(request, _("Saved. Changed: %(number)s") % {"number": sum(done)})
    return True
