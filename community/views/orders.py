"""A worker's orders: the list, one order with its next step, the report, the photos."""

import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, clock, paging, photos
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import issue
from community import order_queries, queries
from community.actions import orders as actions
from community.models import WorkOrder
from community.order_forms import OrderFilterForm, VisitForm
from community.views.loading import load_order, order_frame, people_areas

CONFLICT = 409
TO_DO, HANDED_IN = ("due_at", "id"), ("-id",)


@access.requires(Act.HANDLE_ORDERS)
@access.names_people
@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """List the orders of the signed-in worker: what is to be done by due time, or what was handed in, newest first."""
    user = access.signed_in(request)
    form = OrderFilterForm(request.GET)
    # Before the list: what comes in between makes the page look again.
    waiting = queries.waiting_orders(user)
    mine = WorkOrder.objects.of_worker(user) if form.is_valid() else WorkOrder.objects.none()
    is_done = form.is_valid() and form.cleaned_data["show"] == "done"
    rows = order_queries.shown(mine.handed_in() if is_done else mine.to_do())
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows, HANDED_IN if is_done else TO_DO, after)
    record_list(request, Act.HANDLE_ORDERS, page.rows)
    frame = {
        "is_done": is_done,
        "page": page,
        "people_areas": people_areas(request),
        "now": clock.now(),
        "waiting": waiting,
    }
    return render(request, "community/orders/list.html", frame)


def record_list(request: HttpRequest, act: Act, rows: list[WorkOrder]) -> None:
    """Put on record that a list of orders named the people that they are about."""
    named = [order.person_id for order in rows if order.person_id is not None]
    where = ("area", {order.area_id for order in rows})
    access.record(request, Deed.SEE_LIST, act, subjects=named, where=where, detail={"orders": len(rows)})


@access.requires(Act.HANDLE_ORDERS)
@require_safe
def state(request: HttpRequest) -> JsonResponse:
    """Answer how many orders wait; it names nobody."""
    return JsonResponse(queries.orders_picture(access.signed_in(request).pk))


@access.requires(Act.HANDLE_ORDERS)
@require_safe
def ticket(request: HttpRequest) -> JsonResponse:
    """Answer the address that opens the live stream of this page within the next minute."""
    sealed = issue(access.signed_in(request), "orders", request.session.session_key or "")
    return JsonResponse({"url": f"{settings.STREAM_ORIGIN}/stream/orders?ticket={sealed}"})


@access.requires(Act.HANDLE_ORDERS)
@access.names_people
@require_safe
def order(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Show one order; whoever it is given to finds the next step there."""
    found = load_order(request, order, Act.HANDLE_ORDERS, Deed.SEE_ORDER)
    return _page(request, found)


def _page(
    request: HttpRequest, order: WorkOrder, *, form: VisitForm | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    frame = order_frame(request, order, Act.HANDLE_ORDERS)
    frame |= {
        "is_mine": order.assignee_id == access.signed_in(request).pk,
        "form": form or VisitForm(order, initial={"seen": len(frame["visits"])}),
        "problem": problem,
    }
    return render(request, "community/orders/detail.html", frame, status=status)


@access.requires(Act.HANDLE_ORDERS)
@require_POST
def accept(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Take an order on."""
    return _step(request, order, actions.accept)


@access.requires(Act.HANDLE_ORDERS)
@require_POST
def arrive(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Say that one is on site."""
    return _step(request, order, actions.arrive)


def _step(request: HttpRequest, ref: uuid.UUID, step: Callable[..., None]) -> HttpResponse:
    found = load_order(request, ref, Act.HANDLE_ORDERS, Deed.HANDLE_ORDER)
    try:
        step(order=found, by=access.signed_in(request))
    except actions.OrderError as problem:
        return _refused(request, found, problem)
    return redirect("community:order", order=ref)


@access.requires(Act.HANDLE_ORDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Report what was found on site; opened again, such as after a new sign-in, the address leads to the order."""
    if request.method != "POST":
        return redirect("community:order", order=order)
    found = load_order(request, order, Act.HANDLE_ORDERS, Deed.HANDLE_ORDER)
    form = VisitForm(found, request.POST, request.FILES)
    photos.note_too_large(request, form)
    if not form.is_valid():
        return _page(request, found, form=form)
    try:
        actions.report(
            order=found,
            found=form.found(),
            pictures=form.pictures(),
            visits_seen=form.cleaned_data["seen"],
            by=access.signed_in(request),
        )
    except actions.OrderError as problem:
        return _refused(request, found, problem, form)
    messages.success(request, _("Your report has arrived. Somebody else verifies it; there is nothing more to do."))
    return redirect("community:orders")


def _refused(
    request: HttpRequest, order: WorkOrder, problem: actions.OrderError, form: VisitForm | None = None
) -> HttpResponse:
    """Show the order as it stands now, and why nothing was done."""
    now = load_order(request, order.ref, Act.HANDLE_ORDERS, Deed.SEE_ORDER)
    return _page(request, now, form=form, problem=str(problem), status=CONFLICT)


@access.requires(Act.HANDLE_ORDERS)
@access.names_people
@require_safe
def photo(request: HttpRequest, photo: uuid.UUID) -> HttpResponse:
    """Show a photo of a visit to whoever may open its order; each time is a look on record."""
    found = order_queries.photo(access.signed_in(request), photo)
    if found is None:
        raise access.RefusedLookError(Deed.SEE_PHOTO, Act.HANDLE_ORDERS, status=404, target=f"photo:{photo}")
    about = found.visit.order
    access.record(
        request,
        Deed.SEE_PHOTO,
        Act.HANDLE_ORDERS,
        subjects=[about.person_id] if about.person_id is not None else [],
        where=("area", [about.area_id]),
        target=f"photo:{found.photo.pk}",
    )
    return photos.answer(found.photo)
