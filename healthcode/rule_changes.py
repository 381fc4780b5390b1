"""What the pages read on which rules are changed: sets and lists to try, trials with their figures, proposals."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from citybrain.core import clock
from citybrain.core.models import Area, Person, User
from citybrain.core.roles import Act
from healthcode import explanation, rule_book
from healthcode.actions import proposals
from healthcode.actions import trial as trials
from healthcode.models import Evidence, RiskList, Round, RuleProposal, RuleSet, State, Trial
from healthcode.replay import NoRulesError
from healthcode.trial_figures import AGE_BANDS, NO_AGE

LATEST = 20
SAMPLE = 30


@dataclass(frozen=True)
class Change:
    """From what to what a code goes, and of how many."""

    before: State
    after: State
    persons: int = 0


@dataclass(frozen=True)
class Part:
    """A street or an age band: how many live there, and how many change in each way."""

    name: str
    persons: int
    counts: list[int]

    @property
    def changed(self) -> int:
        """How many change in any way."""
        return sum(self.counts)


@dataclass(frozen=True)
class RuleCount:
    """For how many of those who change a rule begins or ends to hold, or gives another colour."""

    name: str
    opened: int
    ended: int
    recoloured: int


@dataclass(frozen=True)
class Found:
    """What a trial found, ready to be shown."""

    # A row for each state before, with a cell for each state after.
    matrix: list[tuple[State, list[int]]]
    columns: list[State]
    changes: list[Change]
    streets: list[Part]
    ages: list[Part]
    rules: list[RuleCount]
    otherwise: int


@dataclass(frozen=True)
class Sampled:
    """One whose code would change: before and after, each with the rules that hold and what they rest on."""

    person: Person
    change: Change
    begins: list[Mapping[str, Any]]
    ends: list[Mapping[str, Any]]
    recoloured: list[Mapping[str, Any]]
    stays: list[Mapping[str, Any]]

    @property
    def only_declaration(self) -> bool:
        """Whether no rule makes the difference, but how long a declaration holds."""
        return not (self.begins or self.ends or self.recoloured)


@dataclass(frozen=True)
class Progress:
    """How far a round is."""

    round: Round
    chunks: int
    done: int


def found(trial: Trial) -> Found:
    """Return the figures of a trial."""
    tallies = trial.tallies
    changes = sorted(
        (_change(key, persons) for key, persons in tallies["changes"].items()),
        key=lambda change: -change.persons,
    )
    counts = {(one.before, one.after): one.persons for one in changes}
    counts |= {(State(state), State(state)): persons for state, persons in tallies["same"].items()}
    states = [state for state in State if any(state in pair for pair in counts)]
    return Found(
        matrix=[(before, [counts.get((before, after), 0) for after in states]) for before in states],
        columns=states,
        changes=changes,
        streets=_parts(tallies["streets"], _street_names(tallies["streets"]), changes),
        ages=_parts(tallies["ages"], _age_names(), changes),
        rules=_rule_counts(trial),
        otherwise=tallies["otherwise"],
    )


def sample(trial: Trial, user: User) -> list[Sampled]:
    """Return those of the sample who live where the user may see people, at most SAMPLE, all changes in turn."""
    visible = (
        Person.objects.visible_to(user, Act.SEE_PEOPLE)
        .select_related("area")
        .in_bulk([one["person"] for one in trial.sample])
    )
    rows = [one for one in trial.sample if one["person"] in visible]
    turns: dict[str, int] = {}
    order = []
    for row in rows:
        turns[row["change"]] = turns.get(row["change"], 0) + 1
        order.append(turns[row["change"]])
    chosen = [row for _turn, row in sorted(zip(order, rows, strict=True), key=lambda pair: pair[0])][:SAMPLE]
    names = _rule_names(trial)
    told = {one.evidence.pk: one for one in explanation.tell(Evidence.objects.filter(pk__in=_evidence_of(chosen)))}
    return [_sampled(row, visible[row["person"]], names, told) for row in chosen]


def proposals_shown(rows: Sequence[RuleProposal]) -> list[tuple[RuleProposal, list[str]]]:
    """Return proposals with the offices that proposed and decided them."""
    units = {unit for one in rows for unit in (one.proposed_under, one.decided_under) if unit}
    names = rule_book.offices(units)
    return [(one, [names[unit] for unit in (one.proposed_under, one.decided_under) if unit]) for one in rows]


def holds_no_more(trial: Trial, life: dt.timedelta) -> str:
    """Return why a trial's findings cannot be proposed or approved, "" when they can."""
    try:
        proposals.check_trial(trial, clock.now(), life)
    except ValidationError as problem:
        return " ".join(problem.messages)
    return ""


