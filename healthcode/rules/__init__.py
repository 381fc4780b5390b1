"""Rule sets as data: where the shipped ones lie, and what a rule set may say.

A rule is opened by evidence and closed when all that `closes_when` lists has happened, or one of the lists of its
`any_of`. Days are Asia/Shanghai dates; "within 14 days" and "fresh for 14 days" include the fourteenth day after.
The format is published as docs/schemas/rules.schema.json; what a schema cannot say is checked here as well.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from healthcode import kinds

FOLDER = Path(__file__).parent
SHIPPED = FOLDER / "hangzhou-2020-02-11.json"

COLOURS = ("yellow", "red")
LEVELS = ("high", "medium")
STATES = ("green", "yellow", "red", "not_known", "expired")
MISSED_DAY = ("restart", "go_on")
TESTS = ("is", "in", "at_least", "unexplained")
LONGEST_NAME = 40
# Of a closing condition such as "two negative tests".
MOST_PIECES = 7
MOST_DAYS = 999


class RulesError(ValueError):
    """A rule set that cannot be compiled; the text says where and why."""


def load(path: Path) -> dict[str, Any]:
    """Read and check a rule file; raise RulesError when it is not one."""
    try:
        body: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise RulesError(f"{path.name}: {problem}") from problem
    check(body)
    return dict(body)


def check(body: Any) -> None:
    """Raise RulesError unless `body` is a rule set that the engine can compile."""
    known = {"name", "version", "title", "declaration", "check_ins", "rules", "example_risk_areas"}
    _keys(body, "rule set", needs=known - {"example_risk_areas"}, may=known)
    for name in ("name", "version"):
        _must(isinstance(body[name], str) and body[name], name, "is a text")
    _text(body["title"], "title")
    _keys(body["declaration"], "declaration", needs={"fresh_days"})
    _days(body["declaration"]["fresh_days"], "declaration.fresh_days")
    _keys(body["check_ins"], "check_ins", needs={"normal_below", "missed_day"})
    _number(body["check_ins"]["normal_below"], "check_ins.normal_below")
    _must(body["check_ins"]["missed_day"] in MISSED_DAY, "check_ins.missed_day", f"is one of {MISSED_DAY}")
    _must(isinstance(body["rules"], list) and body["rules"], "rules", "is a list")
    for number, rule in enumerate(body["rules"]):
        _rule(rule, f"rules[{number}]")
    names = [rule["rule"] for rule in body["rules"]]
    _must(len(names) == len(set(names)), "rules", "name each rule once")
    _must(isinstance(body.get("example_risk_areas", []), list), "example_risk_areas", "is a list")
    for number, area in enumerate(body.get("example_risk_areas", ())):
        _risk_area(area, f"example_risk_areas[{number}]")


def _rule(rule: Any, at: str) -> None:
    needs = {"rule", "colour", "name", "way_out", "opened_by", "closes_when"}
    _keys(rule, at, needs=needs, may=needs | {"tests", "priority", "valid_from", "valid_to"})
    _must(isinstance(rule["rule"], str) and 0 < len(rule["rule"]) <= LONGEST_NAME, f"{at}.rule", "is a short text")
    _must(rule["colour"] in COLOURS, f"{at}.colour", f"is one of {COLOURS}")
    _text(rule["name"], f"{at}.name")
    _text(rule["way_out"], f"{at}.way_out")
    _must(_is_whole(rule.get("priority", 0)), f"{at}.priority", "is a whole number")
    for name in ("valid_from", "valid_to"):
        _must(name not in rule or _is_day(rule[name]), f"{at}.{name}", "is a day such as 2020-02-11")
    _must(rule.get("valid_from", "") < rule.get("valid_to", "9"), f"{at}.valid_to", "comes after valid_from")
    openers = rule["opened_by"]
    _must(isinstance(openers, list) and openers, f"{at}.opened_by", "is a list with something in it")
    for number, opener in enumerate(openers):
        _opener(opener, f"{at}.opened_by[{number}]")
    _closes_when(rule["closes_when"], f"{at}.closes_when")
    _must(isinstance(rule.get("tests", []), list), f"{at}.tests", "is a list")
    for number, example in enumerate(rule.get("tests", ())):
        _example(example, f"{at}.tests[{number}]")


def _opener(opener: Any, at: str) -> None:
    _keys(opener, at, needs={"kind"}, may={"kind", "where", "within_days", "risk_level", "unless_explained"})
    _kind(opener["kind"], at)
    _where(opener["kind"], opener.get("where", {}), f"{at}.where")
    if "within_days" in opener:
        _days(opener["within_days"], f"{at}.within_days")
    if "unless_explained" in opener:
        _must(opener["unless_explained"] in kinds.SYMPTOMS, f"{at}.unless_explained", f"is one of {kinds.SYMPTOMS}")
    is_stay = opener["kind"] == kinds.Kind.RISK_AREA_STAY
    _must(is_stay == ("risk_level" in opener), f"{at}.risk_level", "is said of a stay, and of nothing else")
    _must(not is_stay or opener["risk_level"] in LEVELS, f"{at}.risk_level", f"is one of {LEVELS}")


def _closes_when(closes_when: Any, at: str) -> None:
    ways = {at: closes_when}
    if isinstance(closes_when, Mapping):
        _keys(closes_when, at, needs={"any_of"})
        _must(isinstance(closes_when["any_of"], list) and closes_when["any_of"], f"{at}.any_of", "is a list of lists")
        ways = {f"{at}.any_of[{number}]": way for number, way in enumerate(closes_when["any_of"])}
    for here, way in ways.items():
        _must(isinstance(way, list) and way, here, "is a list with something in it")
        for number, closer in enumerate(way):
            _closer(closer, f"{here}[{number}]")
        for once in ("check_ins", "days"):
            _must(sum(once in closer for closer in way) <= 1, here, f"says {once} once")


def _closer(closer: Any, at: str) -> None:
    _must(isinstance(closer, Mapping), at, "is an object")
    if "evidence" in closer:
        _tests(closer, at)
    elif "check_ins" in closer:
        _keys(closer, at, needs={"check_ins"}, may={"check_ins", "missed_day"})
        _days(closer["check_ins"], f"{at}.check_ins")
        missed_day = closer.get("missed_day", MISSED_DAY[0])
        _must(missed_day in MISSED_DAY, f"{at}.missed_day", f"is one of {MISSED_DAY}")
    else:
        _keys(closer, at, needs={"days"})
        _days(closer["days"], f"{at}.days")


def _tests(closer: Mapping[str, Any], at: str) -> None:
    only_of_some = {"apart_hours", "within_days", "broken_by"}
    _keys(closer, at, needs={"evidence"}, may={"evidence", "where", "count"} | only_of_some)
    _kind(closer["evidence"], at)
    _where(closer["evidence"], closer.get("where", {}), f"{at}.where")
    count = closer.get("count", 1)
    _must(_is_whole(count) and 0 < count <= MOST_PIECES, f"{at}.count", f"is a number from 1 to {MOST_PIECES}")
    _must(count > 1 or not only_of_some & closer.keys(), at, f"needs a count above 1 for {sorted(only_of_some)}")
    _must(count == 1 or "apart_hours" in closer, f"{at}.apart_hours", "goes with a count above 1")
    _number(closer.get("apart_hours", 1), f"{at}.apart_hours")
    _days(closer.get("within_days", 1), f"{at}.within_days")
    if "broken_by" in closer:
        _where(closer["evidence"], closer["broken_by"], f"{at}.broken_by")
        _must(closer["broken_by"], f"{at}.broken_by", "says what breaks the count")


def _kind(kind: Any, at: str) -> None:
    _must(isinstance(kind, str) and kind in kinds.FIELDS, at, f"{kind!r} is no kind of evidence")
    _must(kind not in kinds.RECORDED_ONLY, at, f"{kind!r} is recorded only: no rule may hang on it")


def _where(kind: Any, where: Any, at: str) -> None:
    _keys(where, at, needs=set(), may=kinds.fields_of(kind))
    for field, test in where.items():
        here = f"{at}.{field}"
        _must(isinstance(test, dict) and len(test) == 1 and next(iter(test)) in TESTS, here, f"is one of {TESTS}")
        name, value = next(iter(test.items()))
        if name == "in":
            _must(isinstance(value, list), here, "lists values")
        elif name == "at_least":
            _number(value, here)
        elif name == "unexplained":
            _must(field == "symptoms" and value is True, here, "is true, of symptoms")


def _example(example: Any, at: str) -> None:
    _keys(example, at, needs={"name", "evidence", "at", "state", "reasons"})
    _must(isinstance(example["name"], str) and example["name"], f"{at}.name", "is a text")
    _must(_is_instant(example["at"]), f"{at}.at", "is a time with its zone such as 2020-02-12T10:00:00+08:00")
    _must(example["state"] in STATES, f"{at}.state", f"is one of {STATES}")
    _must(isinstance(example["reasons"], list), f"{at}.reasons", "lists rules")
    _must(isinstance(example["evidence"], list), f"{at}.evidence", "is a list")
    for number, item in enumerate(example["evidence"]):
        here = f"{at}.evidence[{number}]"
        needs = {"kind", "true_at", "facts"}
        _keys(item, here, needs=needs, may=needs | {"known_at", "repeat_days"})
        for name in ("true_at", "known_at"):
            _must(_is_instant(item.get(name, item["true_at"])), f"{here}.{name}", "is a time with its zone")
        _days(item.get("repeat_days", 1), f"{here}.repeat_days")
        _must(isinstance(item["facts"], dict), f"{here}.facts", "is an object")
        try:
            kinds.check(item["kind"], item["facts"])
        except ValidationError as problem:
            raise RulesError(f"{here}: {'; '.join(kinds.said(problem))}") from problem


def _risk_area(area: Any, at: str) -> None:
    needs = {"code", "level", "valid_from"}
    _keys(area, at, needs=needs, may=needs | {"name", "valid_to", "listed_on"})
    is_code = isinstance(area["code"], str) and re.fullmatch(r"[0-9]{12}([0-9]{3})?", area["code"])
    _must(is_code, f"{at}.code", "is an area code of 12 or 15 digits")
    _must(area["level"] in LEVELS, f"{at}.level", f"is one of {LEVELS}")
    for name in ("valid_from", "valid_to", "listed_on"):
        _must(area.get(name) is None or _is_day(area[name]), f"{at}.{name}", "is a day such as 2020-02-11")


def _keys(value: Any, at: str, *, needs: Iterable[str], may: Iterable[str] | None = None) -> None:
    _must(isinstance(value, Mapping), at, "is an object")
    missing, unknown = set(needs) - value.keys(), value.keys() - set(needs if may is None else may)
    _must(not missing, at, f"lacks {sorted(missing)}")
    _must(not unknown, at, f"knows no {sorted(unknown)}")


def _text(value: Any, at: str) -> None:
    _keys(value, at, needs={"zh", "en"})
    _must(all(isinstance(text, str) and text for text in value.values()), at, "has a text in both languages")


def _days(value: Any, at: str) -> None:
    _must(_is_whole(value) and 0 < value <= MOST_DAYS, at, f"is a number of days from 1 to {MOST_DAYS}")


def _number(value: Any, at: str) -> None:
    _must(isinstance(value, int | float) and not isinstance(value, bool) and value > 0, at, "is a number above 0")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and dt.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _must(holds: Any, at: str, what: str) -> None:
    if not holds:
        raise RulesError(f"{at}: {what}")
