"""A rule set in plain words, made from its data: what opens each reason, every way out, and the examples beside it."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from citybrain.core import clock
from healthcode import words
from healthcode.engine import ways_out
from healthcode.kinds import FIELDS, Kind
from healthcode.models import Evidence, RiskArea, State
from healthcode.models.risk_area import prefix_of


@dataclass(frozen=True)
class Example:
    """A test of a rule as a story: what happens, then what the code says at an instant."""

    happens: list[str]
    at: dt.datetime
    state: State
    reasons: str


@dataclass(frozen=True)
class RuleWords:
    """One rule."""

    rule: str
    name: str
    colour: State
    # What its author says of the way out.
    way_out: str
    opens: list[str]
    # Each way is a list of what must all happen; any one of the ways will do.
    ways: list[list[str]]
    # Whether some negative test has a part in a way out.
    ends_by_test: bool
    counts_check_ins: bool
    first_day: str
    # The last day on which it holds.
    last_day: str
    examples: list[Example]


@dataclass(frozen=True)
class SetWords:
    """A whole rule set."""

    title: str
    fresh_days: int
    normal_below: float
    rules: list[RuleWords]


def in_words(body: Mapping[str, Any]) -> SetWords:
    """Return a checked rule set in the reader's language, red rules before yellow ones."""
    areas = {prefix_of(area["code"]): area["name"] for area in body.get("example_risk_areas", ())}
    names = {rule["rule"]: in_language(rule["name"]) for rule in body["rules"]}
    ordered = sorted(body["rules"], key=lambda rule: (rule["colour"] != "red", -rule.get("priority", 0)))
    return SetWords(
        title=in_language(body["title"]),
        fresh_days=body["declaration"]["fresh_days"],
        normal_below=body["check_ins"]["normal_below"],
        rules=[_rule(rule, body, names, areas) for rule in ordered],
    )


def in_language(text: Mapping[str, str]) -> str:
    """Return a text of a rule set in the reader's language."""
    return text["zh" if (get_language() or "").startswith("zh") else "en"]


def _rule(
    rule: Mapping[str, Any], body: Mapping[str, Any], names: Mapping[str, str], areas: Mapping[str, str]
) -> RuleWords:
    ways = ways_out(rule)
    missed_day = body["check_ins"]["missed_day"]
    last = rule.get("valid_to")
    return RuleWords(
        rule=rule["rule"],
        name=in_language(rule["name"]),
        colour=State(rule["colour"]),
        way_out=in_language(rule["way_out"]),
        opens=[_opener(opener) for opener in rule["opened_by"]],
        ways=[[_closer(closer, missed_day) for closer in way] for way in ways],
        ends_by_test=any(closer.get("evidence") == Kind.TEST_RESULT for way in ways for closer in way),
        counts_check_ins=any("check_ins" in closer for way in ways for closer in way),
        first_day=rule.get("valid_from", ""),
        last_day=(dt.date.fromisoformat(last) - dt.timedelta(days=1)).isoformat() if last else "",
        examples=[_example(test, names, areas) for test in rule.get("tests", ())],
    )


def _opener(opener: Mapping[str, Any]) -> str:
    conditions = list(_conditions(opener["kind"], opener.get("where", {})))
    if symptom := opener.get("unless_explained"):
        explained = {"symptom": words.symptoms([symptom])}
        conditions.append(_("unless a declared illness or medicine explains %(symptom)s") % explained)
    within = opener.get("within_days")
    if "risk_level" in opener:
        level = RiskArea.Level(opener["risk_level"]).label
        conditions.append(_("in a place on the list of risk areas: %(level)s") % {"level": level})
        if within:
            told = _("you left at most %(days)s days before it became known, or before the place was listed")
            conditions.append(told % {"days": within})
    elif within:
        conditions.append(_("it became known at most %(days)s days after it happened") % {"days": within})
    return _named(_what(opener["kind"]), conditions)


def _closer(closer: Mapping[str, Any], missed_day: str) -> str:
    if "days" in closer:
        text = _("%(days)s full days have passed; the day on which it began does not count.")
        return text % {"days": closer["days"]}
    if "check_ins" in closer:
        return _counted(closer.get("missed_day", missed_day)) % {"days": closer["check_ins"]}
    named = _named(_what(closer["evidence"]), list(_conditions(closer["evidence"], closer.get("where", {}))))
    if closer.get("count", 1) == 1:
        return _("On record since: %(what)s.") % {"what": named}
    parts = [
        _("%(count)s times on record since: %(what)s") % {"count": closer["count"], "what": named},
        _("each at least %(hours)s hours after the one before") % {"hours": _number(closer["apart_hours"])},
    ]
    if "within_days" in closer:
        parts.append(_("all within %(days)s days") % {"days": closer["within_days"]})
    if "broken_by" in closer:
        breaks = words.listed(_conditions(closer["evidence"], closer["broken_by"]))
        parts.append(_("one in between that is “%(what)s” starts the count anew") % {"what": breaks})
    return _("%(text)s.") % {"text": _joined(parts)}