def lists_to_try() -> list[tuple[int, str]]:
    """Return the versions of the list of risk areas, the newest first, each with what it is called."""
    rows = RiskList.objects.all()[:LATEST]
    told = [(row.version, _("No. %(number)s: %(title)s") % {"number": row.version, "title": row.title}) for row in rows]
    return [*told, (0, _("none: an empty list"))]


def rounds_under_way() -> list[Progress]:
    """Return the rounds that are not done, with how far they are."""
    rows = Round.objects.filter(begun_at__isnull=False, done_at=None).annotate(
        cut=Count("chunks"), finished=Count("chunks", filter=Q(chunks__done_at__isnull=False))
    )
    return [Progress(one, one.cut, one.finished) for one in rows]


def may_be_proposed(trial: Trial) -> str:
    """Return why a trial cannot be proposed, "" when it can."""
    return holds_no_more(trial, settings.TRIAL_LIFE)


def _change(key: str, persons: int = 0) -> Change:
    before, _to, after = key.partition(">")
    return Change(State(before), State(after), persons)


def _parts(tallies: Mapping[str, Any], names: Mapping[str, str], changes: Iterable[Change]) -> list[Part]:
    keys = [f"{change.before}>{change.after}" for change in changes]
    ordered = [key for key in names if key in tallies] + sorted(key for key in tallies if key not in names)
    return [
        Part(
            names.get(key, key),
            tallies[key]["persons"],
            [tallies[key]["changes"].get(change, 0) for change in keys],
        )
        for key in ordered
    ]


def _street_names(tallies: Mapping[str, Any]) -> dict[str, str]:
    ids = [int(key) for key in tallies if key]
    rows = Area.objects.filter(pk__in=ids).order_by("code").values_list("pk", "name")
    return {str(pk): name for pk, name in rows} | {"": _("street not known")}


def _age_names() -> dict[str, str]:
    names = {}
    for first, after in zip(AGE_BANDS, [*AGE_BANDS[1:], None], strict=True):
        names[str(first)] = f"{first}–{after - 1}" if after else _("%(age)s and older") % {"age": first}
    return names | {NO_AGE: pgettext("age", "not known")}


def _rule_counts(trial: Trial) -> list[RuleCount]:
    names = _rule_names(trial)
    rows = [
        RuleCount(names.get(rule, rule), counts["opened"], counts["ended"], counts["recoloured"])
        for rule, counts in trial.tallies["rules"].items()
    ]
    return sorted(rows, key=lambda row: -(row.opened + row.ended + row.recoloured))


def _rule_names(trial: Trial) -> dict[str, str]:
    try:
        before, _after = compared_sets(trial)
    except NoRulesError:
        return rule_book.rule_names([trial.rule_set])
    return rule_book.rule_names([before, trial.rule_set])


def compared_sets(trial: Trial) -> tuple[RuleSet, RuleSet]:
    """Return the rules that a trial compares: those in force when it was asked for, and those that it tries."""
    before, _after = trials.compared(trial)
    return RuleSet.objects.get(pk=before.rule_set_id), trial.rule_set


def _evidence_of(rows: Iterable[Mapping[str, Any]]) -> set[int]:
    return {one for row in rows for part in ("before", "after") for reason in row[part] for one in reason["evidence"]}


def _sampled(
    row: Mapping[str, Any], person: Person, names: Mapping[str, str], told: Mapping[int, explanation.Told]
) -> Sampled:
    before, after = (
        {reason["rule"]: _reason(reason, names, told) for reason in row[part]} for part in ("before", "after")
    )
    return Sampled(
        person=person,
        change=_change(row["change"]),
        begins=[reason for rule, reason in after.items() if rule not in before],
        ends=[reason for rule, reason in before.items() if rule not in after],
        recoloured=[one for rule, one in after.items() if rule in before and one["colour"] != before[rule]["colour"]],
        stays=[one for rule, one in after.items() if rule in before and one["colour"] == before[rule]["colour"]],
    )


def _reason(
    reason: Mapping[str, Any], names: Mapping[str, str], told: Mapping[int, explanation.Told]
) -> Mapping[str, Any]:
    return {
        "name": names.get(reason["rule"], reason["rule"]),
        "colour": State(reason["colour"]),
        "since": dt.datetime.fromisoformat(reason["since"]),
        "until": dt.datetime.fromisoformat(reason["until"]) if reason["until"] else None,
        "told": [told[one] for one in reason["evidence"] if one in told],
    }
