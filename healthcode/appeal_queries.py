"""Reads of appeals: what is contested, a person's cases, the lists of staff, the case page."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from citybrain.core import clock, workdays
from citybrain.core.models import Area, Organisation, Person, Photo, User
from citybrain.core.purposes import Purpose
from citybrain.core.roles import ROLES, Act
from healthcode import explanation, queries
from healthcode.explanation import RuleWords, Told
from healthcode.kinds import Kind
from healthcode.models import Appeal, AppealPaper, AppealStep, CodeChange, Evidence, Reason, State
from healthcode.models.appeal import AppealQuerySet

PURPOSE = Purpose.COMPLAINT
CLOSED = (Appeal.State.DECIDED, Appeal.State.TAKEN_BACK)
CHANGES = 20
# The lists of staff, in the order of their tabs.
SHOWN = {
    "take": pgettext_lazy("appeals", "to take"),
    "mine": pgettext_lazy("appeals", "mine"),
    "second": pgettext_lazy("appeals", "waiting for a second person"),
    "late": pgettext_lazy("appeals", "overdue"),
    "open": pgettext_lazy("appeals", "all that are open"),
    "closed": pgettext_lazy("appeals", "closed"),
}


# What is contested.


def open_case(person: Person, rule: str) -> Appeal | None:
    """Return the case that is open about a reason ("" for the code as a whole)."""
    return Appeal.objects.filter(person=person, rule=rule).exclude(state__in=CLOSED).first()


def contested(person: Person, rule: str) -> list[int]:
    """Return the evidence (ids) that a reason rests on now; for the code as a whole, what it says so by."""
    reasons = Reason.objects.filter(person=person, closed_at=None)
    found = {one for reason in (reasons.filter(rule=rule) if rule else reasons) for one in reason.evidence}
    if not rule and not found and queries.state_of(person).state in {State.GREEN, State.EXPIRED}:
        declared = explanation.last_declaration(person)
        found = {declared.pk} if declared else set()
    return sorted(found)


def contested_now(appeal: Appeal) -> list[int]:
    """Return the evidence (ids) that a case is about: as it was when the case was made, and what has come since."""
    return sorted({*appeal.contested, *contested(appeal.person, appeal.rule)})


def live(ids: Iterable[int]) -> list[Evidence]:
    """Return the evidence that nothing has withdrawn yet, the newest first."""
    withdrawn = Evidence.objects.filter(withdraws=OuterRef("pk"))
    return list(Evidence.objects.filter(~Exists(withdrawn), pk__in=list(ids)).order_by("-true_at", "-pk"))


def needs_two(appeal: Appeal) -> bool:
    """Return whether red is in a case: in what the code said or says, or in a reason that is contested."""
    if State.RED in {appeal.code_said, queries.state_of(appeal.person).state}:
        return True
    at_issue = Q(evidence__overlap=appeal.contested) | Q(rule=appeal.rule)
    return Reason.objects.filter(at_issue, person=appeal.person_id, colour="red").exists()


# A person's cases.


@dataclass(frozen=True)
class Step:
    """One step of a timeline, opened for whoever reads it."""

    step: AppealStep
    note: str
    photos: list[Photo]
    # Whether the person did it, or somebody who acts for them.
    is_own: bool
    # The staff number of whoever did it, "" for the person.
    staff_number: str


@dataclass(frozen=True)
class Case:
    """A case with all that both of its pages show."""

    appeal: Appeal
    # What is contested, in words.
    rule: RuleWords | None
    text: str
    # Given when it is decided.
    answer: str
    steps: list[Step]
    # None when it is closed or in time.
    late: str
    # Whether holidays on the way to the deadline are not published yet.
    is_due_by_weekdays: bool

    @property
    def question(self) -> Step | None:
        """The last question to the person, when nothing came after it from them."""
        asked = [one for one in self.steps if one.step.did in {AppealStep.Did.ASKED, AppealStep.Did.ADDED}]
        return asked[-1] if asked and asked[-1].step.did == AppealStep.Did.ASKED and not self.appeal.is_closed else None


def cases_of(person: Person) -> AppealQuerySet:
    """Return the cases of a person; pages run along ("-made_at", "-id")."""
    rows: AppealQuerySet = Appeal.objects.filter(person=person)
    return rows


def case(appeal: Appeal) -> Case:
    """Return a case with its texts opened; showing it to others than the person is a look on record."""
    hours = workdays.Hours(*settings.WORKING_HOURS)
    due = workdays.deadline(appeal.made_at, settings.APPEAL_WORKING_DAYS, hours)
    is_decided = appeal.state == Appeal.State.DECIDED
    return Case(
        appeal=appeal,
        rule=explanation.rule_words([appeal.rule]).get(appeal.rule),
        text=appeal.read(bytes(appeal.text_cipher)),
        answer=appeal.read(bytes(appeal.answer_cipher)) if is_decided else "",
        steps=_steps(appeal),
        late=late_by(appeal),
        is_due_by_weekdays=not due.is_certain,
    )


def _steps(appeal: Appeal) -> list[Step]:
    papers = list(appeal.papers.select_related("photo"))
    rows = list(appeal.steps.all())
    staff = {user.pk: user for user in User.objects.filter(pk__in={row.by for row in rows})}
    added = [row for row in rows if row.did in {AppealStep.Did.MADE, AppealStep.Did.ADDED}]
    found: dict[int, list[Photo]] = {}
    for paper in papers:
        # Words and pictures that were sent together: the step was written a moment before.
        with_it = [row.pk for row in added if row.at <= paper.added_at]
        found.setdefault(with_it[-1] if with_it else rows[0].pk, []).append(paper.photo)
    own = {row.by for row in added}
    return [
        Step(
            step=row,
            note=appeal.read(bytes(row.note_cipher)),
            photos=found.get(row.pk, []),
            is_own=row.by in own,
            staff_number="" if row.by in own or row.by not in staff else staff[row.by].username,
        )
        for row in rows
    ]


def photo_of(appeal: Appeal, ref: uuid.UUID) -> Photo | None:
    """Return a picture that the person added to a case."""
    paper = AppealPaper.objects.filter(appeal=appeal, photo__ref=ref).select_related("photo").first()
    return paper.photo if paper else None


def document_of(appeal: Appeal, ref: uuid.UUID) -> Photo | None:
    """Return the picture of the paper that contested evidence was taken from."""
    row = Evidence.objects.filter(pk__in=contested_now(appeal), document__ref=ref).select_related("document").first()
    return row.document if row else None


# The lists and the case page of staff.


def listed(user: User, show: str) -> AppealQuerySet:
    """Return one list of the user's areas; pages run along ("due_at", "id"), so the most overdue come first."""
    rows: AppealQuerySet = Appeal.objects.visible_to(user, Act.DECIDE_APPEALS)
    chosen: AppealQuerySet = rows.filter(_shown(user)[show]).select_related("person", "area")
    return chosen


