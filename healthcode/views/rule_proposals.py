"""Proposed rules as the second person sees them: what was tried, what is announced, and the decision."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access
from citybrain.core.roles import Act
from healthcode import rule_book, rule_changes
from healthcode.actions import proposals
from healthcode.models import RuleProposal
from healthcode.rule_forms import DecideForm
from healthcode.rule_words import in_words
from healthcode.views.rule_changes import show_sample


@access.requires(Act.APPROVE_RULES)
@require_safe
def rule_proposals(request: HttpRequest) -> HttpResponse:
    """List the proposals, those that wait first."""
    rows = RuleProposal.objects.select_related("trial__rule_set", "activation")
    waiting = rows.filter(state=RuleProposal.State.WAITING)
    decided = rows.exclude(state=RuleProposal.State.WAITING)[: rule_changes.LATEST]
    frame = {
        "versions": rule_book.versions(),
        "rounds": rule_changes.rounds_under_way(),
        "waiting": rule_changes.proposals_shown(list(waiting)),
        "decided": rule_changes.proposals_shown(list(decided)),
    }
    return render(request, "healthcode/rules/proposals.html", frame)


@access.requires(Act.APPROVE_RULES)
@require_safe
def rule_proposal(request: HttpRequest, proposal: uuid.UUID) -> HttpResponse:
    """Show a proposal with all that its trial found."""
    return _show(request, _load(proposal), DecideForm())


@access.requires(Act.APPROVE_RULES)
@access.names_people
@require_safe
def proposal_people(request: HttpRequest, proposal: uuid.UUID) -> HttpResponse:
    """Show some of those whose code would change, masked, with the reasons."""
    return show_sample(request, _load(proposal).trial, Act.APPROVE_RULES)


@access.requires(Act.APPROVE_RULES)
@require_POST
def decide(request: HttpRequest, proposal: uuid.UUID) -> HttpResponse:
    """Put proposed rules in force, or refuse them."""
    found, form = _load(proposal), DecideForm(request.POST)
    if form.is_valid():
        said = {"proposal": found, "note": form.cleaned_data["note"], "by": access.signed_in(request)}
        try:
            if request.POST.get("answer") == "approve":
                proposals.approve(**said)
                messages.success(request, _("Approved. It stands on the public page now."))
            else:
                proposals.refuse(**said)
                messages.success(request, _("Refused. Whoever proposed it can read why."))
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            return redirect("healthcode:rule_proposals")
    return _show(request, _load(proposal), form)


def _show(request: HttpRequest, proposal: RuleProposal, form: DecideForm) -> HttpResponse:
    trial = proposal.trial
    is_waiting = proposal.state == RuleProposal.State.WAITING
    versions = rule_book.versions()
    frame = {
        "proposal": proposal,
        "offices": rule_changes.proposals_shown([proposal])[0][1],
        "trial": trial,
        "found": rule_changes.found(trial),
        "words": in_words(trial.rule_set.body),
        "listed": rule_book.places(trial.risk_list, versions.in_force.activation.risk_list if versions.in_force else 0),
        "list_title": rule_book.titles_of_lists([trial.risk_list]).get(trial.risk_list, ""),
        "versions": versions,
        "is_waiting": is_waiting,
        "why_not": rule_changes.holds_no_more(trial, settings.RULE_PROPOSAL_LIFE) if is_waiting else "",
        "is_own": proposal.proposed_by == access.signed_in(request).pk,
        "form": form,
    }
    return render(request, "healthcode/rules/proposal.html", frame)


def _load(ref: uuid.UUID) -> RuleProposal:
    return get_object_or_404(RuleProposal.objects.select_related("trial__rule_set", "activation"), ref=ref)
