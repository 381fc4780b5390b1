"""A resident's own code: the page to show at a gate, what it asks for, its explanation, and a new one."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, clock, display, paging
from citybrain.core.roles import Act
from healthcode import family_queries, qr, queries, shedding, show_page, showing, tokens
from healthcode.actions import code as actions
from healthcode.explanation import explain

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
CHANGES = 20
BY_COOKIE = "what is shown is what the signed cookie says; whoever has none is led to sign in"
WORKER = settings.BASE_DIR / "static" / "js" / "code_worker.js"


# What needs no database: drawn from the signed cookie alone.


@access.public(BY_COOKIE)
@require_safe
def code(request: HttpRequest) -> HttpResponse:
    """Show the code that the cookie names, with its last state and of when that is."""
    now, mode = showing.milliseconds(clock.now()), display.mode_of(request)
    # As it is: to read it into a QueryDict takes as long as to check the cookie.
    marks = request.META.get("QUERY_STRING", "")
    shown, was_opened = showing.of(request, now), "opened" in marks
    if shown:
        return HttpResponse(show_page.draw(shown, now, mode, was_opened=was_opened, is_renewed="renewed" in marks))
    if was_opened:
        return HttpResponse(show_page.alone("healthcode/code/no_cookie.html", mode), status=400)
    return redirect("healthcode:code_open")


@access.public(BY_COOKIE)
@require_safe
def picture(request: HttpRequest) -> HttpResponse:
    """Draw the token of this moment, for browsers that cannot draw it themselves."""
    now = clock.now()
    shown = showing.of(request, showing.milliseconds(now))
    if shown is None:
        return redirect("healthcode:code_open")
    return HttpResponse(qr.png(tokens.make(shown.number, now)), content_type="image/png")


@access.public(BY_COOKIE)
@require_safe
def code_key(request: HttpRequest) -> HttpResponse:
    """Hand a page that has been open over midnight what it makes tokens from today."""
    shown = showing.of(request, showing.milliseconds(clock.now()))
    if shown is None:
        return redirect("healthcode:code_open")
    number, key_id, key, day = showing.day_key(shown.number, clock.today())
    return JsonResponse({"number": number, "key_id": int(key_id), "key": key, "day": day})


@access.public("a script that names nobody")
@require_safe
def code_worker(_request: HttpRequest) -> HttpResponse:
    """Hand out the script that keeps the last page; from this address it may answer for /code/ and nothing above it."""
    return HttpResponse(_worker_script(), content_type="text/javascript; charset=utf-8")


@functools.cache
def _worker_script() -> str:
    return WORKER.read_text(encoding="utf-8")


# What asks the database.


def _else_last_known(view: View[P]) -> View[P]:
    """Lead back to what a valid cookie says while the database does not answer, or too many ask."""

    @functools.wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != 503:  # noqa: PLR2004
            return response
        if showing.of(request, showing.milliseconds(clock.now())):
            return redirect(_opened())
        return shedding.busy(show_page.alone("healthcode/code/not_now.html", display.mode_of(request)))

    return answered


@_else_last_known
@shedding.shed("CODE_STATE_AT_ONCE")
@access.requires(Act.SHOW_CODE)
@require_safe
def code_open(request: HttpRequest) -> HttpResponse:
    """Read what the resident's code says, keep it in the cookie, show it."""
    user = access.signed_in(request)
    if user.person is None:
        return _declare_first(request)
    response = redirect(_opened())
    showing.remember(response, showing.look_up(user.person, user))
    return response


@shedding.shed("CODE_STATE_AT_ONCE")
@access.requires(Act.SHOW_CODE)
@require_safe
def code_state(request: HttpRequest) -> HttpResponse:
    """Tell a page that is open what the code says now, and renew its cookie."""
    user = access.signed_in(request)
    if user.person is None:
        raise Http404
    shown = showing.look_up(user.person, user)
    says = shown.says(shown.at)
    told = {name: showing.iso(getattr(says, name)) for name in ("since", "valid_until", "at")}
    response = JsonResponse({"state": says.state, **told, "number": showing.number_text(shown.number)})
    showing.remember(response, shown)
    return response


@shedding.shed("CODE_MORE_AT_ONCE")
@access.requires(Act.SHOW_CODE)
@require_safe
def code_more(request: HttpRequest) -> HttpResponse:
    """Tell an open page why the code says so, and what its reader may set: all that it can be shown without."""
    user = access.signed_in(request)
    if user.person is None:
        raise Http404
    frame = {"explanation": explain(user.person), "members": family_queries.members_of(user)}
    return render(request, "healthcode/code/more.html", frame)


@access.requires(Act.SHOW_CODE)
@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Explain the code: reasons with their evidence and way out, the rules, what was declared, every change."""
    person = access.signed_in(request).person
    if person is None:
        return _declare_first(request)
    changes = queries.changes_of(person)
    after = paging.start_after(changes, "pk", request.GET.get("after"))
    page = paging.page(changes, ("-at", "-id"), after, CHANGES)
    frame = {"explanation": explain(person), "changes": page.rows, "next_after": page.next_after}
    return render(request, "healthcode/code/why.html", frame)


@access.requires(Act.SHOW_CODE)
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest) -> HttpResponse:
    """Say what a new code means; make it when that is confirmed."""
    user = access.signed_in(request)
    person = user.person
    if person is None:
        return _declare_first(request)
    if request.method == "POST":
        actions.renew(person=person, by=user)
        response = redirect(f"{_opened()}&renewed=1")
        showing.remember(response, showing.look_up(person, user))
        return response
    return render(request, "healthcode/code/renew.html", {"person": person})


def _declare_first(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("You have no code yet: declare first."))
    return redirect("healthcode:declare")


def _opened() -> str:
    """Return the code page's address with a mark that the cookie was just set, so that nobody is led in circles."""
    return f"{reverse('healthcode:code')}?opened=1"
