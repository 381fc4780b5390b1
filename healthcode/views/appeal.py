"""A person's appeals: making one, following it, adding to it, taking it back; and the public figures."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, paging, photos
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import appeal_figures, appeal_queries, queries
from healthcode.actions import appeal as actions
from healthcode.appeal_forms import AppealForm, MoreForm
from healthcode.models import Appeal

CONFLICT = 409


@access.requires(Act.APPEAL)
@require_safe
def own_appeals(request: HttpRequest) -> HttpResponse:
    """List the appeals of the signed-in resident, the newest first."""
    person = access.signed_in(request).person
    rows = appeal_queries.cases_of(person) if person else Appeal.objects.none()
    page = paging.page(rows, ("-made_at", "-id"), paging.start_after(rows, "ref", request.GET.get("after")))
    frame = {"person": person, "page": page, "rows": appeal_queries.rows(page.rows)}
    return render(request, "healthcode/appeal/own.html", frame)


@access.requires(Act.APPEAL)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask what is contested and why; a reason that is contested already leads to its case."""
    person = access.signed_in(request).person
    if person is None:
        return render(request, "healthcode/appeal/no_person.html")
    if request.method == "POST":
        return _make(request, person)
    choices = dict(appeal_queries.reason_choices(person))
    asked = request.GET.get("rule", next(iter(choices)))
    rule = asked if asked in choices else ""
    same = appeal_queries.open_case(person, rule) if "rule" in request.GET else None
    if same is not None:
        return _lead_to(request, same)
    about = Appeal.About.REASON if rule else Appeal.About.COLOUR
    return _form(request, person, AppealForm(person, initial={"rule": rule, "about": about}))


def _make(request: HttpRequest, person: Person) -> HttpResponse:
    form = AppealForm(person, request.POST, request.FILES)
    if not form.is_valid():
        return _form(request, person, form)
    pictures, lost = form.pictures(request)
    given = form.cleaned_data
    try:
        made = actions.make_appeal(
            person=person,
            about=given["about"],
            rule=given["rule"],
            text=given["text"],
            pictures=pictures,
            by=access.signed_in(request),
        )
    except actions.AlreadyOpenError as same:
        return _add_instead(request, same.appeal, given["text"], pictures, lost)
    messages.success(request, _("Your appeal has arrived. Its number is %(number)s.") % {"number": made.number})
    _tell_lost(request, lost)
    return redirect("healthcode:appeal", appeal=made.ref)


def _add_instead(request: HttpRequest, same: Appeal, text: str, pictures: list[bytes], lost: int) -> HttpResponse:
    """Keep what was typed in the case that is open; what was only sent twice is there already."""
    if text == same.read(bytes(same.text_cipher)) or not (text or pictures):
        return _lead_to(request, same)
    try:
        return _add(request, same, text, pictures, lost)
    except actions.AppealError as problem:
        messages.warning(request, str(problem))
        return redirect("healthcode:appeal", appeal=same.ref)


def _lead_to(request: HttpRequest, same: Appeal) -> HttpResponse:
    messages.info(request, _("You have an open appeal about this. Here it is; you can add to it."))
    return redirect("healthcode:appeal", appeal=same.ref)


def _form(request: HttpRequest, person: Person, form: AppealForm) -> HttpResponse:
    open_cases = appeal_queries.cases_of(person).exclude(state__in=appeal_queries.CLOSED)
    frame = {
        "form": form,
        "code": queries.state_of(person),
        "open_cases": appeal_queries.rows(list(open_cases)),
        "days": appeal_figures.working_days(),
    }
    return render(request, "healthcode/appeal/new.html", frame)


@access.requires(Act.APPEAL)
@require_POST
def review(request: HttpRequest) -> HttpResponse:
    """Ask in one step that a human being reviews what the rules decided."""
    user = access.signed_in(request)
    person = user.person
    if person is None:
        return redirect("healthcode:appeal_new")
    try:
        made = actions.make_appeal(person=person, about=Appeal.About.MACHINE, rule="", text="", by=user)
    except actions.AlreadyOpenError as same:
        return _lead_to(request, same.appeal)
    messages.success(request, _("A human being will look at it. The number of your case is %s.") % made.number)
    return redirect("healthcode:appeal", appeal=made.ref)


