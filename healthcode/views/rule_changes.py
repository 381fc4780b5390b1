"""Changing rules and risk areas: entering them, trying them out, proposing them."""

import datetime as dt
import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, clock
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import rule_book, rule_changes
from healthcode.actions import proposals, rules
from healthcode.actions import trial as trials
from healthcode.actions.risk_list import enter_list, list_in_force
from healthcode.models import RiskArea, RiskList, RuleProposal, RuleSet, Trial
from healthcode.rule_forms import EndPlaceForm, PlaceForm, ProposeForm, RiskListFileForm, RuleFileForm, TryForm
from healthcode.rule_words import in_words

FORM = ["GET", "HEAD", "POST"]


@access.requires(Act.PROPOSE_RULES)
@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """Show where the rules stand: in force, proposed, tried, entered."""
    return _overview(request, _try_form())


@access.requires(Act.PROPOSE_RULES)
@require_POST
def try_rules(request: HttpRequest) -> HttpResponse:
    """Ask for a trial of a rule set with a list of risk areas; going back to an older version begins here too."""
    form = _try_form(request.POST)
    if not form.is_valid():
        return _overview(request, form)
    chosen = form.cleaned_data
    trial = trials.try_out(rule_set=chosen["rule_set"], risk_list=chosen["risk_list"], by=access.signed_in(request))
    return redirect("healthcode:rule_trial", trial=trial.ref)


@access.requires(Act.PROPOSE_RULES)
@require_http_methods(FORM)
def new_rule_set(request: HttpRequest) -> HttpResponse:
    """Take a rule file, check it and run its tests."""
    form = RuleFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            rule_set = rules.enter_rules(body=form.cleaned_data["file"], by=access.signed_in(request))
        except rules.FailedTestsError as problem:
            told = {"number": len(problem.failures)}
            form.add_error("file", _("Tests of the rules that fail: %(number)s. The file was not kept.") % told)
            form.add_error("file", [str(failure) for failure in problem.failures[:20]])
        except ValueError as problem:
            form.add_error("file", _("Not kept. %(problem)s") % {"problem": problem})
        else:
            messages.success(request, _("The rules are kept, and all of their tests hold. They are not in force."))
            return redirect("healthcode:rule_set", pk=rule_set.pk)
    return render(request, "healthcode/rules/new_set.html", {"form": form})


@access.requires(Act.PROPOSE_RULES)
@require_safe
def rule_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rule set in words, in force or not."""
    found = get_object_or_404(RuleSet, pk=pk)
    form = _try_form(initial={"rule_set": found.pk, "risk_list": list_in_force(clock.now())})
    return render(
        request, "healthcode/rules/set.html", {"rule_set": found, "words": in_words(found.body), "form": form}
    )


@access.requires(Act.PROPOSE_RULES)
@require_http_methods(FORM)
def new_risk_list(request: HttpRequest) -> HttpResponse:
    """Take a list of risk areas as a file."""
    form = RiskListFileForm(request.POST or None, request.FILES or None, listed_on=_listed_on())
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        entered = enter_list(title=said["title"], areas=said["file"], by=access.signed_in(request))
        messages.success(request, _("The list is kept. It is not in force."))
        return redirect("healthcode:risk_list", version=entered.version)
    return render(request, "healthcode/rules/new_list.html", {"form": form})


@access.requires(Act.PROPOSE_RULES)
@require_http_methods(FORM)
def risk_list(request: HttpRequest, version: int) -> HttpResponse:
    """Show a version of the list beside the one in force; add or end a place, which makes another version."""
    found = RiskList.objects.filter(pk=version).first()
    if found is None and version != 0:
        raise Http404
    is_end = "end" in request.POST
    posted = request.POST if request.method == "POST" else None
    end_form = EndPlaceForm(posted if is_end else None)
    place_form = PlaceForm(None if is_end else posted, listed_on=_listed_on())
    if posted is not None:
        entered = _end(request, version, end_form) if is_end else _add(request, version, place_form)
        if entered:
            messages.success(request, _("This is a new version of the list. It is not in force."))
            return redirect("healthcode:risk_list", version=entered.version)
    frame = {
        "version": version,
        "list": found,
        "listed": rule_book.places(version, list_in_force(clock.now())),
        "in_force": list_in_force(clock.now()),
        "place_form": place_form,
        "end_form": end_form,
        "form": _try_form(initial={"risk_list": version, "rule_set": _rule_set_in_force()}),
    }
    return render(request, "healthcode/rules/list.html", frame)


@access.requires(Act.PROPOSE_RULES)
@require_safe
def trial(request: HttpRequest, trial: uuid.UUID) -> HttpResponse:
    """Show how far a trial is, then what it found."""
    found = _trial(trial)
    is_done = found.state == Trial.State.DONE
    frame = {
        "trial": found,
        "found": rule_changes.found(found) if is_done else None,
        "list_title": rule_book.titles_of_lists([found.risk_list]).get(found.risk_list, ""),
        "why_not": rule_changes.may_be_proposed(found) if is_done else "",
        "proposals": rule_changes.proposals_shown(
            list(found.proposals.select_related("trial__rule_set", "activation"))
        ),
    }
    return render(request, "healthcode/rules/trial.html", frame)


@access.requires(Act.PROPOSE_RULES)
@access.names_people
@require_safe
def trial_people(request: HttpRequest, trial: uuid.UUID) -> HttpResponse:
    """Show some of those whose code would change, masked, with the reasons."""
    return show_sample(request, _trial(trial), Act.PROPOSE_RULES)


def show_sample(request: HttpRequest, trial: Trial, act: Act) -> HttpResponse:
    """Show a trial's sample as far as the user may see people, and put the look on record."""
    sample = rule_changes.sample(trial, access.signed_in(request))
    people = [one.person for one in sample]
    access.record_look(request, Deed.SEE_LIST, act, people, target=f"trial:{trial.pk}")
    return render(request, "healthcode/rules/people.html", {"trial": trial, "sample": sample})


