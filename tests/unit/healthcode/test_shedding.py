"""Of what asks the database, only so much at once: the others are sent away at once, and nobody waits."""

import logging
import threading
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from healthcode import shedding

ASKED = 10


def _ask(view: Any) -> HttpResponse:
    answer: HttpResponse = view(RequestFactory().get("/code/more/"))
    return answer


def test_of_many_at_once_no_more_are_let_in_than_the_setting_says(settings: Any) -> None:
    settings.CODE_MORE_AT_ONCE = 3
    inside, go_on = threading.Semaphore(0), threading.Event()
    answers: list[int] = []

    @shedding.shed("CODE_MORE_AT_ONCE")
    def slow(_request: HttpRequest) -> HttpResponse:
        inside.release()
        go_on.wait(10)
        return HttpResponse()

    let_in = [threading.Thread(target=lambda: answers.append(_ask(slow).status_code)) for _number in range(3)]
    for one in let_in:
        one.start()
        assert inside.acquire(timeout=10)
    sent_away = [_ask(slow) for _number in range(ASKED)]
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in sent_away] == [(503, "30")] * ASKED
    assert not inside.acquire(blocking=False)
    go_on.set()
    for one in let_in:
        one.join()
    assert answers == [200] * 3
    assert _ask(slow).status_code == 200


@pytest.mark.parametrize("fault", [OperationalError, ValueError])
def test_a_place_is_given_back_whatever_happens_and_only_a_missing_database_is_answered(
    fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    @shedding.shed("CODE_MORE_AT_ONCE")
    def failing(_request: HttpRequest) -> HttpResponse:
        raise fault

    for _number in range(ASKED):
        if fault is OperationalError:
            with caplog.at_level(logging.WARNING):
                assert _ask(failing).status_code == 503
        else:
            with pytest.raises(ValueError):
                _ask(failing)
    assert ("no database for /code/more/" in caplog.text) == (fault is OperationalError)
