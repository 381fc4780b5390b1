"""What becomes known of people: declarations, check-ins, symptoms now and then, tests, cases and releases.

Nobody paints anybody: each fact is evidence, and the code follows.
"""

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from django.db import connection

from citybrain.core import clock
from citybrain.core.models import Membership, Person, User
from citybrain.demo.life.rhythm import draw_count, hour_of
from citybrain.demo.life.town import Dweller, Town
from community.models import HouseholdMember
from healthcode.actions.evidence import record_evidence
from healthcode.kinds import Kind
from healthcode.models import CodeState, Evidence, Reason, State

Source = Evidence.Source
# People are up; the others happen at any hour.
UP, IN_BED = 7.0, 22.0
# Whoever has to check in does so within about so many minutes after getting up, or after this is started.
CHECK_IN_MINUTES = 45.0
TESTS_A_MINUTE, ILL_A_MINUTE, CASES_A_MINUTE = 3.0, 0.15, 0.03
# Fewer fall ill the more have open reasons, and none above this share: the story neither dies out nor runs away.
MOST_WITH_REASONS = 0.05
# A case lasts so long at least, and whoever is found around it stays in for so long.
CASE_LASTS, ISOLATION = dt.timedelta(days=10), dt.timedelta(days=14)
MOST_COLLEAGUES = 4
# What people declare then, with the temperature they measured.
ILLNESSES: tuple[tuple[list[str], float | None], ...] = (
    (["cough"], None),
    (["fever"], 38.1),
    (["fever", "cough"], 37.8),
    (["fatigue"], 36.9),
    (["diarrhoea"], None),
)
LOOK_EVERY = dt.timedelta(minutes=1)
SAMPLE = 200

_DUE = """
SELECT s.person_id FROM healthcode_codestate AS s
 WHERE s.reasons > 0 AND NOT EXISTS (
       SELECT FROM healthcode_evidence AS e
        WHERE e.person_id = s.person_id AND e.kind = 'check_in' AND e.true_at >= %(midnight)s)
   AND NOT EXISTS (SELECT FROM core_user AS u
                    WHERE u.person_id = s.person_id AND NOT starts_with(u.username, 'life-'))
 ORDER BY random() LIMIT %(most)s
"""


class Health:
    """What happens to people's health, so much a minute."""

    def __init__(self, chance: random.Random, rate: float) -> None:
        self._chance, self._rate = chance, rate
        self._due: list[int] = []
        self._looked_at: dt.datetime | None = None

    def know(self, town: Town) -> None:
        """Go on with the people of now."""
        self._town = town
        self._looked_at = None

    def turn(self, now: dt.datetime, seconds: float) -> None:
        """Let happen what happens in so many seconds."""
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._look()
            self._looked_at = now
        is_up = UP <= hour_of(now) < IN_BED
        happenings: tuple[tuple[Callable[[], None], float], ...] = (
            (self._check_in, self._check_ins_a_minute if is_up else 0.0),
            (self._test, TESTS_A_MINUTE if is_up else TESTS_A_MINUTE / 6),
            (self._fall_ill, ILL_A_MINUTE * self._room),
            (self._find_case, CASES_A_MINUTE * self._room),
            (self._release, CASES_A_MINUTE),
        )
        for happens, a_minute in happenings:
            for _time in range(draw_count(self._chance, a_minute * self._rate * seconds / 60)):
                happens()

    def _look(self) -> None:
        self._due = _due_to_check_in()
        self._check_ins_a_minute = len(self._due) / CHECK_IN_MINUTES
        with_reasons = CodeState.objects.filter(reasons__gt=0).count()
        self._room = max(0.0, 1 - with_reasons / (MOST_WITH_REASONS * len(self._town)))

    def _check_in(self) -> None:
        if self._due:
            # At the end of the list, which is in no order.
            _tell(self._due.pop(), Kind.CHECK_IN, {"symptoms": [], "celsius": self._celsius()})

    def _test(self) -> None:
        facts = {"result": "negative", "method": "nucleic_acid"}
        _tell(self._town.anybody(self._chance).person, Kind.TEST_RESULT, facts, Source.LABORATORY)

    def _fall_ill(self) -> None:
        person = self._town.anybody(self._chance).person
        symptoms, celsius = self._chance.choice(ILLNESSES)
        if state_of(person) == State.GREEN and not _has_account(person):
            declare(person, symptoms=symptoms, celsius=celsius)

    def _find_case(self) -> None:
        """Let somebody be found ill: a test, the case, and those around them."""
        dweller = self._town.anybody(self._chance)
        if state_of(dweller.person) == State.RED or _has_account(dweller.person):
            return
        _tell(dweller.person, Kind.TEST_RESULT, {"result": "positive", "method": "nucleic_acid"}, Source.LABORATORY)
        _tell(dweller.person, Kind.CASE, {"status": "confirmed"}, Source.CLINIC)
        _isolate(dweller.person, "hospital")
        for person in self._housemates(dweller):
            _tell(person, Kind.EXPOSURE, {"grade": "close"}, Source.DISEASE_CONTROL)
            _isolate(person, "home")
        for person in self._colleagues(dweller):
            _tell(person, Kind.EXPOSURE, {"grade": "secondary"}, Source.DISEASE_CONTROL)

    def _release(self) -> None:
        """Let the case that has lasted longest get well, once it has lasted long enough."""
        over = clock.now() - CASE_LASTS
        reason = Reason.objects.filter(rule="case", closed_at=None, since__lt=over).order_by("since").first()
        if reason and self._town.find(reason.person_id):
            _tell(reason.person_id, Kind.RELEASED, {"basis": "recovered"}, Source.CLINIC)
            _tell(reason.person_id, Kind.ISOLATION_RELEASE, {}, Source.DISEASE_CONTROL)

    def _housemates(self, dweller: Dweller) -> list[int]:
        home = HouseholdMember.objects.filter(person=dweller.person).values("household")
        return self._ours(HouseholdMember.objects.filter(household__in=home), dweller)

    def _colleagues(self, dweller: Dweller) -> list[int]:
        works = Membership.objects.filter(person=dweller.person).values("organisation")
        found = Membership.objects.filter(organisation__in=works).order_by("?")
        return self._ours(found[: MOST_COLLEAGUES + 1], dweller)[:MOST_COLLEAGUES]

    def _ours(self, members: Any, dweller: Dweller) -> list[int]:
        persons = members.values_list("person_id", flat=True)
        return [person for person in persons if person != dweller.person and self._town.find(person)]

    def _celsius(self) -> float:
        return round(self._chance.uniform(36.0, 36.9), 1)


