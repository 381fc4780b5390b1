"""Rule sets as data: where the shipped ones lie, and what a rule set may say.

A rule is opened by evidence and closed when all that `closes_when` lists has happened. Days are Asia/Shanghai dates;
"within 14 days" and "fresh for 14 days" include the fourteenth day after.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from healthcode import kinds

FOLDER = Path(__file__).parent
SHIPPED = FOLDER / "hangzhou-2020-02-11.json"

COLOURS = ("yellow", "red")
LEVELS = ("high", "medium")
MISSED_DAY = ("restart", "go_on")
TESTS = ("is", "in", "at_least", "unexplained")


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


def _rule(rule: Any, at: str) -> None:
    needs = {"rule", "colour", "name", "way_out", "opened_by", "closes_when"}
    _keys(rule, at, needs=needs, may=needs | {"tests"})
    _must(isinstance(rule["rule"], str) and 0 < len(rule["rule"]) <= 40, f"{at}.rule", "is a short text")  # noqa: PLR2004
    _must(rule["colour"] in COLOURS, f"{at}.colour", f"is one of {COLOURS}")
    _text(rule["name"], f"{at}.name")
    _text(rule["way_out"], f"{at}.way_out")
    for part in ("opened_by", "closes_when"):
        _must(isinstance(rule[part], list) and rule[part], f"{at}.{part}", "is a list with something in it")
    for number, opener in enumerate(rule["opened_by"]):
        _opener(opener, f"{at}.opened_by[{number}]")
    for number, closer in enumerate(rule["closes_when"]):
        _closer(closer, f"{at}.closes_when[{number}]")
    for once in ("check_ins", "days"):
        _must(sum(once in closer for closer in rule["closes_when"]) <= 1, f"{at}.closes_when", f"says {once} once")


def _opener(opener: Any, at: str) -> None:
    _keys(opener, at, needs={"kind"}, may={"kind", "where", "within_days", "risk_level", "unless_explained"})
    _where(opener["kind"], opener.get("where", {}), at)
    if "within_days" in opener:
        _days(opener["within_days"], f"{at}.within_days")
    if "unless_explained" in opener:
        _must(opener["unless_explained"] in kinds.SYMPTOMS, f"{at}.unless_explained", f"is one of {kinds.SYMPTOMS}")
    is_stay = opener["kind"] == kinds.Kind.RISK_AREA_STAY
    _must(is_stay == ("risk_level" in opener), f"{at}.risk_level", "is said of a stay, and of nothing else")
    _must(not is_stay or opener["risk_level"] in LEVELS, f"{at}.risk_level", f"is one of {LEVELS}")


def _closer(closer: Any, at: str) -> None:
    if "evidence" in closer:
        _keys(closer, at, needs={"evidence"}, may={"evidence", "where", "count", "apart_hours"})
        _where(closer["evidence"], closer.get("where", {}), at)
        _must(closer.get("count", 1) in {1, 2}, f"{at}.count", "is 1 or 2")
        _must(("apart_hours" in closer) == (closer.get("count", 1) > 1), f"{at}.apart_hours", "goes with a count of 2")
        _number(closer.get("apart_hours", 1), f"{at}.apart_hours")
        return
    name = "check_ins" if "check_ins" in closer else "days"
    _keys(closer, at, needs={name})
    _days(closer[name], f"{at}.{name}")


def _where(kind: Any, where: Any, at: str) -> None:
    _must(kind in kinds.FIELDS, at, f"{kind!r} is no kind of evidence")
    _keys(where, f"{at}.where", needs=set(), may=kinds.fields_of(kind))
    for field, test in where.items():
        here = f"{at}.where.{field}"
        _must(isinstance(test, dict) and len(test) == 1 and next(iter(test)) in TESTS, here, f"is one of {TESTS}")
        name, value = next(iter(test.items()))
        if name == "in":
            _must(isinstance(value, list), here, "lists values")
        elif name == "at_least":
            _number(value, here)
        elif name == "unexplained":
            _must(field == "symptoms" and value is True, here, "is true, of symptoms")


def _keys(value: Any, at: str, *, needs: Iterable[str], may: Iterable[str] | None = None) -> None:
    _must(isinstance(value, Mapping), at, "is an object")
    missing, unknown = set(needs) - value.keys(), value.keys() - set(needs if may is None else may)
    _must(not missing, at, f"lacks {sorted(missing)}")
    _must(not unknown, at, f"knows no {sorted(unknown)}")


def _text(value: Any, at: str) -> None:
    _keys(value, at, needs={"zh", "en"})
    _must(all(isinstance(text, str) and text for text in value.values()), at, "has a text in both languages")


def _days(value: Any, at: str) -> None:
    _must(isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1000, at, "is a number of days")  # noqa: PLR2004


def _number(value: Any, at: str) -> None:
    _must(isinstance(value, int | float) and not isinstance(value, bool) and value > 0, at, "is a number above 0")


def _must(holds: Any, at: str, what: str) -> None:
    if not holds:
        raise RulesError(f"{at}: {what}")
