"""Trying rules out on the real residents: what would change, counted in chunks; nothing about anybody is written."""

import datetime as dt
import logging
from collections.abc import Callable, Container

from django.conf import settings
from django.db import OperationalError, connection, transaction

from citybrain.core import audit, clock, turns
from citybrain.core.models import Area, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import replay
from healthcode.models import RuleSet, Trial
from healthcode.trial_figures import Figures, Subject

log = logging.getLogger(__name__)

TURN = b"healthcode.trial"
UNFINISHED = (Trial.State.WAITING, Trial.State.RUNNING)
# Everybody of whom something is known, but for test walks.
_KNOWN = """
  FROM core_person AS p JOIN core_area AS a ON a.id = p.area_id AND NOT a.is_smoke
 WHERE (EXISTS (SELECT FROM healthcode_codestate AS s WHERE s.person_id = p.id)
        OR EXISTS (SELECT FROM healthcode_evidence AS e WHERE e.person_id = p.id))
"""
_NEXT = f"SELECT p.id, a.path, p.born_on {_KNOWN} AND p.id > %(after)s ORDER BY p.id LIMIT %(chunk)s"
_COUNT = f"SELECT count(*) {_KNOWN}"


def try_out(*, rule_set: RuleSet, risk_list: int, by: User) -> Trial:
    """Ask for a trial of rules with a version of the list of risk areas, at the state of this moment.

    One of the same that is not finished is returned in its place: each costs as much as judging the whole city twice.
    """
    now = clock.now()
    with transaction.atomic():
        turns.take(TURN)
        same = Trial.objects.filter(rule_set=rule_set, risk_list=risk_list, state__in=UNFINISHED).first()
        if same is not None:
            return same
        trial = Trial.objects.create(
            rule_set=rule_set, risk_list=risk_list, asked_by=by.pk, asked_at=now, judged_at=now
        )
        detail = {"rule_set": rule_set.pk, "risk_list": risk_list}
        audit.record(Deed.TRY_RULES, by=by, under=Act.PROPOSE_RULES, target=f"trial:{trial.pk}", detail=detail)
    return trial


def work(goes_on: Callable[[], bool] = lambda: True) -> int:
    """Carry the trials on that are asked for, the oldest first; return how many persons were judged.

    A trial whose worker died goes on where it stood. `goes_on` is asked before each chunk.
    """
    judged = 0
    for pk in Trial.objects.filter(state__in=UNFINISHED).order_by("asked_at", "id").values_list("pk", flat=True):
        while goes_on() and (done := _try_chunk(pk)) is not None:
            judged += done
    return judged


def forget_samples() -> int:
    """Drop the samples of trials that nobody can propose any more; the counts stay. Return of how many."""
    old = Trial.objects.filter(asked_at__lt=clock.now() - settings.TRIAL_SAMPLE_KEEP).exclude(sample=[])
    return old.update(sample=[])


def _try_chunk(pk: int) -> int | None:
    """Judge the next persons of a trial; return how many, None when it is over or another worker is at it."""
    try:
        return _chunk(pk)
    except OperationalError:
        # The database went away or is busy; the trial goes on another time.
        raise
    except Exception:
        log.exception("trial %s failed", pk)
        Trial.objects.filter(pk=pk, state__in=UNFINISHED).update(state=Trial.State.FAILED, done_at=clock.now())
        return None


def _chunk(pk: int) -> int | None:
    with transaction.atomic():
        trial = _claim(pk)
        if trial is None:
            return None
        if trial.judged_at < clock.now() - settings.TRIAL_LIFE:
            trial.state, trial.done_at = Trial.State.FAILED, clock.now()
            trial.save(update_fields=["state", "done_at"])
            return None
        subjects = _next(trial)
        _judge(trial, subjects)
        trial.save(update_fields=["state", "persons", "judged", "changed", "done_at", "tallies", "sample"])
        return len(subjects) or None


def _claim(pk: int) -> Trial | None:
    waiting = Trial.objects.select_for_update(skip_locked=True, of=("self",)).select_related("rule_set")
    trial = waiting.filter(pk=pk, state__in=UNFINISHED).first()
    if trial is not None and trial.state == Trial.State.WAITING:
        trial.state = Trial.State.RUNNING
        with connection.cursor() as cursor:
            cursor.execute(_COUNT)
            trial.persons = cursor.fetchone()[0]
    return trial


def _next(trial: Trial) -> list[Subject]:
    values = {"after": trial.tallies.get("reached", 0), "chunk": settings.TRIAL_CHUNK}
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, values)
        rows = cursor.fetchall()
    streets = set(Area.objects.filter(level=Area.Level.STREET).values_list("pk", flat=True))
    return [Subject(pk, _street(path, streets), _age(born_on, trial.judged_at)) for pk, path, born_on in rows]


def _judge(trial: Trial, subjects: list[Subject]) -> None:
    """Add what the trial's rules would change for these persons; without any, the trial is done."""
    if not subjects:
        trial.state, trial.done_at = Trial.State.DONE, clock.now()
        trial.persons = trial.judged
        return
    before, after = compared(trial)
    ids = [subject.person for subject in subjects]
    was = replay.judge(ids, at=trial.judged_at, by=before)
    would = replay.judge(ids, at=trial.judged_at, by=after)
    figures = Figures(trial.tallies, trial.sample)
    for subject in subjects:
        figures.add(subject, was[subject.person], would[subject.person])
    trial.tallies["reached"] = ids[-1]
    trial.judged += len(ids)
    trial.persons = max(trial.persons, trial.judged)
    trial.changed = figures.changed


def compared(trial: Trial) -> tuple[replay.Activation, replay.Activation]:
    """Return the rules in force when a trial was asked for, and those that it tries."""
    at, tried = trial.judged_at, trial.rule_set
    return (
        replay.activations(at).in_force(at),
        replay.Activation(tried.pk, tried.digest, trial.risk_list, at),
    )


def _street(path: str, streets: Container[int]) -> int | None:
    return next((int(one) for one in path.strip("/").split("/") if int(one) in streets), None)


def _age(born_on: dt.date | None, at: dt.datetime) -> int | None:
    if born_on is None:
        return None
    day = at.astimezone(clock.SHANGHAI).date()
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))
