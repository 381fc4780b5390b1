"""Alerts: what grids were told, with the order that followed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, paging
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import order_queries
from community.models import Alert
from community.order_forms import AlertFilterForm


@access.requires(Act.HANDLE_ORDERS)
@access.names_people
@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    """List the alerts of the user's areas, the latest first; open ones unless the filter says otherwise."""
    form = AlertFilterForm(request.GET)
    narrowing = form.narrowing() if form.is_valid() else None
    rows = order_queries.alerts(access.signed_in(request), **narrowing) if narrowing else Alert.objects.none()
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows, ("-last_at", "-id"), after)
    named = [alert.person_id for alert in page.rows if alert.person_id is not None]
    where = ("area", {alert.area_id for alert in page.rows})
    detail = {"alerts": len(page.rows), "by": [name for name in ("state", "kind") if request.GET.get(name)]}
    access.record(request, Deed.SEE_ALERTS, Act.HANDLE_ORDERS, subjects=named, where=where, detail=detail)
    frame = {"form": form, "page": page, "count": paging.capped_count(rows), "cap": paging.COUNT_CAP}
    return render(request, "community/alerts/list.html", frame)
