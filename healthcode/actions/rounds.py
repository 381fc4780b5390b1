"""Rounds: everybody of whom something is known is judged anew when other rules come in force, chunk by chunk."""

import datetime as dt
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import connection, transaction

from citybrain.core import clock, turns
from healthcode import replay
from healthcode.actions import evaluate
from healthcode.models import Round, RoundChunk, RuleActivation

TURN = b"healthcode.rounds"
# Who was judged this long after a round began was judged by the rules in force: an evaluation reads them before it has
# its turn at a person, and none waits that long.
SETTLED = dt.timedelta(minutes=1)
_KNOWN = "SELECT person_id FROM healthcode_codestate UNION SELECT person_id FROM healthcode_evidence"
_CUT = f"""
INSERT INTO healthcode_roundchunk (round_id, first, last, changed)
SELECT %(round)s, min(person_id), max(person_id), 0
  FROM (SELECT person_id, (row_number() OVER (ORDER BY person_id) - 1) / %(size)s AS number
          FROM ({_KNOWN}) AS known) AS numbered
 GROUP BY number
"""  # noqa: S608 (the part stands here)
# Those of a chunk of whom something is known, and who have not been judged since.
_PERSONS = """
SELECT p.id FROM core_person AS p LEFT JOIN healthcode_codestate AS s ON s.person_id = p.id
 WHERE p.id BETWEEN %(first)s AND %(last)s AND (s.evaluated_at < %(settled)s OR s.person_id IS NULL
       AND EXISTS (SELECT FROM healthcode_evidence AS e WHERE e.person_id = p.id))
 ORDER BY p.id
"""


def begin_due_rounds() -> list[Round]:
    """Begin the rounds that are due, and return all that have work to do.

    One is due when an activation has come in force, and when a rule of it begins or ends by its own dates. Whoever was
    judged by the first rules of an installation was judged by no others before, so those need none.
    """
    now = clock.now()
    with transaction.atomic():
        turns.take(TURN)
        in_force = RuleActivation.objects.filter(valid_from__lte=now).select_related("rule_set")
        newest = in_force.order_by("-valid_from", "-id").first()
        if newest is not None:
            _begin_due(newest, now, is_first=in_force.count() == 1)
    return list(Round.objects.filter(begun_at__isnull=False, done_at=None))


def begin_round() -> Round:
    """Begin a round that somebody asked for on the command line."""
    with transaction.atomic():
        turns.take(TURN)
        now = clock.now()
        return _begin(Round(because=Round.Because.COMMAND, at=now), now)


def work(round_id: int, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Claim and do chunks of a round until none is left; return how many codes changed.

    Several may work at once. The chunk of a worker that dies is free again with its transaction. `goes_on` is asked
    before each chunk.
    """
    changed = 0
    while goes_on() and (done := _work_chunk(round_id)) is not None:
        changed += done
    rest = RoundChunk.objects.filter(round=round_id, done_at=None)
    if not rest.exists():
        Round.objects.filter(pk=round_id, done_at=None).update(done_at=clock.now())
    return changed


def _begin_due(activation: RuleActivation, now: dt.datetime, *, is_first: bool) -> None:
    """Begin what has not begun: the round of the activation, then that of the latest edge of its rules' own dates."""
    rounds = Round.objects.filter(activation=activation)
    if not is_first and not rounds.filter(because=Round.Because.RULES).exists():
        _begin(Round(because=Round.Because.RULES, activation=activation, at=activation.valid_from), now)
        return
    edge = max((edge for edge in edges(activation) if edge <= now), default=None)
    begun = rounds.filter(begun_at__gte=edge) if edge else rounds
    if edge and not begun.exists():
        _begin(Round(because=Round.Because.RULE_DATES, activation=activation, at=edge), now)


def edges(activation: RuleActivation) -> Iterator[dt.datetime]:
    """Return the instants after the activation at which one of its rules begins or ends by its own dates."""
    for rule in activation.rule_set.body["rules"]:
        for name in ("valid_from", "valid_to"):
            if name in rule:
                edge = dt.datetime.combine(dt.date.fromisoformat(rule[name]), dt.time(), clock.SHANGHAI)
                if edge > activation.valid_from:
                    yield edge


def _begin(new: Round, now: dt.datetime) -> Round:
    """Cut a round into chunks. It takes in what others had not finished: everybody is judged by what holds now."""
    open_rounds = Round.objects.filter(done_at=None)
    RoundChunk.objects.filter(round__in=open_rounds, done_at=None).delete()
    open_rounds.update(done_at=now)
    new.begun_at = now
    new.save()
    with connection.cursor() as cursor:
        cursor.execute(_CUT, {"round": new.pk, "size": settings.ROUND_CHUNK})
    return new


def _work_chunk(round_id: int) -> int | None:
    """Do one chunk in a transaction of its own; return how many codes changed, None when none is free."""
    with transaction.atomic():
        free = RoundChunk.objects.select_for_update(skip_locked=True, of=("self",)).select_related("round")
        chunk = free.filter(round=round_id, done_at=None).order_by("first").first()
        if chunk is None:
            return None
        chunk.changed = len(_judge(chunk))
        chunk.done_at = clock.now()
        chunk.save(update_fields=["changed", "done_at"])
        return chunk.changed


def _judge(chunk: RoundChunk) -> list[evaluate.Change]:
    begun_at = chunk.round.begun_at or chunk.round.at
    with connection.cursor() as cursor:
        cursor.execute(_PERSONS, {"first": chunk.first, "last": chunk.last, "settled": f"{begun_at + SETTLED}"})
        persons = [person for (person,) in cursor.fetchall()]
    if not persons:
        return []
    activations = replay.lock(persons, clock.now())
    return evaluate.write(persons, clock.now(), activations, by=None)
