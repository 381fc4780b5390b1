"""What bench.reevaluate judges: a city of residents who have all declared; imported once settings are ready."""

import copy
import datetime as dt
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import QuerySet

from bench.rounds import RefusedError, Turn
from citybrain.core import clock
from healthcode.actions import rounds
from healthcode.actions.rules import activate, store_rules
from healthcode.models import CodeChange, CodeState, RoundChunk, RuleSet
from tests.codes import BODY

# Of one statement of bulk_update: with fewer or more it is slower.
ORM_BATCH = 100
# What a code says by the one rules, and by the others.
OTHER = {"green": "expired", "expired": "green"}


class _RollBackError(Exception):
    """Undoes what the ORM wrote: the next turn begins where this one did."""


@dataclass
class City:
    """Residents who have all declared, and two rule sets that tell each of them different things."""

    persons: int
    workers: int
    sample: int
    rules: list[RuleSet] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)

    def settle(self, grid: int) -> None:
        """Enter residents and declarations by SQL, and judge everybody once."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_person (ref, name, name_sort, sex, area_id, address)"
                " SELECT gen_random_uuid(), '居民', 'jumin', '0', %s, number || '室'"
                " FROM generate_series(1, %s) AS number",
                [grid, self.persons],
            )
            cursor.execute(
                "INSERT INTO healthcode_evidence (person_id, kind, true_at, known_at, source, facts)"
                " SELECT id, 'declaration', now() - interval '3 days', now() - interval '3 days', 'self',"
                """ '{"symptoms": [], "explained": [], "pledged": true}' FROM core_person"""
            )
            cursor.execute("ANALYZE core_person, healthcode_evidence")
        for days in (14, 1):
            body = copy.deepcopy(BODY) | {"version": f"{days} days", "declaration": {"fresh_days": days}}
            self.rules.append(store_rules(body))
        self._put_in_force()
        rounds.work(rounds.begin_round().pk)

    def judge(self, goes_on: Callable[[], bool] = lambda: True) -> Turn:
        """Put the other rules in force and judge everybody by them."""
        self._put_in_force()
        begun = time.perf_counter()
        number = rounds.begin_round().pk
        threads = [threading.Thread(target=self._work, args=[number, goes_on]) for _worker in range(self.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - begun
        changed = sum(RoundChunk.objects.filter(round=number).values_list("changed", flat=True))
        if goes_on() and changed < self.persons:
            raise RefusedError(f"{changed} codes changed, of {self.persons} residents")
        return Turn(changed, seconds)

    def write_by_orm(self) -> Turn:
        """Let the ORM write the same change of a part of the residents, and undo it."""
        now, rules = clock.now(), self.rules[0]
        states = list(_turning().order_by("pk")[: self.sample])
        changes = [
            CodeChange(person_id=one.pk, before=one.state, after=OTHER[one.state], at=now, rule_set=rules)
            for one in states
        ]
        for one in states:
            one.state, one.since, one.valid_until, one.evaluated_at = OTHER[one.state], now, now, now
            one.rule_set_id = rules.pk
        fields = ["state", "since", "valid_until", "reasons", "rule_set", "evaluated_at"]
        with suppress(_RollBackError), transaction.atomic():
            begun = time.perf_counter()
            CodeState.objects.bulk_update(states, fields, batch_size=ORM_BATCH)
            CodeChange.objects.bulk_create(changes, batch_size=ORM_BATCH)
            seconds = time.perf_counter() - begun
            raise _RollBackError
        return Turn(len(states), seconds)

    def _put_in_force(self) -> None:

        activate(rule_set=self.rules[0], risk_list=0, valid_from=clock.now() - dt.timedelta(seconds=1), by=[])
        self.rules.reverse()

    def _work(self, number: int, goes_on: Callable[[], bool]) -> None:
        """Work as one of the workers does, and note how long each chunk, and so its locks, are held."""
        marks: list[float] = []

        def mark() -> bool:
            marks.append(time.perf_counter())
            return goes_on()

        try:
            rounds.work(number, mark)
        finally:
            connection.close()
        self.holds += [after - before for before, after in itertools.pairwise(marks)]


def _turning() -> QuerySet[CodeState]:
    """Return the codes that the other rules can change; those of the gates' small district may be red."""
    return CodeState.objects.filter(state__in=OTHER)
