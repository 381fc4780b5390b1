import datetime as dt
import random
import statistics

import pytest

from citybrain.core import clock
from citybrain.demo.life.rhythm import draw_count, passes_a_second


@pytest.mark.parametrize(("hour", "passes"), [(3, 1.0), (8, 4.0), (12, 2.2), (17.75, 4.0), (23.9, 1.0)])
def test_a_day_has_two_peaks_and_never_sleeps(hour: float, passes: float) -> None:
    at = dt.datetime(2020, 2, 12, tzinfo=clock.SHANGHAI) + dt.timedelta(hours=hour)
    assert passes_a_second(at) == pytest.approx(passes, abs=0.15)


def test_counts_are_as_many_as_expected_on_average_and_none_where_none_is() -> None:
    chance = random.Random(1)
    assert statistics.mean(draw_count(chance, 0.7) for _draw in range(5000)) == pytest.approx(0.7, abs=0.05)
    assert draw_count(chance, 0.0) == 0