def _counted(missed_day: str) -> str:
    if missed_day == "restart":
        return _(
            "%(days)s days with a normal daily check-in, from the day after. They must follow one another: a missed "
            "day starts the count anew."
        )
    return _(
        "%(days)s days with a normal daily check-in, from the day after. A missed day does not count, but what was "
        "counted before it stays."
    )


def _what(kind: str) -> str:
    # Their labels name what the field holds; here it stands without one.
    if kind == Kind.RISK_AREA_STAY:
        return pgettext("what opens a reason", "stay")
    return str(Kind(kind).label)


def _conditions(kind: str, where: Mapping[str, Any]) -> Iterator[str]:
    for field, test in where.items():
        ((how, value),) = test.items()
        if how == "unexplained":
            yield _("symptoms that no declared illness or medicine explains")
        elif how == "at_least":
            yield _at_least(field, value)
        elif not _is_all(kind, field, values := [value] if how == "is" else value):
            yield _one_of(field, values)


def _at_least(field: str, value: float) -> str:
    if field == "celsius":
        return _("%(celsius)s °C or more") % {"celsius": _number(value)}
    return _("%(field)s: %(value)s or more") % {"field": field, "value": _number(value)}


def _one_of(field: str, values: Iterable[Any]) -> str:
    labels = words.CHOSEN.get(field, {})
    if field == "confirmed":
        return _or(_("measured again, and confirmed") if value is True else _("measured once") for value in values)
    if field == "symptoms":
        return _or(words.symptoms(value) if isinstance(value, list) else str(value) for value in values)
    told = _or(str(labels.get(value, value)) if isinstance(value, str) else str(value) for value in values)
    return told if labels else _named(field, [told])


def _is_all(kind: str, field: str, values: Iterable[Any]) -> bool:
    """Return whether these are all that a field can say, so that saying them says nothing."""
    check = FIELDS[kind].get(field) or FIELDS[kind].get(f"{field}?")
    possible = [value for value in words.CHOSEN.get(field, {}) if check and check(value)]
    return bool(possible) and set(possible) <= {value for value in values if isinstance(value, str)}


def _example(test: Mapping[str, Any], names: Mapping[str, str], areas: Mapping[str, str]) -> Example:
    def name_of(code: str) -> str:
        return next((areas[code[:digits]] for digits in (15, 12, 9, 6, 4, 2) if code[:digits] in areas), "")

    return Example(
        happens=[_happening(item, name_of) for item in test["evidence"]],
        at=dt.datetime.fromisoformat(test["at"]),
        state=State(test["state"]),
        reasons=words.listed(names.get(rule, rule) for rule in test["reasons"]),
    )


def _happening(item: Mapping[str, Any], name_of: words.PlaceName) -> str:
    """Return one line of an example: when, what, and what was said."""
    first = dt.datetime.fromisoformat(item["true_at"])
    when = f"{first.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"
    repeats = item.get("repeat_days", 1)
    if repeats > 1:
        last = first.astimezone(clock.SHANGHAI).date() + dt.timedelta(days=repeats - 1)
        told = {"first": when[:10], "last": last.isoformat(), "days": repeats}
        when = _("%(first)s to %(last)s, each of these %(days)s days") % told
    evidence = Evidence(kind=item["kind"], facts=item["facts"])
    said = words.listed(words.said(evidence, name_of))
    label = str(Kind(item["kind"]).label)
    if "known_at" in item and item["known_at"] != item["true_at"]:
        known = dt.datetime.fromisoformat(item["known_at"]).astimezone(clock.SHANGHAI)
        said = _joined([said, _("known on %(day)s") % {"day": f"{known:%Y-%m-%d %H:%M}"}])
    return _named(f"{when} {label}", [said] if said else [])


def _named(what: str, conditions: list[str]) -> str:
    if not conditions:
        return what
    return pgettext("a thing: what is said of it", "%(what)s: %(said)s") % {"what": what, "said": _joined(conditions)}


def _joined(parts: Iterable[str]) -> str:
    return pgettext("between the parts of a condition", "; ").join(part for part in parts if part)


def _or(parts: Iterable[str]) -> str:
    return pgettext("between the words of a choice", " or ").join(parts)


def _number(value: float) -> str:
    return f"{value:g}"
