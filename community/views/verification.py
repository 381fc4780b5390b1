"""Verification: orders that others have carried out, and orders that nobody has."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, clock, paging
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import order_queries
from community.actions import orders as actions
from community.models import WorkOrder
from community.order_forms import AssignForm, ReturnForm
from community.views.loading import load_order, order_frame, people_areas
from community.views.orders import CONFLICT, record_list

MOST_WITHOUT_WORKER = 20


@access.requires(Act.VERIFY_ORDERS)
@access.names_people
@require_safe
def to_verify(request: HttpRequest) -> HttpResponse:
    """List the orders without a worker, and those that wait to be verified, longest due first."""
    user = access.signed_in(request)
    waiting = order_queries.without_worker(user)
    lost = list(waiting[:MOST_WITHOUT_WORKER])
    able = order_queries.workers({order.area_id for order in lost})
    rows = order_queries.to_verify(user)
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows, ("due_at", "id"), after)
    record_list(request, Act.VERIFY_ORDERS, [*lost, *page.rows])
    frame = {
        "lost": [(order, AssignForm(able[order.area_id], auto_id=f"{order.pk}_%s")) for order in lost],
        "lost_count": paging.capped_count(waiting),
        "page": page,
        "count": paging.capped_count(rows),
        "people_areas": people_areas(request),
        "now": clock.now(),
    }
    return render(request, "community/orders/to_verify.html", frame)


@access.requires(Act.VERIFY_ORDERS)
@access.names_people
@require_safe
def verify(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Show one order to whoever may verify it, return it or give it to somebody."""
    return _page(request, load_order(request, order, Act.VERIFY_ORDERS, Deed.SEE_ORDER))


def _page(
    request: HttpRequest,
    order: WorkOrder,
    *,
    form: ReturnForm | None = None,
    assign_form: AssignForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    frame = order_frame(request, order, Act.VERIFY_ORDERS)
    frame |= {
        "is_own": order.is_carried_out_by(request.user),
        "is_assignable": order.state in WorkOrder.TO_DO,
        "form": form or ReturnForm(),
        "assign_form": assign_form or AssignForm(order_queries.workers([order.area_id])[order.area_id]),
        "problem": problem,
    }
    return render(request, "community/orders/verify.html", frame, status=status)


@access.requires(Act.VERIFY_ORDERS)
@require_POST
def close(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Verify an order and close it with its alert."""
    found = load_order(request, order, Act.VERIFY_ORDERS, Deed.VERIFY_ORDER)
    try:
        has_happened_again = actions.verify_and_close(order=found, by=access.signed_in(request))
    except actions.OrderError as problem:
        return _refused(request, order, problem)
    if has_happened_again:
        messages.warning(request, _("It has happened again since the report, so a new alert is open with a new order."))
    return _to_next(request, _("Verified and closed."))


@access.requires(Act.VERIFY_ORDERS)
@require_POST
def send_back(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Return an order to its worker with a note."""
    found = load_order(request, order, Act.VERIFY_ORDERS, Deed.VERIFY_ORDER)
    form = ReturnForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    try:
        actions.return_to_worker(order=found, note=form.cleaned_data["note"], by=access.signed_in(request))
    except actions.OrderError as problem:
        return _refused(request, order, problem, form)
    return _to_next(request, _("Returned to the worker with your note."))


def _to_next(request: HttpRequest, done: str) -> HttpResponse:
    """Say what was done and lead to the next report that waits for this user, else to the list."""
    waiting = order_queries.next_to_verify(access.signed_in(request))
    if waiting is None:
        messages.success(request, done)
        return redirect("community:to_verify")
    messages.success(request, _("%(done)s Here is the next report.") % {"done": done})
    return redirect("community:verify", order=waiting.ref)


@access.requires(Act.VERIFY_ORDERS)
@require_POST
def assign(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Give an order to a worker."""
    found = load_order(request, order, Act.VERIFY_ORDERS, Deed.HANDLE_ORDER)
    form = AssignForm(order_queries.workers([found.area_id])[found.area_id], request.POST)
    if not form.is_valid():
        return _page(request, found, assign_form=form)
    worker = form.cleaned_data["worker"]
    try:
        actions.assign(order=found, to=worker, by=access.signed_in(request))
    except actions.OrderError as problem:
        return _refused(request, order, problem)
    messages.success(request, _("The order is given to %(worker)s.") % {"worker": worker})
    return redirect("community:to_verify")


def _refused(
    request: HttpRequest, ref: uuid.UUID, problem: actions.OrderError, form: ReturnForm | None = None
) -> HttpResponse:
    """Show the order as it stands now, and why nothing was done."""
    now = load_order(request, ref, Act.VERIFY_ORDERS, Deed.SEE_ORDER)
    return _page(request, now, form=form, problem=str(problem), status=CONFLICT)
