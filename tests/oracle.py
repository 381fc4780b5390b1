"""A plain evaluator of rule sets, written from their description and not from the engine: slow, simple, in Python."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Fact:
    """A piece of evidence."""

    id: int
    kind: str
    true_at: dt.datetime
    known_at: dt.datetime
    facts: Mapping[str, Any]
    withdraws: int | None = None


@dataclass
class Opening:
    """What opens a reason, and whether and when it ends."""

    evidence: int
    since: dt.datetime
    day: dt.date
    until: dt.datetime | None = None
    is_open: bool = True


@dataclass
class Judged:
    """State, reasons as (rule, colour, since, until, evidence), the worst first, and until when it holds."""

    state: str
    reasons: list[tuple[str, str, dt.datetime, dt.datetime | None, list[int]]] = field(default_factory=list)
    valid_until: dt.datetime | None = None


def day_of(instant: dt.datetime) -> dt.date:
    return instant.astimezone(SHANGHAI).date()


def start_of(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), SHANGHAI)


def judge(
    body: Mapping[str, Any], history: Iterable[Fact], areas: Sequence[Mapping[str, Any]], at: dt.datetime
) -> Judged:
    """Judge one person at an instant by what was known then."""
    known = [fact for fact in history if fact.known_at <= at]
    withdrawn = {fact.withdraws for fact in known}
    live = [fact for fact in known if fact.id not in withdrawn and fact.true_at <= at]
    live.sort(key=lambda fact: (fact.true_at, fact.kind != "declaration", fact.id))
    checks = _check_days(body, live)
    reasons, by_itself = [], []
    today = day_of(at).isoformat()
    valid = [rule for rule in body["rules"] if rule.get("valid_from", "") <= today < rule.get("valid_to", "9")]
    for rule in sorted(valid, key=lambda rule: (rule["colour"] != "red", -rule.get("priority", 0))):
        openings = [_closing(body, rule, one, live, checks, at) for one in _openings(rule, live, areas)]
        still = [one for one, _alone in openings if one.is_open]
        if still:
            ends = [one.until for one in still]
            until = None if None in ends else max(end for end in ends if end)
            ids = sorted({one.evidence for one in still})
            reasons.append((rule["rule"], rule["colour"], min(one.since for one in still), until, ids))
            alone = [end for one, end in openings if one.is_open]
            by_itself += [] if None in alone else [max(end for end in alone if end)]
    if reasons:
        return Judged(reasons[0][1], reasons, min(by_itself, default=None))
    declared = [day_of(fact.true_at) for fact in live if fact.kind == "declaration"]
    if not declared:
        return Judged("not_known")
    fresh_until = start_of(max(declared) + (body["declaration"]["fresh_days"] + 1) * DAY)
    return Judged("green", [], fresh_until) if at < fresh_until else Judged("expired")


def _explained(fact: Fact, live: Sequence[Fact]) -> set[str]:
    """Return what the last declaration up to this fact explains."""
    up_to = [one for one in live[: live.index(fact) + 1] if one.kind == "declaration"]
    return set(up_to[-1].facts["explained"]) if up_to else set()


def _check_days(body: Mapping[str, Any], live: Sequence[Fact]) -> dict[dt.date, bool]:
    """Return each day with a check-in, and whether all of its check-ins are normal."""
    days: dict[dt.date, bool] = {}
    for fact in live:
        if fact.kind == "check_in":
            explained = _explained(fact, live)
            hot = (fact.facts.get("celsius") or 0) >= body["check_ins"]["normal_below"] and "fever" not in explained
            normal = not hot and set(fact.facts["symptoms"]) <= explained
            day = day_of(fact.true_at)
            days[day] = days.get(day, True) and normal
    return days


def _matches(fact: Fact, kind: str, where: Mapping[str, Any], live: Sequence[Fact]) -> bool:
    if fact.kind != kind:
        return False
    return all(_passes(fact, fact.facts.get(name), test, live) for name, test in where.items())


def _passes(fact: Fact, value: Any, test: Mapping[str, Any], live: Sequence[Fact]) -> bool:
    if value is None:
        return False
    if "is" in test:
        return bool(value == test["is"])
    if "in" in test:
        return value in test["in"]
    if "at_least" in test:
        return bool(value >= test["at_least"])
    return not set(value) <= _explained(fact, live)


def _openings(rule: Mapping[str, Any], live: Sequence[Fact], areas: Sequence[Mapping[str, Any]]) -> Iterable[Opening]:
    for opener in rule["opened_by"]:
        for fact in live:
            if not _matches(fact, opener["kind"], opener.get("where", {}), live):
                continue
            if opener.get("unless_explained") in _explained(fact, live):
                continue
            within = opener.get("within_days", 10**6)
            if "risk_level" in opener:
                days = [
                    last
                    for area in areas
                    if area["level"] == opener["risk_level"]
                    for last, known in _stayed(fact, area)
                    if (known - last).days <= within
                ]
                if days:
                    yield Opening(fact.id, start_of(max(days)), max(days))
            elif (day_of(fact.known_at) - day_of(fact.true_at)).days <= within:
                yield Opening(fact.id, fact.true_at, day_of(fact.true_at))


def _stayed(fact: Fact, area: Mapping[str, Any]) -> Iterable[tuple[dt.date, dt.date]]:
    """Return the last day of the stay inside a listed area and when that was known; nothing when it was elsewhere."""
    code = area["code"]
    while len(code) > 6 and code.endswith("000"):
        code = code[:-3]
    while len(code) <= 6 and code.endswith("00"):
        code = code[:-2]
    if not fact.facts["code"].startswith(code):
        return
    first = max(dt.date.fromisoformat(fact.facts["from"]), dt.date.fromisoformat(area["valid_from"]))
    last = dt.date.fromisoformat(fact.facts["to"])
    if area.get("valid_to"):
        last = min(last, dt.date.fromisoformat(area["valid_to"]) - DAY)
    if first <= last:
        yield last, max(day_of(fact.known_at), dt.date.fromisoformat(area["listed_on"]))


def _closing(
    body: Mapping[str, Any],
    rule: Mapping[str, Any],
    opening: Opening,
    live: Sequence[Fact],
    checks: Mapping[dt.date, bool],
    at: dt.datetime,
) -> tuple[Opening, dt.datetime | None]:
    """Fill in whether and when an opening ends, by whichever way is first; return with it when it ends by itself."""
    closes_when = rule["closes_when"]
    ways = closes_when["any_of"] if isinstance(closes_when, dict) else [closes_when]
    ends = [_way(body, way, opening, live, checks, at) for way in ways]
    opening.is_open = not any(is_over for is_over, _until, _by_itself in ends)
    opening.until = min((until for _is_over, until, _by_itself in ends if until), default=None)
    return opening, min((by_itself for _is_over, _until, by_itself in ends if by_itself), default=None)


def _way(
    body: Mapping[str, Any],
    way: Sequence[Mapping[str, Any]],
    opening: Opening,
    live: Sequence[Fact],
    checks: Mapping[dt.date, bool],
    at: dt.datetime,
) -> tuple[bool, dt.datetime | None, dt.datetime | None]:
    """Return whether a way out is gone, the earliest end by it, and the end that needs nobody's doing."""
    ends: list[dt.datetime] = []
    is_ended = is_checked_in = True
    days_end = None
    for closer in way:
        if "days" in closer:
            days_end = start_of(opening.day + (closer["days"] + 1) * DAY)
            ends.append(days_end)
        elif "check_ins" in closer:
            missed_day = closer.get("missed_day", body["check_ins"]["missed_day"])
            best, done = _count(missed_day, checks, opening.day, day_of(at))
            is_checked_in = best >= closer["check_ins"]
            if not is_checked_in:
                first = opening.day + DAY
                today = day_of(at)
                next_day = max(first, today + DAY if today in checks else today)
                ends.append(start_of(next_day + (closer["check_ins"] - done - 1) * DAY))
        else:
            is_ended &= _is_met(closer, opening, live)
    is_over = is_ended and is_checked_in and (days_end is None or days_end <= at)
    until = max(ends) if is_ended and ends else None
    return is_over, until, days_end if is_ended and is_checked_in else None


