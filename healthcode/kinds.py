"""Kinds of evidence, and which facts each must and may hold. There is no "other"."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy


class Kind(models.TextChoices):
    """What can be known of a person."""

    DECLARATION = "declaration", gettext_lazy("declaration")
    TRIP = "trip", gettext_lazy("trip into the city")
    RISK_AREA_STAY = "risk_area_stay", gettext_lazy("stay in a risk area")
    EXPOSURE = "exposure", gettext_lazy("contact with a case or a contact")
    TEST_RESULT = "test_result", gettext_lazy("test result")
    CHECK_IN = "check_in", gettext_lazy("daily check-in")
    TEMPERATURE = "temperature", gettext_lazy("temperature measured")
    FEVER_CLINIC_VISIT = "fever_clinic_visit", gettext_lazy("visit to a fever clinic")
    ISOLATION_ORDER = "isolation_order", gettext_lazy("isolation order")
    ISOLATION_RELEASE = "isolation_release", gettext_lazy("release from isolation")
    COUNTY_CONFIRMATION = "county_confirmation", gettext_lazy("county's confirmation that isolation may end")
    CASE = "case", gettext_lazy("confirmed or suspected case")
    RELEASED = "released", pgettext_lazy("evidence", "case released")
    VACCINATION = "vaccination", gettext_lazy("vaccination")
    RECOVERY = "recovery", gettext_lazy("recovery from an infection")
    CORRECTION = "correction", gettext_lazy("correction of personal data")
    APPEAL_DECISION = "appeal_decision", gettext_lazy("decision on an appeal")
    WITHDRAWAL = "withdrawal", gettext_lazy("withdrawal of evidence")


TRANSPORT = ("train", "plane", "coach", "car", "ship")
CORRECTED = ("name", "document", "sex", "born_on", "phone", "address", "work")
RELEASED_EARLY = ("in_error", "in_hospital", "handed_over", "deceased")
SYMPTOMS = ("fever", "cough", "fatigue", "breathing", "diarrhoea")
# Degrees Celsius that a thermometer can show of a living human being.
COLDEST, HOTTEST = 30, 45
LONGEST_WORDS = 60
MOST_DOSES = 9

# Says whether a JSON value is fit for a field.
Check = Callable[[Any], bool]


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _some_of(*values: str) -> Check:
    return lambda value: isinstance(value, list) and all(isinstance(one, str) and one in values for one in value)


def _celsius(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and COLDEST <= value <= HOTTEST


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _true(value: Any) -> bool:
    return value is True


def _code(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{12}([0-9]{3})?", value) is not None


def _words(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_WORDS and value == value.strip()


def _row_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _dose(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_DOSES


def _day(value: Any) -> bool:
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


# Field → check; a field that ends with "?" may be absent.
FIELDS: Mapping[str, Mapping[str, Check]] = {
    Kind.DECLARATION: {
        "symptoms": _some_of(*SYMPTOMS),
        # The symptoms that a chronic illness or medication explains.
        "explained": _some_of(*SYMPTOMS),
        "celsius?": _celsius,
        "pledged": _true,
    },
    # From: as the person put it. Number: of the train, flight or car.
    Kind.TRIP: {"from": _words, "day": _day, "transport": _one_of(*TRANSPORT), "number?": _words},
    Kind.RISK_AREA_STAY: {"code": _code, "from": _day, "to": _day},
    # close: of a case; secondary: of a close contact.
    Kind.EXPOSURE: {"grade": _one_of("close", "secondary")},
    Kind.TEST_RESULT: {
        "result": _one_of("positive", "negative", "invalid"),
        "method": _one_of("nucleic_acid", "antigen", "antibody"),
    },
    # No change: said with one tap, by somebody whose last check-in was normal.
    Kind.CHECK_IN: {"symptoms": _some_of(*SYMPTOMS), "celsius?": _celsius, "no_change?": _flag},
    # Confirmed: measured again, by somebody who may.
    Kind.TEMPERATURE: {"celsius": _celsius, "confirmed": _flag},
    Kind.FEVER_CLINIC_VISIT: {"finding": _one_of("ruled_out", "to_observe", "suspected"), "celsius?": _celsius},
    Kind.ISOLATION_ORDER: {
        "place": _one_of("home", "hotel", "hospital"),
        "from": _day,
        "to": _day,
        "address?": _words,
    },
    # Why: of a release by hand, before the rules end it.
    Kind.ISOLATION_RELEASE: {"order?": _row_id, "why?": _one_of(*RELEASED_EARLY)},
    # The order that it is about, where there is one.
    Kind.COUNTY_CONFIRMATION: {"order?": _row_id},
    Kind.CASE: {"status": _one_of("confirmed", "suspected")},
    Kind.RELEASED: {"basis": _one_of("recovered", "ruled_out")},
    # Recorded, never required: no rule may be opened by it.
    Kind.VACCINATION: {"dose": _dose, "vaccine": _words},
    Kind.RECOVERY: {"diagnosed_on": _day},
    # Which data; old and new value are kept sealed with the request.
    Kind.CORRECTION: {"field": _one_of(*CORRECTED), "request?": _row_id},
    Kind.APPEAL_DECISION: {"appeal": _row_id, "outcome": _one_of("granted", "granted_in_part", "rejected")},
    Kind.WITHDRAWAL: {"because": _one_of("entered_in_error", "wrong_person", "result_revised")},
}

# No rule may hang on these: nobody is better or worse off for what they are vaccinated with, or for having contested.
RECORDED_ONLY = frozenset({Kind.VACCINATION, Kind.RECOVERY, Kind.CORRECTION, Kind.APPEAL_DECISION, Kind.WITHDRAWAL})

# What may withdraw evidence of any kind; it cannot be withdrawn itself.
WITHDRAWING = frozenset({Kind.WITHDRAWAL, Kind.APPEAL_DECISION})


def may_withdraw(kind: str, withdrawn: str) -> bool:
    """Whether evidence of one kind can withdraw some of another: whatever withdraws, or the same kind in its place."""
    return withdrawn not in WITHDRAWING and (kind in WITHDRAWING or kind == withdrawn)


def fields_of(kind: str) -> set[str]:
    """Return the names of the facts that a kind may hold."""
    return {name.removesuffix("?") for name in FIELDS[kind]}


def said(problem: ValidationError) -> list[str]:
    """Return what is wrong as lines: the fact that it is about, and why."""
    if not hasattr(problem, "error_dict"):
        return list(problem.messages)
    return [f"{name}: {text}" for name, texts in problem.message_dict.items() for text in texts]


def check(kind: str, facts: Mapping[str, Any]) -> None:
    """Raise ValidationError with one message per field when facts are not what the kind holds."""
    if kind not in FIELDS:
        raise ValidationError(_("There is no evidence of the kind “%(kind)s”.") % {"kind": kind})
    wanted = FIELDS[kind]
    errors = {name: _("This fact does not belong to the kind.") for name in facts.keys() - fields_of(kind)}
    for name, is_fit in wanted.items():
        plain = name.removesuffix("?")
        if plain not in facts:
            if plain == name:
                errors[plain] = _("This fact is missing.")
        elif not is_fit(facts[plain]):
            errors[plain] = _("This value cannot be.")
    if not errors and "to" in wanted and facts["from"] > facts["to"]:
        errors["to"] = _("The last day is before the first.")
    if errors:
        raise ValidationError(errors)
