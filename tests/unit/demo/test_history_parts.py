"""The demo's history: rounds of judging, and alerts as they open, count and close."""

import datetime as dt
import itertools

import numpy as np

from citybrain.demo.history import codes, drawing
from citybrain.demo.history.alarms import Call, District
from citybrain.demo.history.staff import Staff

NOON = dt.datetime(2020, 2, 20, 4, tzinfo=dt.UTC)
GRID, WORKER, VERIFIER = 7, 21, 22


def follow(*minutes_ago: float, stage: str = "", verifiers: tuple[int, ...] = (VERIFIER,), seed: int = 1) -> list[str]:
    """Return each alert about one person who was refused so many minutes ago: its count and where its order stands."""
    calls = [
        Call("refused_at_gate", "person:1", 1, GRID, "市场", "red", NOON - dt.timedelta(minutes=ago), stage)
        for ago in minutes_ago
    ]
    staff = Staff(worker={GRID: WORKER}, verifiers={GRID: list(verifiers)}, guard={})
    alarms = District(np.random.default_rng(seed), staff, NOON).follow(calls)
    for alarm in alarms:
        times = [alarm.opened_at, *(step.at for step in alarm.steps)]
        assert times == sorted(times)
        assert times[-1] <= NOON
        assert {step.by for step in alarm.steps if step.after == "closed"} <= {VERIFIER}
    for one, other in itertools.pairwise(alarms):
        assert one.closed_at
        assert other.opened_at >= one.closed_at
    return [f"{alarm.count} {alarm.state}" for alarm in alarms]


def test_what_happens_again_while_an_alert_is_open_is_counted_in_it() -> None:
    assert follow(600, 599.5, 599) == ["3 closed"]
    assert follow(600, 60 * 48) == ["1 closed", "1 closed"]


def test_what_happened_after_the_report_is_raised_anew_when_the_order_is_closed() -> None:
    found = [follow(1000, *range(920, 1000, 1), seed=seed) for seed in range(6)]
    assert all(len(one) > 1 for one in found)
    assert all(one[-1].endswith("closed") for one in found)


def test_an_order_is_held_where_its_work_is_said_to_stand() -> None:
    for stage in ("open", "accepted", "arrived", "reported", "returned"):
        assert follow(30, stage=stage) == [f"1 {stage}"]


def test_where_nobody_else_can_verify_an_order_stays_open() -> None:
    assert follow(600, verifiers=(WORKER,)) == ["1 open"]


def test_rounds_keep_any_two_instants_of_a_person_apart_and_end_with_the_day() -> None:
    rng = np.random.default_rng(3)
    now = drawing.instant(NOON)
    person = rng.integers(0, 40, 600)
    at = now - rng.integers(0, 5 * 86400, 600).astype("timedelta64[s]")
    todo = codes.plan(person, np.concatenate([at[:-1], at[:1]]), now)
    assert (todo.at <= todo.judged_at).all()
    assert (todo.judged_at <= now).all()
    assert (drawing.day_of(todo.at) == drawing.day_of(todo.judged_at)).all()
    assert len(set(zip(todo.person.tolist(), todo.judged_at.tolist(), strict=True))) == len(todo.person)
    assert (np.diff(todo.judged_at) >= np.timedelta64(0)).all()