@access.requires(Act.PROPOSE_RULES)
@require_http_methods(FORM)
def propose(request: HttpRequest, trial: uuid.UUID) -> HttpResponse:
    """Propose what a trial tried, with an announcement and a start."""
    found = _trial(trial)
    form = ProposeForm(request.POST or None, initial={"start": "now"})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            proposals.propose(
                trial=found,
                starts_at=said["starts_at"],
                announcement_zh=said["announcement_zh"],
                announcement_en=said["announcement_en"],
                by=access.signed_in(request),
            )
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            messages.success(request, _("Proposed. It waits for a second person of another unit."))
            return redirect("healthcode:rule_changes")
    frame = {"form": form, "trial": found, "why_not": rule_changes.may_be_proposed(found)}
    return render(request, "healthcode/rules/propose.html", frame)


@access.requires(Act.PROPOSE_RULES)
@require_POST
def take_back(request: HttpRequest, proposal: uuid.UUID) -> HttpResponse:
    """Take one's own proposal back."""
    found = get_object_or_404(RuleProposal, ref=proposal)
    try:
        proposals.take_back(proposal=found, by=access.signed_in(request))
    except ValidationError as problem:
        messages.error(request, " ".join(problem.messages))
    else:
        messages.success(request, _("The proposal is taken back."))
    return redirect("healthcode:rule_changes")


def _overview(request: HttpRequest, form: TryForm) -> HttpResponse:
    shown = RuleProposal.objects.select_related("trial__rule_set", "activation")[: rule_changes.LATEST]
    frame = {
        "versions": rule_book.versions(),
        "rounds": rule_changes.rounds_under_way(),
        "proposals": rule_changes.proposals_shown(list(shown)),
        "trials": list(Trial.objects.select_related("rule_set")[: rule_changes.LATEST]),
        "rule_sets": list(RuleSet.objects.order_by("-pk")[: rule_changes.LATEST]),
        "lists": list(RiskList.objects.all()[: rule_changes.LATEST]),
        "me": access.signed_in(request).pk,
        "form": form,
    }
    return render(request, "healthcode/rules/changes.html", frame)


def _try_form(*args: object, **kwargs: object) -> TryForm:
    if not args and "initial" not in kwargs:
        kwargs["initial"] = {"rule_set": _rule_set_in_force(), "risk_list": list_in_force(clock.now())}
    return TryForm(*args, lists=rule_changes.lists_to_try(), **kwargs)


def _rule_set_in_force() -> int | None:
    in_force = rule_book.versions().in_force
    return in_force.activation.rule_set_id if in_force else None


def _trial(ref: uuid.UUID) -> Trial:
    return get_object_or_404(Trial.objects.select_related("rule_set"), ref=ref)


def _listed_on() -> dict[tuple[str, str], dt.date]:
    """Return when the places of the list in force first came on it."""
    rows = RiskArea.objects.filter(version=list_in_force(clock.now())).order_by("-listed_on")
    return {(row.prefix, row.level): row.listed_on for row in rows}


def _add(request: HttpRequest, version: int, form: PlaceForm) -> RiskList | None:
    if not form.is_valid():
        return None
    return _edited(request, version, form, [*_areas(version).values(), form.cleaned_data])


def _end(request: HttpRequest, version: int, form: EndPlaceForm) -> RiskList | None:
    areas = _areas(version)
    if not form.is_valid() or form.cleaned_data["area"] not in areas:
        return None
    ended = areas[form.cleaned_data["area"]]
    if form.cleaned_data["valid_to"] <= ended["valid_from"]:
        form.add_error("valid_to", _("It must end after its first day."))
        return None
    ended["valid_to"] = form.cleaned_data["valid_to"]
    return _edited(request, version, form, list(areas.values()))


def _edited(request: HttpRequest, version: int, form: Form, areas: list[dict[str, object]]) -> RiskList | None:
    before = RiskList.objects.filter(pk=version).first()
    title = (before.title if before else "").partition(" (")[0]
    told = _("%(title)s (edited %(day)s)") % {"title": title, "day": clock.today().isoformat()}
    try:
        return enter_list(title=told[:200], areas=areas, by=access.signed_in(request))
    except ValidationError as problem:
        form.add_error(None, problem)
        return None


def _areas(version: int) -> dict[int, dict[str, object]]:
    names = ("name", "level", "valid_from", "valid_to", "listed_on")
    rows = RiskArea.objects.filter(version=version).order_by("pk")
    return {row.pk: {"code": row.prefix, **{name: getattr(row, name) for name in names}} for row in rows}
