"""Isolation, for health officers: who is in it, ordering it, releasing by hand, and the county's confirmation."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, clock, paging, photos
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import check_in_queries, isolation_queries, queries, words
from healthcode.actions import isolation as actions
from healthcode.check_in_forms import FindPersonForm, OrderForm, ReleaseForm
from healthcode.models import Isolation, Reason
from healthcode.replay import NoRulesError

ORDER = ("first_day", "id")


@access.requires(Act.ORDER_ISOLATION)
@access.names_people
@require_safe
def isolations(request: HttpRequest) -> HttpResponse:
    """List who is in isolation in the user's areas, the longest first, and who waits for the county."""
    return _list(request, FindPersonForm())


def _list(request: HttpRequest, form: FindPersonForm) -> HttpResponse:
    user = access.signed_in(request)
    rows = isolation_queries.ordered(user)
    page = paging.page(rows, ORDER, paging.start_after(rows, "ref", request.GET.get("after")))
    waiting = list(isolation_queries.waiting_for_county(user).order_by("since", "id")[: paging.PAGE_SIZE])
    shown = [*(row.person for row in page.rows), *(reason.person for reason in waiting)]
    access.record_look(request, Deed.SEE_ISOLATION, Act.ORDER_ISOLATION, shown, detail={"rows": len(shown)})
    frame = {
        "find_form": form,
        "page": page,
        "count": paging.capped_count(rows),
        "rows": _with_grounds(page.rows),
        "county": _county(waiting),
    }
    return render(request, "healthcode/isolation/list.html", frame)


def _county(waiting: list[Reason]) -> list[tuple[Reason, bool, str]]:
    """Return who waits for the county: the reason, whether nothing else is missing, and the rule's name."""
    ready = isolation_queries.confirmable(waiting) if waiting else set()
    names = isolation_queries.rule_names(waiting) if waiting else {}
    return [(reason, reason.pk in ready, names[reason.rule]) for reason in waiting]


def _with_grounds(rows: list[Isolation]) -> list[tuple[Isolation, int, str]]:
    """Return each isolation with the day of it that is today, and its grounds in words."""
    rules = {rule for row in rows for rule in row.grounds}
    names = check_in_queries.rule_names(rules) if rules else {}
    return [(row, row.days(clock.today()), words.listed(names[rule] for rule in row.grounds)) for row in rows]


@access.requires(Act.ORDER_ISOLATION)
@access.names_people
@require_POST
@sensitive_post_parameters("number")
def find(request: HttpRequest) -> HttpResponse:
    """Find somebody of the user's areas by a document number, to isolate them."""
    user = access.signed_in(request)
    form = FindPersonForm(request.POST)
    if not form.is_valid():
        return _list(request, form)
    number = form.cleaned_data["number"]
    found = Person.objects.visible_to(user, Act.ORDER_ISOLATION).holding(number).first()
    if found is not None:
        return redirect("healthcode:isolation_order", ref=found.ref)
    elsewhere = list(Person.objects.holding(number).values_list("pk", flat=True))
    if elsewhere:
        access.note_refusal(request, Deed.SEE_PERSON, Act.ORDER_ISOLATION, subjects=elsewhere)
    form.add_error("number", _("Nobody in your areas is known by this number. Compare it with the document."))
    return _list(request, form)