def counts(user: User) -> dict[str, int]:
    """Return how many rows each list has."""
    rows = Appeal.objects.visible_to(user, Act.DECIDE_APPEALS).exclude(state__in=CLOSED).order_by()
    wanted = {show: condition for show, condition in _shown(user).items() if show != "closed"}
    return rows.aggregate(**{show: Count("id", filter=condition) for show, condition in wanted.items()})


def _shown(user: User) -> dict[str, Q]:
    is_open = ~Q(state__in=CLOSED)
    return {
        "take": Q(state=Appeal.State.OPEN),
        "mine": is_open & Q(handler=user.pk),
        "second": Q(state=Appeal.State.PROPOSED),
        "late": is_open & Q(due_at__lt=clock.now()),
        "open": is_open,
        "closed": ~is_open,
    }


@dataclass(frozen=True)
class Row:
    """One case in a list."""

    appeal: Appeal
    rule: str
    late: str
    handler: str


def rows(appeals: Sequence[Appeal]) -> list[Row]:
    """Return cases as a list shows them."""
    words = explanation.rule_words({one.rule for one in appeals})
    staff = dict(User.objects.filter(pk__in={one.handler for one in appeals}).values_list("pk", "username"))
    return [
        Row(one, words[one.rule].name if one.rule in words else "", late_by(one), staff.get(one.handler or 0, ""))
        for one in appeals
    ]


def late_by(appeal: Appeal) -> str:
    """Say by how much working time an open case is overdue, "" when it is not."""
    if appeal.is_closed or appeal.due_at >= clock.now():
        return ""
    hours = workdays.Hours(*settings.WORKING_HOURS)
    late = workdays.worked(appeal.due_at, clock.now(), hours)
    days, rest = divmod(late, hours.length)
    minutes = int(rest.total_seconds()) // 60
    words = {"days": days, "hours": minutes // 60, "minutes": minutes % 60}
    if days:
        return _("%(days)s working days %(hours)s h") % words
    return _("%(hours)s h %(minutes)s min of working time") % words


@dataclass(frozen=True)
class Contested:
    """A piece of contested evidence as whoever decides has to see it."""

    told: Told
    # Staff number and unit of its author, "" where there is none.
    author: str
    unit: str
    is_withdrawn: bool


def contested_in_words(appeal: Appeal) -> list[Contested]:
    """Return all evidence that a case is about, what has been withdrawn since too."""
    evidence = list(Evidence.objects.filter(pk__in=contested_now(appeal)).select_related("document"))
    still = {one.pk for one in live([one.pk for one in evidence])}
    authors = dict(User.objects.filter(pk__in={one.author for one in evidence}).values_list("pk", "username"))
    return [
        Contested(
            told=told,
            author="" if told.evidence.source in BY_RESIDENTS else authors.get(told.evidence.author or 0, ""),
            unit=unit_in_words(told.evidence.unit),
            is_withdrawn=told.evidence.pk not in still,
        )
        for told in explanation.tell(evidence)
    ]


BY_RESIDENTS = {Evidence.Source.SELF, Evidence.Source.GUARDIAN}


def unit_in_words(unit: str) -> str:
    """Return a unit ("health_officer@area:1") as role and place, "" for none."""
    role, _at, holding = unit.partition("@")
    kind, _colon, number = holding.partition(":")
    if role not in ROLES or not number.isdigit():
        return unit
    place = (Organisation if kind == "organisation" else Area).objects.filter(pk=int(number)).first()
    return f"{ROLES[role].title} · {place}" if place else str(ROLES[role].title)


def history(appeal: Appeal) -> QuerySet[CodeChange]:
    """Return the last changes of the person's code."""
    return queries.changes_of(appeal.person).order_by("-at", "-id")[:CHANGES]


def reason_choices(person: Person) -> list[tuple[str, object]]:
    """Return what can be contested: the open reasons by name, and the code as a whole."""
    rules = dict.fromkeys(reason.rule for reason in queries.reasons_of(person))
    words = explanation.rule_words(rules)
    named: list[tuple[str, object]] = [(rule, words[rule].name if rule in words else rule) for rule in rules]
    return [*named, ("", gettext_lazy("my code as a whole, or something that is not listed"))]


def decisions_on(appeal: Appeal) -> QuerySet[Evidence]:
    """Return the evidence that a decision became."""
    rows = Evidence.objects.filter(person=appeal.person_id, kind=Kind.APPEAL_DECISION, facts__appeal=appeal.pk)
    return rows.order_by("pk")