def state_of(person: int) -> State:
    """Return what somebody's code says now."""
    stored = CodeState.objects.filter(person=person).first()
    return stored.at(clock.now()) if stored else State.NOT_KNOWN


def declare(
    person: int,
    *,
    symptoms: list[str] | None = None,
    celsius: float | None = None,
    source: Source = Source.SELF,
    by: User | None = None,
) -> None:
    """Let somebody declare how they are, or a worker for them."""
    degrees = {} if celsius is None else {"celsius": celsius}
    facts = {"symptoms": symptoms or [], "explained": [], "pledged": True, **degrees}
    _tell(person, Kind.DECLARATION, facts, source, by)


def sample_of_restless(town: Town, chance: random.Random) -> list[int]:
    """Return some whom a gate would not admit, or only with an alert: with open reasons, expired, never declared."""
    drawn = {town.anybody(chance).person for _one in range(SAMPLE)}
    stored = dict(CodeState.objects.filter(person__in=drawn).values_list("person_id", "valid_until"))
    now = clock.now()
    undeclared = [one for one in drawn if one not in stored or ((end := stored[one]) is not None and end <= now)]
    with_reasons = CodeState.objects.filter(reasons__gt=0).order_by("?")[:SAMPLE].values_list("person_id", flat=True)
    return [*undeclared, *with_reasons]


def _due_to_check_in() -> list[int]:
    """Return persons with open reasons who have not checked in today, nobody who tries the demo."""
    midnight = dt.datetime.combine(clock.today(), dt.time(), clock.SHANGHAI)
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"midnight": midnight, "most": SAMPLE * 10})
        return [person for (person,) in cursor.fetchall()]


def _isolate(person: int, place: str) -> None:
    today = clock.today()
    facts = {"place": place, "from": today.isoformat(), "to": (today + ISOLATION).isoformat()}
    _tell(person, Kind.ISOLATION_ORDER, facts, Source.DISEASE_CONTROL)


def _tell(person: int, kind: Kind, facts: dict[str, Any], source: Source = Source.SELF, by: User | None = None) -> None:
    record_evidence(person=Person(pk=person), kind=kind, facts=facts, source=source, by=by)


def _has_account(person: int) -> bool:
    """Whether somebody may be looking at this person's page: nothing is made up about them."""
    return User.objects.filter(person=person).exists()