@access.requires(Act.APPEAL)
@require_safe
def appeal(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Show a case to whoever it is about: number, deadline, timeline, decision."""
    return _case(request, _own(request, appeal), MoreForm())


@access.requires(Act.APPEAL)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Add words and pictures to a case, or answer a question; opened by address, it leads to the case."""
    found = _own(request, appeal)
    if request.method != "POST":
        return redirect("healthcode:appeal", appeal=appeal)
    form = MoreForm(request.POST, request.FILES)
    if not form.is_valid():
        return _case(request, found, form)
    pictures, lost = form.pictures(request)
    if lost and not (form.cleaned_data["text"] or pictures):
        _tell_lost(request, lost)
        return redirect("healthcode:appeal", appeal=appeal)
    try:
        return _add(request, found, form.cleaned_data["text"], pictures, lost)
    except actions.AppealError as problem:
        form.add_error(None, str(problem))
        return _case(request, _own(request, appeal), form, status=CONFLICT)


def _add(request: HttpRequest, found: Appeal, text: str, pictures: list[bytes], lost: int) -> HttpResponse:
    actions.add(appeal=found, text=text, pictures=pictures, by=access.signed_in(request))
    messages.success(request, _("It is added to your case."))
    _tell_lost(request, lost)
    return redirect("healthcode:appeal", appeal=found.ref)


@access.requires(Act.APPEAL)
@require_POST
def take_back(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Take an appeal back."""
    found = _own(request, appeal)
    try:
        actions.take_back(appeal=found, by=access.signed_in(request))
    except actions.AppealError as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, _("Your appeal is taken back. You can appeal again at any time."))
    return redirect("healthcode:appeal", appeal=appeal)


@access.requires(Act.APPEAL)
@require_safe
def photo(request: HttpRequest, appeal: uuid.UUID, photo: uuid.UUID) -> HttpResponse:
    """Show a picture of a case to whoever it is about."""
    found = appeal_queries.photo_of(_own(request, appeal), photo)
    if found is None:
        raise access.RefusedLookError(Deed.SEE_PHOTO, Act.APPEAL, status=404, target=f"photo:{photo}")
    return photos.answer(found)


@access.public("how appeals are dealt with is everybody's to see; it names nobody")
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Show how many appeals there are, how old, how long they took and how they ended."""
    return render(request, "healthcode/appeal/figures.html", {"figures": appeal_figures.figures()})


def _own(request: HttpRequest, ref: uuid.UUID) -> Appeal:
    """Return a case of the signed-in resident; otherwise 404, on record."""
    person = access.signed_in(request).person
    rows = appeal_queries.cases_of(person) if person else Appeal.objects.none()
    found = rows.select_related("person", "area").filter(ref=ref).first()
    if found is None:
        raise access.RefusedLookError(Deed.SEE_APPEAL, Act.APPEAL, status=404, target=f"appeal:{ref}")
    return found


def _case(request: HttpRequest, found: Appeal, form: MoreForm, status: int = 200) -> HttpResponse:
    frame = {
        "case": appeal_queries.case(found),
        "code": queries.state_of(found.person),
        "form": form,
        "may_take_back": found.state in {Appeal.State.OPEN, Appeal.State.TAKEN, Appeal.State.PROPOSED},
    }
    return render(request, "healthcode/appeal/case.html", frame, status=status)


def _tell_lost(request: HttpRequest, lost: int) -> None:
    if lost:
        text = _(
            "Of your pictures, this many could not be read or were larger than 10 MB: %(number)s. Everything else has"
            " arrived. Add them again below, as a photo or a JPEG or PNG file."
        )
        messages.warning(request, text % {"number": lost})
