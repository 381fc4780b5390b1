"""What evidence says, in words that its person understands."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django_stubs_ext import StrOrPromise

from healthcode.models import Evidence

Labels = Mapping[str, StrOrPromise]
Facts = Mapping[str, Any]
# Name of the published risk area that a code lies in.
PlaceName = Callable[[str], str]

SYMPTOMS: Labels = {
    "fever": gettext_lazy("fever"),
    "cough": gettext_lazy("cough"),
    "fatigue": gettext_lazy("fatigue"),
    "breathing": gettext_lazy("trouble breathing"),
    "diarrhoea": gettext_lazy("diarrhoea"),
}
TRANSPORT: Labels = {
    "train": gettext_lazy("by train"),
    "plane": gettext_lazy("by plane"),
    "coach": gettext_lazy("by coach"),
    "car": gettext_lazy("by car"),
    "ship": gettext_lazy("by ship"),
}
# Facts whose value is one of a few words.
CHOSEN: Mapping[str, Labels] = {
    "transport": TRANSPORT,
    "grade": {
        "close": gettext_lazy("close contact of a case"),
        "secondary": gettext_lazy("contact of a close contact"),
    },
    "result": {
        "positive": pgettext_lazy("test result", "positive"),
        "negative": pgettext_lazy("test result", "negative"),
        "invalid": pgettext_lazy("test result", "invalid"),
    },
    "method": {
        "nucleic_acid": gettext_lazy("nucleic acid test"),
        "antigen": gettext_lazy("antigen test"),
        "antibody": gettext_lazy("antibody test"),
    },
    "place": {
        "home": pgettext_lazy("isolation", "at home"),
        "hotel": pgettext_lazy("isolation", "in a hotel"),
        "hospital": pgettext_lazy("isolation", "in hospital"),
    },
    "status": {
        "confirmed": pgettext_lazy("case", "confirmed"),
        "suspected": pgettext_lazy("case", "suspected"),
    },
    "basis": {
        "recovered": pgettext_lazy("case", "recovered"),
        "ruled_out": pgettext_lazy("case", "ruled out"),
    },
    "why": {
        "in_error": gettext_lazy("the order was given in error"),
        "in_hospital": gettext_lazy("taken into hospital"),
        "handed_over": gettext_lazy("handed over to another district"),
        "deceased": gettext_lazy("has died"),
    },
    "finding": {
        "ruled_out": pgettext_lazy("fever clinic", "ruled out"),
        "to_observe": pgettext_lazy("fever clinic", "to be observed"),
        "suspected": pgettext_lazy("fever clinic", "suspected case"),
    },
    "because": {
        "entered_in_error": gettext_lazy("entered in error"),
        "wrong_person": gettext_lazy("about another person"),
        "result_revised": gettext_lazy("the result was revised"),
    },
}


def said(evidence: Evidence, place_name: PlaceName) -> list[str]:
    """Return what a piece of evidence says, a line for each fact that means something to its person."""
    facts = evidence.facts
    lines = [*_health(facts), *_where(facts, place_name)]
    return lines + [str(CHOSEN[name].get(facts[name], facts[name])) for name in CHOSEN if name in facts]


def listed(words: Iterable[StrOrPromise]) -> str:
    """Return words as a list in the reader's language."""
    return pgettext("between the words of a list", ", ").join(str(word) for word in words)


def symptoms(values: Iterable[str]) -> str:
    """Return symptoms as a list in the reader's language."""
    return listed(SYMPTOMS.get(value, value) for value in values)


def _health(facts: Facts) -> Iterable[str]:
    if "symptoms" in facts:
        some = facts["symptoms"]
        yield _("Symptoms: %(list)s") % {"list": symptoms(some)} if some else _("No symptoms")
    if facts.get("explained"):
        yield _("Explained by an illness or medicine: %(list)s") % {"list": symptoms(facts["explained"])}
    if "vaccine" in facts:
        yield _("%(vaccine)s, dose %(dose)s") % {"vaccine": facts["vaccine"], "dose": facts["dose"]}
    if "diagnosed_on" in facts:
        yield _("Diagnosed on %(day)s") % {"day": facts["diagnosed_on"]}
    if "celsius" in facts:
        yield _("Temperature %(celsius)s °C") % {"celsius": facts["celsius"]}
    if "confirmed" in facts:
        yield _("Measured again, and confirmed") if facts["confirmed"] else _("Measured once, not yet confirmed")


def _where(facts: Facts, place_name: PlaceName) -> Iterable[str]:
    if "code" in facts:
        name = place_name(facts["code"])
        yield f"{name} ({facts['code']})" if name else facts["code"]
    if "day" in facts:
        yield _("From %(place)s on %(day)s") % {"place": facts["from"], "day": facts["day"]}
    elif "from" in facts:
        yield _("%(first)s to %(last)s") % {"first": facts["from"], "last": facts["to"]}
    for name in ("number", "address"):
        if name in facts:
            yield str(facts[name])