def _is_met(closer: Mapping[str, Any], opening: Opening, live: Sequence[Fact]) -> bool:
    """Try every choice of as many pieces as it takes."""
    pieces = [
        fact
        for fact in live
        if fact.true_at >= opening.since and _matches(fact, closer["evidence"], closer.get("where", {}), live)
    ]
    apart = dt.timedelta(hours=closer.get("apart_hours", 0))
    within = dt.timedelta(days=closer.get("within_days", 10**5))
    breaks = [
        fact.true_at
        for fact in live
        if "broken_by" in closer and _matches(fact, closer["evidence"], closer["broken_by"], live)
    ]
    for chosen in itertools.combinations(pieces, closer.get("count", 1)):
        first, last = chosen[0].true_at, chosen[-1].true_at
        far_enough = all(after.true_at - before.true_at >= apart for before, after in itertools.pairwise(chosen))
        if far_enough and last - first <= within and not any(first < broken <= last for broken in breaks):
            return True
    return False


def _count(missed_day: str, checks: Mapping[dt.date, bool], after: dt.date, today: dt.date) -> tuple[int, int]:
    """Walk the days after an opening; return the longest count of normal check-ins and the present one."""
    best = done = 0
    day = after + DAY
    while day <= today:
        if day in checks:
            done = done + 1 if checks[day] else 0
        elif day != today and missed_day == "restart":
            done = 0
        best = max(best, done)
        day += DAY
    return best, done
