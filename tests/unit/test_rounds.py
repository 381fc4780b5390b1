"""The frame of benchmarks: turns, medians, ratios, and no figure when an answer was not 2xx."""

from collections.abc import Iterator

import pytest

from bench import client, rounds
from bench.rounds import RefusedError, Turn

UNITS = {"fast": "a second", "slow": "a second"}


def test_every_contestant_has_its_turn_in_each_round_and_another_one_begins() -> None:
    order: list[str] = []

    def of(name: str) -> rounds.Contestant:
        def turn() -> Turn:
            order.append(name)
            return Turn(10, 1, {200: 10})

        return turn

    rates = rounds.take_turns({name: of(name) for name in "abc"}, rounds=6)
    assert "".join(order) == "abcbcacab" * 2
    assert rates == {name: [10.0] * 6 for name in "abc"}


def test_medians_are_compared_so_that_one_bad_round_changes_nothing() -> None:
    rates = {"fast": [100.0, 100, 1, 110, 90], "slow": [50.0, 50, 50, 9000, 40]}
    told = "\n".join(rounds.lines(rates, UNITS, "slow"))
    assert "fast  median      100 a second  (from 1 to 110 in 5 rounds)" in told
    assert "fast / slow: 2.00" in told


@pytest.mark.parametrize("statuses", [{200: 9, 500: 1}, {302: 10}, {404: 10}, {200: 9, 0: 1}, {199: 1}, {300: 1}])
def test_one_answer_other_than_2xx_and_there_is_no_figure(statuses: dict[int, int]) -> None:
    turns: Iterator[Turn] = iter([Turn(10, 1, {200: 10, 204: 1})] * 3 + [Turn(10, 1, statuses)])
    with pytest.raises(RefusedError, match="other than 2xx"):
        rounds.take_turns({"one": lambda: next(turns)})
    assert not list(turns)


@pytest.mark.parametrize("turn", [Turn(0, 1), Turn(1, 0)])
def test_a_turn_in_which_nothing_was_done_is_no_figure(turn: Turn) -> None:
    with pytest.raises(RefusedError):
        rounds.take_turns({"one": lambda: turn})


def test_fewer_than_five_rounds_are_refused_before_anything_runs() -> None:
    with pytest.raises(RefusedError, match="too few"):
        rounds.take_turns({"one": pytest.fail}, rounds=4)


def test_the_machine_is_named_with_its_cores_and_versions() -> None:
    told = rounds.machine("15.8")
    assert "cores" in told
    assert "Python 3." in told
    assert "PostgreSQL 15.8" in told


def test_a_request_is_written_as_http_wants_it() -> None:
    sent = client.request("POST", "/x", headers={"Cookie": "a=b"}, body=b"{}")
    assert sent == b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: a=b\r\nContent-Length: 2\r\n\r\n{}"
