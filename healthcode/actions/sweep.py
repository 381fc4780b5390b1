"""The sweep: what time alone changes is written down, so that history, events and dates follow."""

import datetime as dt

from django.db import connection, transaction

from citybrain.core import clock
from healthcode.actions.evaluate import evaluate

# A batch is a transaction of its own: an open write transaction holds other processes back.
BATCH = 500
# Verdicts that have run out: green that expires, and reasons that end by themselves. And, once a day, whoever has
# reasons: a missed check-in moves the date that their page shows, though no evidence comes.
# Whoever is being judged at this moment, by another sweep or by new evidence, is left to that.
_CLAIM = """
SELECT p.id FROM core_person AS p
 WHERE p.id > %(after)s AND p.id IN (
         SELECT person_id FROM healthcode_codestate WHERE valid_until <= %(now)s
          UNION ALL
         SELECT person_id FROM healthcode_codestate WHERE reasons > 0 AND evaluated_at < %(today)s)
 ORDER BY p.id LIMIT %(batch)s
   FOR NO KEY UPDATE SKIP LOCKED
"""


def sweep() -> int:
    """Judge again whom time has changed; return how many codes changed.

    Raises NoRulesError when no rule set is in force.
    """
    changed, after = 0, 0
    while True:
        with transaction.atomic():
            persons = _claim(after)
            if not persons:
                return changed
            changed += len(evaluate(persons=persons, by=None))
        after = persons[-1]


def _claim(after: int) -> list[int]:
    """Lock the next batch of due persons and return their ids."""
    now = clock.now()
    today = dt.datetime.combine(clock.today(), dt.time(), clock.SHANGHAI)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"after": after, "now": now, "today": today, "batch": BATCH})
        return [person for (person,) in cursor.fetchall()]
