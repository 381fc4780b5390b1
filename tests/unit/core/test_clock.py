import datetime as dt

import pytest

from citybrain.core import clock


def test_today_is_the_date_in_shanghai_not_in_utc() -> None:
    with clock.at(dt.datetime(2020, 2, 10, 16, 30, tzinfo=dt.UTC)):
        assert clock.today() == dt.date(2020, 2, 11)


def test_the_clock_stands_still_inside_the_block_and_runs_after_it() -> None:
    moment = dt.datetime(2020, 2, 11, tzinfo=dt.UTC)
    with clock.at(moment):
        assert clock.now() == moment
    assert clock.now() > moment


def test_the_clock_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="aware"), clock.at(dt.datetime(2020, 2, 11)):  # noqa: DTZ001 (the point)
        pass
