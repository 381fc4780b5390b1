"""Paper codes: a resident's own, and those that staff makes for somebody who cannot; the keys that check them."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, clock
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import paper_queries, qr, signed_codes
from healthcode.actions import paper as actions
from healthcode.models import PaperCode
from healthcode.paper_forms import VoidForm

# What it is printed on.
SIZES = ("a4", "card")
FORMER = 5
# Staff makes one for whoever is before them, as they declare for them.
FOR_OTHERS = Act.DECLARE_FOR_PRESENT


@access.public("public keys, for whoever checks our signed codes without a network")
@require_safe
def keys(_request: HttpRequest) -> HttpResponse:
    """Publish what our signed codes are checked with."""
    return JsonResponse(signed_codes.published())


# One's own.


@access.requires(Act.SHOW_CODE)
@require_safe
def paper(request: HttpRequest) -> HttpResponse:
    """Say what a paper code is and whether one has one; print, lose and make anew from here."""
    person = access.signed_in(request).person
    if person is None:
        return _declare_first(request)
    return render(request, "healthcode/paper/own.html", _frame(person))


@access.requires(Act.SHOW_CODE)
@require_POST
def paper_make(request: HttpRequest) -> HttpResponse:
    """Make one's paper code, in the place of the one before."""
    user = access.signed_in(request)
    if user.person is None:
        return _declare_first(request)
    actions.issue(person=user.person, by=user)
    messages.success(request, _("Your paper code is made. Print it now."))
    return redirect("healthcode:paper")


@access.requires(Act.SHOW_CODE)
@require_POST
def paper_void(request: HttpRequest, because: PaperCode.Because) -> HttpResponse:
    """Report one's paper lost, or give it up."""
    user = access.signed_in(request)
    if user.person is None:
        return _declare_first(request)
    actions.void(person=user.person, because=because, by=user)
    messages.success(request, _("No gate accepts the paper any more."))
    return redirect("healthcode:paper")


@access.requires(Act.SHOW_CODE)
@require_safe
def paper_print(request: HttpRequest, size: str) -> HttpResponse:
    """Show one's sheet or card as it is printed."""
    person = access.signed_in(request).person
    if person is None:
        return _declare_first(request)
    return _sheet(request, person, size, reverse("healthcode:paper"))


# Somebody else's.


@access.requires(FOR_OTHERS)
@access.names_people
@require_safe
def paper_of(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Show staff whether a resident has a paper code; make, print and void it from here."""
    person = _load(request, ref)
    access.record_look(request, Deed.SEE_PAPER_CODE, FOR_OTHERS, [person])
    return _of(request, person, VoidForm())


@access.requires(FOR_OTHERS)
@access.names_people
@require_POST
def paper_of_make(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Make a resident's paper code, in the place of the one before."""
    person = _load(request, ref)
    actions.issue(person=person, by=access.signed_in(request), under=FOR_OTHERS, purpose=access.purpose_of(request))
    messages.success(request, _("The paper code is made. Print it now."))
    return redirect("healthcode:paper_of", ref=ref)


@access.requires(FOR_OTHERS)
@access.names_people
@require_POST
def paper_of_void(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Make a resident's paper code worthless."""
    person = _load(request, ref)
    form = VoidForm(request.POST)
    if not form.is_valid():
        access.record_look(request, Deed.SEE_PAPER_CODE, FOR_OTHERS, [person])
        return _of(request, person, form)
    because, purpose = form.cleaned_data["because"], access.purpose_of(request)
    actions.void(person=person, because=because, by=access.signed_in(request), under=FOR_OTHERS, purpose=purpose)
    messages.success(request, _("No gate accepts the paper any more."))
    return redirect("healthcode:paper_of", ref=ref)


@access.requires(FOR_OTHERS)
@access.names_people
@require_safe
def paper_of_print(request: HttpRequest, ref: uuid.UUID, size: str) -> HttpResponse:
    """Show a resident's sheet or card as it is printed."""
    person = _load(request, ref)
    access.record_look(request, Deed.SEE_PAPER_CODE, FOR_OTHERS, [person])
    return _sheet(request, person, size, reverse("healthcode:paper_of", args=[ref]))


def _load(request: HttpRequest, ref: uuid.UUID) -> Person:
    return access.load_person(request, ref, FOR_OTHERS, Deed.SEE_PAPER_CODE)


def _of(request: HttpRequest, person: Person, form: VoidForm) -> HttpResponse:
    return render(request, "healthcode/paper/of.html", {**_frame(person), "form": form})


def _frame(person: Person) -> dict[str, Any]:
    paper = paper_queries.in_use(person)
    return {
        "person": person,
        "paper": paper,
        "number": paper_queries.number_of(paper) if paper else "",
        "is_over": paper is not None and paper_queries.is_over(paper, clock.today()),
        "former": list(paper_queries.former(person)[:FORMER]),
        "days": settings.PAPER_CODE_DAYS,
    }


def _sheet(request: HttpRequest, person: Person, size: str, back: str) -> HttpResponse:
    if size not in SIZES:
        raise Http404
    paper = paper_queries.in_use(person)
    if paper is None or paper_queries.is_over(paper, clock.today()):
        return redirect(back)
    side, squares = qr.outline(paper_queries.text_of(paper))
    frame = {
        "size": size,
        "back": back,
        "person": person,
        "paper": paper,
        "number": paper_queries.number_of(paper),
        "document": paper_queries.document_of(person.pk),
        "issuer": paper_queries.issuer_name(),
        "side": side,
        "squares": squares,
    }
    return render(request, f"healthcode/paper/{size}.html", frame)


def _declare_first(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("You have no code yet: declare first."))
    return redirect("healthcode:declare")
