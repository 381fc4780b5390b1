"""What the pages about rules read: versions with their times, offices and lists, and what a change would be."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import models
from django.utils.functional import cached_property

from citybrain.core import clock
from citybrain.core.models import Area, Organisation
from citybrain.core.roles import ROLES
from healthcode.models import RiskArea, RiskList, RuleActivation, RuleProposal, RuleSet
from healthcode.rule_words import SetWords, in_language, in_words

OLDER = 50


@dataclass(frozen=True)
class Version:
    """Rules with a list of risk areas, and from when to when they hold or held."""

    activation: RuleActivation
    # None while nothing replaces it.
    until: dt.datetime | None
    # None for the first rules of an installation.
    proposal: RuleProposal | None
    offices: list[str]

    @cached_property
    def words(self) -> SetWords:
        """Return the rules in the reader's language."""
        return in_words(self.activation.rule_set.body)

    @property
    def title(self) -> str:
        """What the rule set calls itself."""
        return in_language(self.activation.rule_set.body["title"])

    @property
    def announcement(self) -> str:
        """What was announced, in the reader's language."""
        if self.proposal is None:
            return ""
        return in_language({"zh": self.proposal.announcement_zh, "en": self.proposal.announcement_en})

    @property
    def is_over(self) -> bool:
        """Whether others have replaced it."""
        return self.until is not None and self.until <= clock.now()

    @property
    def is_to_come(self) -> bool:
        """Whether it has not begun."""
        return self.activation.valid_from > clock.now()


@dataclass(frozen=True)
class Versions:
    """All versions, sorted by what a reader asks."""

    in_force: Version | None
    to_come: list[Version] = field(default_factory=list)
    older: list[Version] = field(default_factory=list)


def versions() -> Versions:
    """Return what is in force, what comes next (the soonest first) and what was before (the newest first)."""
    rows = _versions(_activations()[:OLDER])
    in_force = next((one for one in rows if not one.is_over and not one.is_to_come), None)
    return Versions(in_force, [one for one in reversed(rows) if one.is_to_come], [one for one in rows if one.is_over])


def version(pk: int) -> Version | None:
    """Return one version by its activation; none when others took its place before it began."""
    row = _activations().filter(pk=pk).first()
    if row is None:
        return None
    later = _activations().filter(valid_from__gte=row.valid_from).order_by("valid_from", "id")
    after = next((one for one in later if (one.valid_from, one.pk) > (row.valid_from, row.pk)), None)
    return next((one for one in _versions([after, row] if after else [row]) if one.activation == row), None)


def _activations() -> "models.QuerySet[RuleActivation]":
    return RuleActivation.objects.select_related("rule_set", "proposal").order_by("-valid_from", "-id")


def _versions(newest_first: Iterable[RuleActivation]) -> list[Version]:
    """Return versions, the newest first; one that was replaced before it began is left out."""
    rows = list(newest_first)
    untils = [None, *(row.valid_from for row in rows)]
    proposals = [getattr(row, "proposal", None) for row in rows]
    under = {unit for one in proposals if one for unit in (one.proposed_under, one.decided_under)}
    names = offices(under)
    return [
        Version(row, until, one, [names[one.proposed_under], names[one.decided_under]] if one else [])
        for row, until, one in zip(rows, untils, proposals, strict=False)
        if until is None or until > row.valid_from
    ]


def offices(units: Iterable[str]) -> dict[str, str]:
    """Return what units are called: the role and where it is held, and never a person."""
    parts = {unit: unit.partition("@") for unit in set(units)}
    held = {part[2].partition(":")[::2] for part in parts.values()}
    names = {
        ("area", str(pk)): name for pk, name in Area.objects.filter(pk__in=_ids(held, "area")).values_list("pk", "name")
    } | {
        ("organisation", str(pk)): name
        for pk, name in Organisation.objects.filter(pk__in=_ids(held, "organisation")).values_list("pk", "name")
    }
    return {unit: _office(role, names.get(where.partition(":")[::2], "")) for unit, (role, _at, where) in parts.items()}


def _ids(held: Iterable[tuple[str, str]], kind: str) -> list[int]:
    return [int(pk) for one, pk in held if one == kind and pk.isdecimal()]


def _office(role: str, place: str) -> str:
    title = str(ROLES[role].title) if role in ROLES else role
    return f"{place} {title}".strip()


@dataclass(frozen=True)
class Place:
    """A place of a list of risk areas, and what became of it since another list."""

    area: RiskArea
    # "" when nothing, else "new", "changed" or "gone".
    change: str = ""


def places(number: int, since: int | None = None) -> list[Place]:
    """Return the places of a version of the list, by level and code; with what is another since the version `since`."""
    now, before = _areas(number), _areas(since) if since is not None else {}
    if since is None:
        return [Place(area) for area in now.values()]
    kept = [Place(area, _change(area, before.get(key))) for key, area in now.items()]
    return kept + [Place(area, "gone") for key, area in before.items() if key not in now]


def _areas(number: int) -> dict[tuple[str, str, str], RiskArea]:
    rows = RiskArea.objects.filter(version=number).order_by("level", "prefix", "valid_from", "pk")
    return {(row.prefix, row.level, row.valid_from.isoformat()): row for row in rows}


def _change(area: RiskArea, before: RiskArea | None) -> str:
    if before is None:
        return "new"
    same = (area.name, area.valid_to, area.listed_on) == (before.name, before.valid_to, before.listed_on)
    return "" if same else "changed"


def titles_of_lists(numbers: Iterable[int]) -> Mapping[int, str]:
    """Return what versions of the list are called."""
    return dict(RiskList.objects.filter(pk__in=set(numbers)).values_list("version", "title"))


def rule_names(rule_sets: Iterable[RuleSet]) -> dict[str, str]:
    """Return what rules are called in the reader's language; of a rule that several sets have, by the last."""
    return {rule["rule"]: in_language(rule["name"]) for one in rule_sets for rule in one.body["rules"]}
