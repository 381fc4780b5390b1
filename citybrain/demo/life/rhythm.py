"""How busy the district is: a day with two peaks on the way to work and back, which never sleeps."""

import datetime as dt
import math
import random

from citybrain.core import clock

# Passes a second.
AT_NIGHT, BY_DAY, AT_THE_PEAK = 1.0, 2.2, 4.0
DAY_BEGINS, DAY_ENDS = 6.0, 22.5
PEAKS = (8.0, 17.75)
PEAK_HOURS = 0.7
# The day comes and goes within about this many hours.
DUSK_HOURS = 0.5


def hour_of(at: dt.datetime) -> float:
    """Return the hour of the day in Shanghai, with its fraction."""
    here = at.astimezone(clock.SHANGHAI)
    return here.hour + here.minute / 60 + here.second / 3600


def passes_a_second(at: dt.datetime) -> float:
    """Return how many people stand at a gate in a second."""
    hour = hour_of(at)
    daylight = _rises(hour - DAY_BEGINS) * _rises(DAY_ENDS - hour)
    peak = max(math.exp(-(((hour - at_peak) / PEAK_HOURS) ** 2) / 2) for at_peak in PEAKS)
    return AT_NIGHT + daylight * ((BY_DAY - AT_NIGHT) + (AT_THE_PEAK - BY_DAY) * peak)


def draw_count(chance: random.Random, mean: float) -> int:
    """Draw how often something happens in a short time in which it happens `mean` times on average (Poisson)."""
    count, left = -1, 1.0
    limit = math.exp(-mean)
    while left >= limit:
        left *= chance.random()
        count += 1
    return count


def _rises(hours: float) -> float:
    return 1 / (1 + math.exp(-hours / DUSK_HOURS * 4))
