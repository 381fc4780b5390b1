"""Access: each URL names its permission; nobody holds an object without having passed the check.

A refusal is an exception, so that the view's transaction rolls back; `RefusedLookMiddleware` (pages) and
`record_refused_look` (API) then put it on record in a transaction of its own.
"""

import functools
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from citybrain.core import audit, clock, outbox, scope
from citybrain.core.models import AuditRow, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act

P = ParamSpec("P")
M = TypeVar("M", bound=models.Model)
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

PURPOSE_KEY = "purpose"
PURPOSE_HOURS = 8


class RefusedLookError(Exception):
    """Someone asked for what they may not have. `status` 404 hides whether it exists, 403 says it is not theirs."""

    def __init__(
        self, deed: Deed, act: Act, *, status: int, target: str = "", person_ref: uuid.UUID | None = None
    ) -> None:
        super().__init__(f"{deed} refused: {act}")
        self.deed, self.act, self.status, self.target, self.person_ref = deed, act, status, target, person_ref


def public(reason: str) -> Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]]:
    """Declare a page that needs no permission, with the reason why."""

    def declare(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
        view.permission = f"public: {reason}"  # type: ignore[attr-defined]
        return view

    return declare


def requires(act: Act) -> Callable[[View[P]], View[P]]:
    """Declare a page's permission: sign-in first, then the act; anyone else is refused on record."""

    def declare(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(page_to_return_to(request))
            check(request, act)
            return view(request, *args, **kwargs)

        checked.permission = act  # type: ignore[attr-defined]
        return checked

    return declare


def check(request: HttpRequest, act: Act) -> None:
    """Raise RefusedLookError (403) unless some role of the user permits the act."""
    if scope.of(request.user).may(act):
        return
    match = request.resolver_match
    ref = match.kwargs.get("ref") if match else None
    page = f"page:{match.view_name}" if match else ""
    person_ref = ref if isinstance(ref, uuid.UUID) else None
    raise RefusedLookError(Deed.OPEN_PAGE, act, status=403, target=page, person_ref=person_ref)


def names_people(view: View[P]) -> View[P]:
    """Ask for a purpose before a page that names persons, then come back to it.

    Whoever is named in the address is checked first, whatever the method and whether or not there is a purpose.
    """

    @functools.wraps(view)
    def asked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        check_named(request, kwargs.get("ref"))
        if purpose_of(request):
            return view(request, *args, **kwargs)
        return redirect(f"{reverse('core:purpose')}?{urlencode({'next': page_to_return_to(request)})}")

    return asked


def page_to_return_to(request: HttpRequest) -> str:
    """Return the page to come back to after a detour: this one, or the one whose form was sent."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    sender = urlsplit(request.headers.get("Referer", ""))
    return sender._replace(scheme="", netloc="").geturl() if sender.netloc == request.get_host() else "/"


def purpose_of(request: HttpRequest) -> str:
    """Return the purpose stated in this session, "" when there is none or it is older than PURPOSE_HOURS."""
    stated = request.session.get(PURPOSE_KEY)
    if not stated or clock.now().timestamp() > stated["until"] or stated["code"] not in Purpose.values:
        return ""
    return str(stated["code"])


def check_named(request: HttpRequest, ref: object) -> None:
    """Refuse a request that names a person outside the user's areas."""
    if isinstance(ref, uuid.UUID):
        load_person(request, ref, Act.SEE_PEOPLE, Deed.SEE_PERSON)


def person_to_start_after(request: HttpRequest, text: str | None) -> Person | None:
    """Return the person after whom the next page begins; a damaged link begins anew, a stranger's is refused."""
    try:
        ref = uuid.UUID(text or "")
    except ValueError:
        return None
    return load_person(request, ref, Act.SEE_PEOPLE, Deed.SEE_LIST)


def load_person(request: HttpRequest, ref: uuid.UUID, act: Act, deed: Deed) -> Person:
    """Return the person if the user may do `act` in that person's area; otherwise 404, on record."""
    person = Person.objects.visible_to(request.user, act).select_related("area").filter(ref=ref).first()
    if person is None:
        raise RefusedLookError(deed, act, status=404, target=f"person:{ref}", person_ref=ref)
    return person


def load(request: HttpRequest, manager: "models.Manager[M]", pk: int, act: Act, deed: Deed) -> M:
    """Return an object with an area or organisation if it lies in the user's scope; otherwise 404, on record."""
    visible: models.QuerySet[M] = manager.all().visible_to(request.user, act)  # type: ignore[attr-defined]
    found = visible.filter(pk=pk).first()
    if found is None:
        raise RefusedLookError(deed, act, status=404, target=f"{manager.model._meta.model_name}:{pk}")
    return found


def put_on_record(request: HttpRequest, refused: RefusedLookError) -> None:
    """Write the refused look, in its own transaction, and tell whoever watches refusals."""
    subjects = Person.objects.filter(ref=refused.person_ref).values_list("id", flat=True) if refused.person_ref else ()
    note_refusal(request, refused.deed, refused.act, subjects=subjects, target=refused.target)


def note_refusal(request: HttpRequest, deed: Deed, act: Act, *, subjects: Iterable[int] = (), target: str = "") -> None:
    """Put on record that someone asked for what they may not have, and that nothing was shown."""
    user = request.user
    with transaction.atomic():
        row = audit.record(
            deed,
            by=user if not isinstance(user, AnonymousUser) else None,
            under=act,
            purpose=purpose_of(request),
            subjects=subjects,
            target=target,
            outcome=AuditRow.Outcome.REFUSED,
        )
        outbox.publish("look.refused", row=row.pk)


def signed_in(request: HttpRequest) -> User:
    """Return the user of a page that requires sign-in."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError
    return user


def record(request: HttpRequest, deed: Deed, act: Act, **what: Any) -> AuditRow:
    """Put an act of the signed-in user on record with the purpose stated in the session."""
    return audit.record(deed, by=signed_in(request), under=act, purpose=purpose_of(request), **what)


def record_look(request: HttpRequest, deed: Deed, act: Act, people: Iterable[Person], **what: Any) -> AuditRow:
    """Put on record that the signed-in user was shown these people, under the holdings that they live in."""
    shown = list(people)
    areas = ("area", {person.area_id for person in shown})
    return record(request, deed, act, subjects=[person.pk for person in shown], where=areas, **what)
