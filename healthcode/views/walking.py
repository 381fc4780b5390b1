"""The walk of a declaration, for whomever: a page for each question, the answers once more, then it is sent."""

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from citybrain.core import clock, names, photos
from citybrain.core.uploads import TOO_LARGE
from healthcode import declaring, review
from healthcode.actions import drafts
from healthcode.actions.declare import Declared
from healthcode.forms import PledgeForm
from healthcode.replay import NoRulesError
from healthcode.whom import Whom

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# A draft keeps what fits in its fields and a little more, so that nothing typed is lost on the way back.
LONGEST_KEPT, MOST_KEPT = 400, 500
# Whoever comes back to a question so soon after sending may take it for the declaration that they have sent.
JUST_NOW = dt.timedelta(minutes=10)


def needs_rules(view: View[P]) -> View[P]:
    """Answer a page of its own when no rules are in force: nobody can be judged then; the draft stays."""

    @functools.wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoRulesError:
            return render(request, "healthcode/declare/no_rules.html", {"again": request.path}, status=503)

    return answered


def show_start(request: HttpRequest, whom: Whom) -> HttpResponse:
    """Say what comes, and where the declaration was left the last time."""
    walk = declaring.walk(whom)
    person = whom.person
    frame = {
        **_frame(walk),
        "person": person,
        "documents": review.documents_of(person) if person and whom.may_see else [],
        "phone": review.phone_of(whom.user) if whom.is_own else "",
        "last": walk.asking.last,
        "is_under_way": bool(walk.given),
        "steps": len(declaring.coming(walk.known, walk.given)),
        "answered": len(walk.given),
        "onward": _page(whom, walk.first_open),
    }
    return render(request, "healthcode/declare/start.html", frame)


def show_page(request: HttpRequest, whom: Whom, name: str) -> HttpResponse:
    """Ask one question; keep the answer, also a wrong one, which is asked again; nobody skips a page.

    Every answer is followed by a redirect, so that the browser's Back never asks whether to send a form again.
    """
    if name not in declaring.PAGES:
        raise Http404
    walk = declaring.walk(whom)
    if name not in walk.may_open:
        return redirect(_page(whom, walk.first_open))
    is_changing = "change" in request.GET
    if request.method == "POST":
        return redirect(_answer(request, walk, name, is_changing=is_changing))
    form = walk.form(name, is_judged="wrong" in request.GET and name in walk.typed)
    step, steps = declaring.progress(walk.known, walk.given, name)
    frame = {
        **_frame(walk),
        "page": declaring.PAGES[name],
        "title": declaring.title_of(name, whom),
        "form": form,
        "step": step,
        "steps": steps,
        "sent_at": _sent_just_now(walk),
        "asking": walk.asking,
        "given": walk.given,
        "phone": review.phone_of(whom.user) if whom.is_own else "",
    }
    return render(request, [f"healthcode/declare/{name}.html", "healthcode/declare/_page.html"], frame)


def show_review(request: HttpRequest, whom: Whom) -> HttpResponse:
    """Show all answers before they are sent, each with a link to change it; send them."""
    walk = declaring.walk(whom)
    if request.method == "POST" and walk.read_at is None:
        return redirect(whom.done_url)
    if walk.first_open or walk.read_at is None:
        return redirect(_page(whom, walk.first_open))
    if request.method == "POST":
        if not PledgeForm(request.POST).is_valid():
            return redirect(f"{_page(whom, None)}?wrong")
        return _send(request, walk, walk.read_at)
    form = PledgeForm({} if "wrong" in request.GET else None)
    frame = {**_frame(walk), "lines": review.lines(walk), "version": walk.read_at.isoformat(), "form": form}
    return render(request, "healthcode/declare/review.html", frame)


def _frame(walk: declaring.Walk) -> dict[str, Any]:
    """Return what every page of the walk says of whoever it is about."""
    whom = walk.asking.whom
    typed = str(walk.given.get("who", {}).get("name") or "")
    about = whom.person.masked_name if whom.person else names.mask(typed)
    return {"whom": whom, "about": "" if whom.is_own else about}


