"""What the health code keeps about a person, for their copy of their own data."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core.models import Person
from citybrain.core.own_data import MOST_ROWS, Section
from healthcode import appeal_queries, explanation, paper_queries
from healthcode.appeal_queries import unit_in_words
from healthcode.models import Appeal, Evidence, Guardianship

_EVIDENCE = {
    "number": _("Number"),
    "kind": _("Kind"),
    "says": _("What it says"),
    "source": pgettext_lazy("of evidence", "Source"),
    "recorded_by": _("Recorded by"),
    "true_at": _("When it was true"),
    "known_at": _("When it became known"),
    "withdraws": _("Withdraws number"),
    "picture": _("Picture"),
}
_REASON = {
    "name": _("Reason"),
    "colour": _("Colour"),
    "since": pgettext_lazy("health code", "Since"),
    "until": _("Until, at the earliest"),
    "closed_at": _("Ended"),
    "evidence": _("Evidence, by number"),
}
_CHANGE = {"at": _("Time"), "before": _("Before"), "after": _("After")}
_DECLARATION = {"at": _("Time"), "address": _("Address"), "work": _("Employer or school")}
_ISOLATION = {
    "place": _("Place"),
    "address": _("Address"),
    "first_day": _("First day"),
    "last_day": _("Last day as ordered"),
    "ended_at": _("Ended"),
}
_APPEAL = {
    "number": _("Number"),
    "made_at": _("Time"),
    "about": pgettext_lazy("appeal", "About"),
    "says": _("What you say"),
    "text": pgettext_lazy("appeal", "In your own words"),
    "state": _("State"),
    "outcome": _("Outcome"),
    "answer": _("Why it was decided so"),
    "steps": _("What has happened"),
    "pictures": _("Pictures"),
}
_PAPER = {
    "number": pgettext_lazy("paper code", "Number"),
    "made_at": pgettext_lazy("paper code", "Made"),
    "valid_through": _("Valid through"),
    "voided_at": _("Worthless since"),
    "because": pgettext_lazy("paper code", "Why?"),
}
_FAMILY = {"relation": _("Relation"), "state": _("State"), "asked_at": _("Time")}


def health(person: Person) -> Iterable[Section]:
    """Tell declarations, evidence, reasons, changes of the code, papers, isolation, appeals and who acts for them."""
    yield _declarations(person)
    yield _evidence(person)
    yield _reasons(person)
    changes = person.code_changes.order_by("-at", "-id")[:MOST_ROWS]
    rows = [{"at": one.at, "before": one.get_before_display(), "after": one.get_after_display()} for one in changes]
    yield Section("code_changes", _("Every change of my code"), _CHANGE, rows)
    yield _paper_codes(person)
    yield _isolations(person)
    yield _appeals(person)
    acted = Guardianship.objects.filter(person=person).order_by("id")
    family = [
        {"relation": one.get_relation_display(), "state": one.get_state_display(), "asked_at": one.asked_at}
        for one in acted
    ]
    yield Section("acted_for_by", _("Who may act for you, and who asked to"), _FAMILY, family)


def _paper_codes(person: Person) -> Section:
    made = person.paper_codes.order_by("-issued_at", "-id")[:MOST_ROWS]
    rows = [
        {
            "number": paper_queries.number_of(one),
            "made_at": one.issued_at,
            "valid_through": one.expires_on,
            "voided_at": one.voided_at,
            "because": one.get_voided_because_display(),
        }
        for one in made
    ]
    return Section("paper_codes", _("Paper codes"), _PAPER, rows)


def _declarations(person: Person) -> Section:
    sent = person.declarations.order_by("-declared_at", "-id")[:MOST_ROWS]
    rows = [{"at": one.declared_at, "address": one.address, "work": one.work} for one in sent]
    return Section("declarations", _("Health declarations"), _DECLARATION, rows)


def _evidence(person: Person) -> Section:
    kept = list(
        Evidence.objects.filter(person=person).select_related("document").order_by("-true_at", "-pk")[:MOST_ROWS]
    )
    units = {unit: unit_in_words(unit) for unit in {one.unit for one in kept}}
    files = {_picture(one): one.document.reveal() for one in kept if one.document}
    rows = [
        {
            "number": told.evidence.pk,
            "kind": told.evidence.get_kind_display(),
            "says": told.lines,
            "facts": told.evidence.facts,
            "source": told.evidence.get_source_display(),
            "recorded_by": units[told.evidence.unit],
            "true_at": told.evidence.true_at,
            "known_at": told.evidence.known_at,
            "withdraws": told.evidence.withdraws_id,
            "picture": _picture(told.evidence) if told.evidence.document else None,
        }
        for told in explanation.tell(kept)
    ]
    return Section("evidence", _("Evidence"), _EVIDENCE, rows, files)


def _picture(evidence: Evidence) -> str:
    return f"pictures/evidence-{evidence.pk}.jpg"


def _reasons(person: Person) -> Section:
    kept = list(person.reasons.order_by("-opened_at", "-id")[:MOST_ROWS])
    words = explanation.rule_words({one.rule for one in kept})
    rows = [
        {
            "name": words[one.rule].name if one.rule in words else one.rule,
            "rule": one.rule,
            "colour": one.get_colour_display(),
            "since": one.since,
            "until": one.until,
            "closed_at": one.closed_at,
            "evidence": one.evidence,
        }
        for one in kept
    ]
    return Section("reasons", _("Reasons"), _REASON, rows)


def _isolations(person: Person) -> Section:
    rows = [
        {
            "place": one.get_place_display(),
            "address": one.address,
            "first_day": one.first_day,
            "last_day": one.last_day,
            "ended_at": one.ended_at,
        }
        for one in person.isolations.order_by("-first_day", "-id")
    ]
    return Section("isolations", _("Isolation"), _ISOLATION, rows)


def _appeals(person: Person) -> Section:
    rows: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for appeal in Appeal.objects.filter(person=person).select_related("person").order_by("-made_at", "-id"):
        case = appeal_queries.case(appeal)
        pictures = [photo for one in case.steps for photo in one.photos]
        named = {f"pictures/appeal-{appeal.number}-{n}.jpg": photo for n, photo in enumerate(pictures, start=1)}
        files |= {name: photo.reveal() for name, photo in named.items()}
        rows.append(
            {
                "number": appeal.number,
                "made_at": appeal.made_at,
                "about": case.rule.name if case.rule else "",
                "says": appeal.get_about_display(),
                "text": case.text,
                "state": appeal.get_state_display(),
                "outcome": appeal.get_outcome_display(),
                "answer": case.answer,
                "steps": [f"{one.step.get_did_display()}: {one.note}" for one in case.steps],
                "pictures": list(named),
            }
        )
    return Section("appeals", _("My appeals"), _APPEAL, rows, files)
