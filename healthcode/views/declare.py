"""The declaration: a page for each question, then the answers once more, then it is sent."""

import datetime as dt
import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, clock
from citybrain.core.models import Area
from citybrain.core.roles import Act
from healthcode import declaring, explanation, queries, review
from healthcode.actions import declare as actions
from healthcode.forms import PledgeForm
from healthcode.models import Declaration
from healthcode.replay import NoRulesError

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# A draft keeps what fits in its fields and a little more, so that nothing typed is lost on the way back.
LONGEST_KEPT, MOST_KEPT = 400, 500
# Whoever comes back to a question so soon after sending may take it for the declaration that they have sent.
JUST_NOW = dt.timedelta(minutes=10)


def _needs_rules(view: View[P]) -> View[P]:
    """Answer a page of its own when no rules are in force: nobody can be judged then; the draft stays."""

    @functools.wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoRulesError:
            return render(request, "healthcode/declare/no_rules.html", status=503)

    return answered


@access.requires(Act.DECLARE)
@require_safe
@_needs_rules
def start(request: HttpRequest) -> HttpResponse:
    """Say what comes, and where the declaration was left the last time."""
    user = access.signed_in(request)
    walk = declaring.walk(user)
    person = user.person
    frame = {
        "person": person,
        "documents": review.documents_of(person) if person else [],
        "phone": review.phone_of(user),
        "last": walk.asking.last,
        "is_under_way": bool(walk.given),
        "steps": len(declaring.coming(walk.known, walk.given)),
        "answered": len(walk.given),
        "onward": _page(walk.first_open),
    }
    return render(request, "healthcode/declare/start.html", frame)


@access.requires(Act.DECLARE)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@_needs_rules
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Ask one question; keep the answer, also a wrong one, which is asked again; nobody skips a page.

    Every answer is followed by a redirect, so that the browser's Back never asks whether to send a form again.
    """
    if name not in declaring.PAGES:
        raise Http404
    user = access.signed_in(request)
    walk = declaring.walk(user)
    if name not in walk.may_open:
        return redirect(_page(walk.first_open))
    is_changing = "change" in request.GET
    if request.method == "POST":
        return redirect(_answer(request, walk, name, is_changing=is_changing))
    form = walk.form(name, is_judged="wrong" in request.GET and name in walk.typed)
    step, steps = declaring.progress(walk.known, walk.given, name)
    frame = {
        "page": declaring.PAGES[name],
        "form": form,
        "step": step,
        "steps": steps,
        "sent_at": _sent_just_now(walk),
        "asking": walk.asking,
        "given": walk.given,
        "phone": review.phone_of(user),
    }
    return render(request, [f"healthcode/declare/{name}.html", "healthcode/declare/_page.html"], frame)


@access.requires(Act.DECLARE)
@require_http_methods(["GET", "HEAD", "POST"])
@_needs_rules
def check(request: HttpRequest) -> HttpResponse:
    """Show all answers before they are sent, each with a link to change it; send them."""
    user = access.signed_in(request)
    walk = declaring.walk(user)
    if request.method == "POST" and walk.read_at is None:
        return redirect("healthcode:declare_done")
    if walk.first_open or walk.read_at is None:
        return redirect(_page(walk.first_open))
    if request.method == "POST":
        if not PledgeForm(request.POST).is_valid():
            return redirect(f"{_page(None)}?wrong")
        return _send(request, walk, walk.read_at)
    form = PledgeForm({} if "wrong" in request.GET else None)
    frame = {"lines": review.lines(walk), "version": walk.read_at.isoformat(), "form": form}
    return render(request, "healthcode/declare/review.html", frame)


@access.requires(Act.DECLARE)
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Say what was sent, what the code is now, and what comes next."""
    person = access.signed_in(request).person
    sent = Declaration.objects.filter(person=person).select_related("area", "evidence")
    last = sent.order_by("-declared_at").first()
    if person is None or last is None:
        return redirect("healthcode:declare")
    frame = {
        "declaration": last,
        "told": explanation.sent_with(last),
        "person": person,
        "documents": review.documents_of(person),
        "code": queries.state_of(person),
        "needs_check_ins": any(reason.counts_check_ins for reason in queries.reasons_of(person)),
        "is_found": last.area.level == Area.Level.GRID,
    }
    return render(request, "healthcode/declare/done.html", frame)


def _sent_just_now(walk: declaring.Walk) -> dt.datetime | None:
    """Return when the last declaration was sent, if that was a moment ago and no new one has been begun."""
    last = walk.asking.last
    if walk.read_at is not None or last is None or last.declared_at < clock.now() - JUST_NOW:
        return None
    return last.declared_at


def _send(request: HttpRequest, walk: declaring.Walk, read_at: dt.datetime) -> HttpResponse:
    if request.POST.get("version") != read_at.isoformat():
        return _read_again(request)
    answers = declaring.collect(walk)
    try:
        actions.send_draft(user=walk.asking.user, read_at=read_at, answers=answers)
    except actions.DraftChangedError:
        return _read_again(request)
    except ValidationError as problem:
        messages.warning(request, " ".join(problem.messages))
        return redirect("healthcode:declare")
    return redirect("healthcode:declare_done")


def _read_again(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("An answer was changed in another window. Read them once more, then send."))
    return redirect("healthcode:declare_review")


def _answer(request: HttpRequest, walk: declaring.Walk, name: str, *, is_changing: bool) -> str:
    """Keep what was typed and return where it goes on: the same page when it is wrong."""
    own = walk.form(name)
    typed = {field: request.POST.getlist(field)[:MOST_KEPT] for field in own.fields}
    kept = {field: [value[:LONGEST_KEPT] for value in values] for field, values in typed.items()}
    actions.keep_answer(user=walk.asking.user, page=name, typed=kept)
    if request.POST.get("go") == "back":
        return _back(walk, name, is_changing=is_changing)
    now = declaring.walk(walk.asking.user)
    if name not in now.given:
        return f"{_page(name)}?{'change&' if is_changing else ''}wrong"
    return _onward(now, name, is_changing=is_changing)


def _page(name: str | None) -> str:
    """Return the address of a page; without one, of the answers once more."""
    return reverse("healthcode:declare_page", args=[name]) if name else reverse("healthcode:declare_review")


def _onward(walk: declaring.Walk, name: str, *, is_changing: bool) -> str:
    """Return where it goes on after an answer; whoever changes one comes back to the answers, past new questions."""
    if not is_changing:
        return _page(walk.after(name))
    return f"{_page(walk.first_open)}?change" if walk.first_open else _page(None)


def _back(walk: declaring.Walk, name: str, *, is_changing: bool) -> str:
    before = walk.before(name)
    if is_changing and not walk.first_open:
        return _page(None)
    return _page(before) if before else reverse("healthcode:declare")
