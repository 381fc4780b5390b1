"""Why a code is as it is: the reasons with their evidence, what carries the state, the rules, what was declared."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import get_language, pgettext

from citybrain.core import clock
from citybrain.core.models import Person
from healthcode import queries, words
from healthcode.engine import ways_out
from healthcode.kinds import Kind
from healthcode.models import CodeState, Declaration, Evidence, Reason, RiskArea, RuleActivation
from healthcode.models.risk_area import LEVEL_DIGITS

LANGUAGES = ("zh", "en")
# What a declaration asks about, and within which time what was sent together became known.
ASKED = [Kind.TRIP, Kind.RISK_AREA_STAY, Kind.EXPOSURE, Kind.DECLARATION]
ONE_SENDING = dt.timedelta(seconds=30)
# How far back a rule is looked for by its name.
RULE_SETS = 20


@dataclass(frozen=True)
class Told:
    """A piece of evidence and what it says, in the reader's language."""

    evidence: Evidence
    lines: list[str]


@dataclass(frozen=True)
class RuleWords:
    """What a rule says of itself, in the reader's language."""

    name: str
    way_out: str


@dataclass(frozen=True)
class Explained:
    """An open reason in the reader's language, with the evidence that it rests on, the newest first."""

    reason: Reason
    name: str
    way_out: str
    # What somebody else has to do or find before it can end.
    depends_on: str
    told: list[Told]


@dataclass(frozen=True)
class Explanation:
    """All that the explanation page says besides the history."""

    code: queries.Code
    # None before the first verdict.
    judged: CodeState | None
    reasons: list[Explained]
    declaration: Declaration | None
    # What the last declaration that was not withdrawn says of health; this is what makes a code green.
    declared: Told | None
    # None when no rules are in force.
    activation: RuleActivation | None
    rules_title: str


def explain(person: Person) -> Explanation:
    """Return why a person's code is as it is, by what was last judged; holds too when no rules are in force."""
    judged = CodeState.objects.filter(person=person).select_related("rule_set").first()
    activation = _in_force()
    reasons = list(queries.reasons_of(person))
    evidence = Evidence.objects.in_bulk({one for reason in reasons for one in reason.evidence})
    last = last_declaration(person)
    body = judged.rule_set.body if judged else {}
    place_names = _place_names(evidence.values(), activation)
    return Explanation(
        code=queries.code_of(judged),
        judged=judged,
        reasons=[_explained(reason, evidence, body, place_names) for reason in reasons],
        declaration=Declaration.objects.filter(person=person).order_by("-declared_at", "-id").first(),
        declared=Told(last, words.said(last, place_names)) if last else None,
        activation=activation,
        rules_title=_in_language(activation.rule_set.body["title"]) if activation else "",
    )


def sent_with(declaration: Declaration) -> list[Told]:
    """Return what was said in a declaration, in the order of the questions."""
    last = declaration.evidence
    own = Evidence.objects.filter(person=declaration.person_id, source=last.source, author=last.author)
    span = (last.known_at - ONE_SENDING, last.known_at)
    told = own.filter(kind__in=ASKED, known_at__range=span, pk__lt=last.pk)
    rows = sorted([*told, last], key=lambda one: (ASKED.index(Kind(one.kind)), one.pk))
    place_names = _place_names(rows, _in_force())
    return [Told(one, words.said(one, place_names)) for one in rows]


def tell(evidence: Iterable[Evidence]) -> list[Told]:
    """Return evidence with what it says, the newest first."""
    rows = sorted(evidence, key=_newest_first)
    place_names = _place_names(rows, _in_force())
    return [Told(one, words.said(one, place_names)) for one in rows]


def rule_words(rules: Iterable[str]) -> dict[str, RuleWords]:
    """Return what rules say of themselves, by the last set in force that has them; what none has is left out."""
    wanted, found = {rule for rule in rules if rule}, dict[str, RuleWords]()
    if wanted:
        begun = RuleActivation.objects.filter(valid_from__lte=clock.now()).select_related("rule_set")
        for activation in begun.order_by("-valid_from", "-id")[:RULE_SETS]:
            for rule in activation.rule_set.body.get("rules", ()):
                if rule["rule"] in wanted:
                    told = RuleWords(_in_language(rule["name"]), _in_language(rule["way_out"]))
                    found.setdefault(rule["rule"], told)
            if wanted <= found.keys():
                break
    return found


def _in_force() -> RuleActivation | None:
    begun = RuleActivation.objects.filter(valid_from__lte=clock.now()).select_related("rule_set")
    return begun.order_by("-valid_from", "-id").first()


def _explained(
    reason: Reason, evidence: Mapping[int, Evidence], body: Mapping[str, Any], place_names: words.PlaceName
) -> Explained:
    # The rule set that judged last has the rule, unless another one came between two reads of this page.
    nameless = {"name": dict.fromkeys(LANGUAGES, reason.rule), "way_out": dict.fromkeys(LANGUAGES, "")}
    rule = next((rule for rule in body.get("rules", ()) if rule["rule"] == reason.rule), nameless)
    kept = sorted((evidence[one] for one in reason.evidence if one in evidence), key=_newest_first)
    ways = ways_out({"closes_when": reason.closes_when})
    waits_for = [[Kind(closer["evidence"]).label for closer in way if "evidence" in closer] for way in ways]
    return Explained(
        reason=reason,
        name=_in_language(rule["name"]),
        way_out=_in_language(rule["way_out"]),
        depends_on=pgettext("between ways out", "; or: ").join(words.listed(kinds) for kinds in waits_for if kinds),
        told=[Told(one, words.said(one, place_names)) for one in kept],
    )


def _newest_first(evidence: Evidence) -> tuple[float, int]:
    return (-evidence.true_at.timestamp(), -evidence.pk)


def last_declaration(person: Person) -> Evidence | None:
    """Return the last declaration that was not withdrawn: what makes a code green."""
    withdrawn = Evidence.objects.filter(withdraws=OuterRef("pk"))
    live = Evidence.objects.filter(~Exists(withdrawn), person=person, kind=Kind.DECLARATION)
    return live.order_by("-true_at", "-id").first()


def _place_names(evidence: Iterable[Evidence], activation: RuleActivation | None) -> words.PlaceName:
    """Return how to name the risk area in which a code lies, by the list in force."""
    codes = {one.facts["code"] for one in evidence if one.kind == Kind.RISK_AREA_STAY}
    names: dict[str, str] = {}
    if codes and activation:
        prefixes = {code[:digits] for code in codes for digits in LEVEL_DIGITS}
        on_list = RiskArea.objects.filter(version=activation.risk_list, prefix__in=prefixes)
        names = dict(on_list.values_list("prefix", "name"))

    def name_of(code: str) -> str:
        # The narrowest one names the place best.
        return next((names[code[:digits]] for digits in reversed(LEVEL_DIGITS) if code[:digits] in names), "")

    return name_of


def _in_language(text: Mapping[str, str]) -> str:
    return text["zh" if (get_language() or "").startswith("zh") else "en"]