@access.requires(Act.ORDER_ISOLATION)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Order isolation for one person on their open reasons."""
    person = access.load_person(request, ref, Act.ORDER_ISOLATION, Deed.ORDER_ISOLATION)
    now_there, reasons = isolation_queries.going_on(person), isolation_queries.open_reasons(person)
    if request.method != "POST":
        access.record_look(request, Deed.SEE_PERSON, Act.ORDER_ISOLATION, [person])
        return _order_page(request, person, OrderForm(initial=_proposed(person, now_there, reasons)))
    form = OrderForm(request.POST)
    if not form.is_valid():
        return _order_page(request, person, form)
    try:
        begun = actions.order_isolation(
            person=person, order=form.order(), seen=form.cleaned_data["seen"], by=access.signed_in(request)
        )
    except (actions.IsolationError, ValidationError) as problem:
        messages.warning(request, " ".join(getattr(problem, "messages", [str(problem)])))
        return redirect("healthcode:isolation_order", ref=ref)
    except NoRulesError:
        messages.warning(request, _("No rules are in force at this moment: nothing was recorded."))
        return redirect("healthcode:isolation_order", ref=ref)
    if begun is None:
        messages.warning(request, _("The order waits for a second person of another unit. Nothing has begun yet."))
    else:
        messages.success(request, _("The isolation is ordered. The grid sees it on its list of people to care for."))
    return redirect("healthcode:isolations")


def _proposed(person: Person, now_there: Isolation | None, reasons: list[Reason]) -> dict[str, Any]:
    """Return what the form proposes: what is ordered already, from today, as long as the reasons speak for."""
    today = clock.today()
    until = isolation_queries.proposed_last_day(reasons)
    return {
        "seen": now_there.pk if now_there else 0,
        "place": now_there.place if now_there else Isolation.Place.HOME,
        "address": now_there.address if now_there and now_there.address != person.address else "",
        "first_day": now_there.first_day if now_there else today,
        "last_day": max(until, today) if until else None,
    }


def _order_page(request: HttpRequest, person: Person, form: OrderForm) -> HttpResponse:
    reasons = isolation_queries.open_reasons(person)
    names = isolation_queries.rule_names(reasons) if reasons else {}
    frame = {
        "person": person,
        "form": form,
        "code": queries.state_of(person),
        "reasons": [(reason, names[reason.rule]) for reason in reasons],
        "isolation": isolation_queries.going_on(person),
    }
    return render(request, "healthcode/isolation/order.html", frame)


@access.requires(Act.RELEASE_FROM_ISOLATION)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, isolation: uuid.UUID) -> HttpResponse:
    """End an isolation by hand, with the reason and a document."""
    found = _load(request, isolation)
    form = ReleaseForm(request.POST, request.FILES) if request.method == "POST" else ReleaseForm()
    if request.method == "POST":
        photos.note_too_large(request, form)
        if found.ended_at is not None:
            messages.info(request, _("This isolation has ended already."))
            return redirect("healthcode:isolations")
        if form.is_valid():
            return _release(request, found, form)
    access.record_look(request, Deed.SEE_PERSON, Act.RELEASE_FROM_ISOLATION, [found.person])
    return render(request, "healthcode/isolation/release.html", {"isolation": found, "form": form})


def _release(request: HttpRequest, isolation: Isolation, form: ReleaseForm) -> HttpResponse:
    given = form.cleaned_data
    is_over = actions.release_by_hand(
        isolation=isolation, why=given["why"], jpeg=given["document"], by=access.signed_in(request)
    )
    if is_over:
        messages.success(request, _("The isolation has ended. The reasons and the colour are as before."))
    else:
        messages.warning(request, _("The release waits for a second person of another unit. The isolation goes on."))
    return redirect("healthcode:isolations")


def _load(request: HttpRequest, ref: uuid.UUID) -> Isolation:
    rows = Isolation.objects.visible_to(request.user, Act.RELEASE_FROM_ISOLATION)
    found = rows.select_related("person__area", "area", "order").filter(ref=ref).first()
    if found is None:
        about = Isolation.objects.filter(ref=ref).values_list("person__ref", flat=True).first()
        raise access.RefusedLookError(
            Deed.END_ISOLATION, Act.RELEASE_FROM_ISOLATION, status=404, target=f"isolation:{ref}", person_ref=about
        )
    return found


@access.requires(Act.CONFIRM_RELEASE)
@access.names_people
@require_POST
def confirm(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Confirm for the county that a person's reason, named by its rule, may end."""
    person = access.load_person(request, ref, Act.CONFIRM_RELEASE, Deed.END_ISOLATION)
    reasons = isolation_queries.open_reasons(person)
    reason = next((one for one in reasons if one.rule == request.POST.get("rule")), None)
    if reason is None:
        messages.info(request, _("This reason has ended meanwhile."))
        return redirect("healthcode:isolations")
    try:
        is_recorded = actions.confirm_release(reason=reason, by=access.signed_in(request))
    except actions.IsolationError as problem:
        messages.warning(request, str(problem))
        return redirect("healthcode:isolations")
    if is_recorded:
        messages.success(request, _("Confirmed for the county. The code has been judged anew."))
    else:
        messages.warning(request, _("The confirmation waits for a second person of another unit."))
    return redirect("healthcode:isolations")