def _sent_just_now(walk: declaring.Walk) -> dt.datetime | None:
    """Return when the last declaration was sent, if that was a moment ago and no new one has been begun."""
    last = walk.asking.last
    # With staff the draft is there from the moment in which the document was looked at.
    is_begun = bool(walk.given) if walk.asking.whom.is_present else walk.read_at is not None
    if is_begun or last is None or last.declared_at < clock.now() - JUST_NOW:
        return None
    return last.declared_at


def _send(request: HttpRequest, walk: declaring.Walk, read_at: dt.datetime) -> HttpResponse:
    whom = walk.asking.whom
    if request.POST.get("version") != read_at.isoformat():
        return _read_again(request, whom)
    relation = walk.given.get("relation", {}).get("relation", "")
    try:
        sent = drafts.send_draft(whom=whom, read_at=read_at, answers=declaring.collect(walk), relation=relation)
    except drafts.DraftChangedError:
        return _read_again(request, whom)
    except ValidationError as problem:
        messages.warning(request, " ".join(problem.messages))
        return redirect(whom.start_url)
    return redirect(_sent_url(request, whom, sent))


def _sent_url(request: HttpRequest, whom: Whom, sent: object) -> str:
    """Return where it goes on when it has been sent, and say what cannot be seen there."""
    if whom.is_new_member:
        messages.success(request, _("Sent. A grid worker looks at the photo."))
    if isinstance(sent, Declared) and whom.is_present:
        if sent.hold:
            text = _("Taken down. It waits for a second person to look at it, as much was taken down here today.")
            messages.warning(request, text)
        return whom.done_of(sent.person, is_held=sent.hold is not None)
    return whom.done_url


def _read_again(request: HttpRequest, whom: Whom) -> HttpResponse:
    messages.warning(request, _("An answer was changed in another window. Read them once more, then send."))
    return redirect(whom.review_url)


def _answer(request: HttpRequest, walk: declaring.Walk, name: str, *, is_changing: bool) -> str:
    """Keep what was typed and return where it goes on: the same page when it is wrong."""
    own, whom = walk.form(name), walk.asking.whom
    typed = {field: request.POST.getlist(field)[:MOST_KEPT] for field in own.fields}
    kept = {field: [value[:LONGEST_KEPT] for value in values] for field, values in typed.items()}
    jpeg = None
    if name == "proof":
        kept, jpeg = _picture(request)
    drafts.keep_answer(user=whom.user, page=name, typed=kept, whom=whom.key, jpeg=jpeg)
    if request.POST.get("go") == "back":
        return _back(walk, name, is_changing=is_changing)
    now = declaring.walk(whom)
    if name not in now.given:
        return f"{_page(whom, name)}?{'change&' if is_changing else ''}wrong"
    return _onward(now, name, is_changing=is_changing)


def _picture(request: HttpRequest) -> tuple[dict[str, list[str]], bytes | None]:
    """Return what is wrong with the file that was sent, or the picture."""
    upload = request.FILES.get("photo")
    if "photo" in request.META.get(TOO_LARGE, ()):
        return {"problem": ["too_large"]}, None
    if upload is None:
        return {}, None
    try:
        return {}, photos.to_jpeg(upload.read())
    except ValidationError:
        return {"problem": ["no_picture"]}, None


def _page(whom: Whom, name: str | None) -> str:
    """Return the address of a page; without one, of the answers once more."""
    return whom.page_url(name) if name else whom.review_url


def _onward(walk: declaring.Walk, name: str, *, is_changing: bool) -> str:
    """Return where it goes on after an answer; whoever changes one comes back to the answers, past new questions."""
    whom = walk.asking.whom
    if not is_changing:
        return _page(whom, walk.after(name))
    return f"{_page(whom, walk.first_open)}?change" if walk.first_open else _page(whom, None)


def _back(walk: declaring.Walk, name: str, *, is_changing: bool) -> str:
    whom = walk.asking.whom
    before = walk.before(name)
    if is_changing and not walk.first_open:
        return _page(whom, None)
    return _page(whom, before) if before else whom.start_url
