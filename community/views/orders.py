"""A worker's orders: the list, one order with its next step, the report, the photos."""

import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, clock, paging, photos
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import issue
from community import order_queries, queries
from community.actions import orders as actions
from community.actions import visit_drafts as drafts
from community.models import Visit, WorkOrder
from community.order_forms import OrderFilterForm, VisitForm
from community.views.loading import load_order, order_frame, people_areas

CONFLICT = 409
TO_DO, HANDED_IN = ("due_at", "id"), ("-id",)
# What one's own report that came back says already: nothing is asked twice. A temperature is measured anew.
SAID = ("outcome", "symptoms", "needs", "feedback")


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
        # Whoever stands in front of a door finds that order on top.
        "orders": sorted(page.rows, key=lambda row: not is_done and row.state != WorkOrder.State.ARRIVED),
        "spans": queries.span_patterns(),
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


def _page(request: HttpRequest, order: WorkOrder, *, problem: str = "", status: int = 200) -> HttpResponse:
    user = access.signed_in(request)
    frame = order_frame(request, order, Act.HANDLE_ORDERS)
    is_mine, steps = order.assignee_id == user.pk, frame["steps"]
    frame |= {
        "is_mine": is_mine,
        "may_take_back": actions.may_take_back(order, steps[-1] if steps else None, user),
        "problem": problem,
        "form": _visit_form(order, frame["visits"], user) if is_mine and order.state in actions.REPORT.before else None,
    }
    return render(request, "community/orders/detail.html", frame, status=status)


def _visit_form(order: WorkOrder, visits: list[Visit], user: User) -> VisitForm:
    """Return the form with what could not be sent; for a report to be mended, with what it said."""
    draft = drafts.draft_of(order, user)
    if draft is not None:
        kept = drafts.pictures_in(draft)
        return VisitForm.of_draft(order, drafts.typed_in(draft), seen=len(visits), kept=list(kept))
    is_to_mend = order.state == WorkOrder.State.RETURNED and bool(visits) and visits[0].by_id == user.pk
    said = {name: getattr(visits[0], name) for name in SAID} if is_to_mend else {}
    return VisitForm(order, initial={"seen": len(visits), **said})


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


@access.requires(Act.HANDLE_ORDERS)
@require_POST
def take_back(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Undo the step that was taken a moment ago."""
    return _step(request, order, actions.take_back, _("The step is taken back."))


def _step(request: HttpRequest, ref: uuid.UUID, step: Callable[..., None], done: str = "") -> HttpResponse:
    found = load_order(request, ref, Act.HANDLE_ORDERS, Deed.HANDLE_ORDER)
    try:
        step(order=found, by=access.signed_in(request))
    except actions.OrderError as problem:
        return _refused(request, found, problem)
    if done:
        messages.success(request, done)
    return redirect("community:order", order=ref)


@access.requires(Act.HANDLE_ORDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """Report what was found on site; opened again, such as after a new sign-in, the address leads to the order.

    With a mistake in it the report is kept as a draft, photos too, and the order's page shows it: that page can be left
    and opened again.
    """
    if request.method != "POST":
        return redirect("community:order", order=order)
    found, user = load_order(request, order, Act.HANDLE_ORDERS, Deed.HANDLE_ORDER), access.signed_in(request)
    kept = drafts.pictures_in(drafts.draft_of(found, user))
    form = VisitForm(found, request.POST, request.FILES, kept=kept)
    photos.note_too_large(request, form)
    try:
        if not form.is_valid():
            drafts.keep_draft(order=found, typed=form.typed(), pictures=form.fresh(), dropped=form.dropped(), by=user)
            return _go_on(request, f"{reverse('community:order', args=[order])}#report")
        actions.report(
            order=found,
            found=form.found(),
            pictures=form.pictures(kept),
            visits_seen=form.cleaned_data["seen"],
            by=user,
        )
    except actions.OrderError as problem:
        return _refused(request, found, problem)
    messages.success(
        request,
        _("Your report has arrived; somebody else verifies it. If it is wrong, open it under “done” and take it back."),
    )
    return _go_on(request, reverse("community:orders"))


def _go_on(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to the next page; a script that has sent the form is told where that is."""
    return JsonResponse({"to": url}) if request.headers.get("Accept") == "application/json" else redirect(url)


def _refused(request: HttpRequest, order: WorkOrder, problem: actions.OrderError) -> HttpResponse:
    """Show the order as it stands now, and why nothing was done."""
    if request.headers.get("Accept") == "application/json":
        messages.warning(request, str(problem))
        return _go_on(request, reverse("community:order", args=[order.ref]))
    now = load_order(request, order.ref, Act.HANDLE_ORDERS, Deed.SEE_ORDER)
    return _page(request, now, problem=str(problem), status=CONFLICT)


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
