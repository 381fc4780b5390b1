"""Stating why residents will be named."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from citybrain.core import access, audit, clock
from citybrain.core.forms import PurposeForm
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act


@require_http_methods(["GET", "POST"])
@access.requires(Act.SIGNED_IN)
def purpose(request: HttpRequest) -> HttpResponse:
    """Ask once for a purpose; it is kept in the session for some hours and stands in every row of the trail."""
    back = request.POST.get("next") or request.GET.get("next") or ""
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = ""
    form = PurposeForm(request.POST or None, initial={"purpose": access.purpose_of(request)})
    if request.method == "POST" and form.is_valid():
        stated = form.cleaned_data["purpose"]
        until = clock.now().timestamp() + access.PURPOSE_HOURS * 3600
        request.session[access.PURPOSE_KEY] = {"code": stated, "until": until}
        audit.record(Deed.STATE_PURPOSE, by=access.signed_in(request), under=Act.SIGNED_IN, purpose=stated)
        return redirect(back or "/")
    return render(request, "core/purpose.html", {"form": form, "next": back, "hours": access.PURPOSE_HOURS})
