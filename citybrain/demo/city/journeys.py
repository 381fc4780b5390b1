"""Who came back into the city in these days, from where and how."""

import datetime as dt

import numpy as np

from citybrain.demo.city.households import ADULT_AGE
from citybrain.demo.city.register import City
from citybrain.demo.city.routines import DAY, HOUR
from citybrain.demo.city.seeds import Part, chance
from citybrain.demo.city.world import Travellers

# Code on the list of risk areas, in words, share of the travellers.
ORIGINS = (
    ("420100000000", "湖北省武汉市", 0.10),
    ("420900000000", "湖北省孝感市", 0.04),
    ("330300000000", "浙江省温州市", 0.16),
    ("", "上海市", 0.18),
    ("", "江苏省南京市", 0.14),
    ("", "安徽省合肥市", 0.14),
    ("", "江西省上饶市", 0.12),
    ("", "浙江省宁波市", 0.12),
)
HIGH_RISK = ("420100000000", "420900000000")
TRANSPORT = (("train", 0.5), ("coach", 0.2), ("car", 0.25), ("plane", 0.05))
SHARE = 0.01
OLDEST = 75
SHORTEST, LONGEST = 3, 15
FIRST_ARRIVAL, LAST_ARRIVAL = 6.5, 20


def draw(city: City, first: dt.date, days: int) -> Travellers:
    """Draw the travellers of so many days from `first` on; nobody is one twice."""
    rng = chance(city.seed, Part.TRAVELLERS)
    age = city.residents.age
    adults = np.flatnonzero((age >= ADULT_AGE) & (age <= OLDEST))
    # The first on the register is the resident whom the demo's visitors sign in as: nothing happens to them by chance.
    adults = adults[adults > 0]
    person = rng.choice(adults, max(round(len(age) * SHARE), 4), replace=False)
    count = len(person)
    origin = rng.choice(len(ORIGINS), count, p=[share for _code, _words, share in ORIGINS])
    transport = rng.choice([name for name, _share in TRANSPORT], count, p=[share for _name, share in TRANSPORT])
    of_day = rng.integers(int(FIRST_ARRIVAL * HOUR), LAST_ARRIVAL * HOUR, count)
    at = np.sort(rng.integers(0, days, count) * DAY + of_day)
    midnight = np.datetime64(first, "s") - np.timedelta64(8 * HOUR, "s")
    arrived = midnight + at.astype("timedelta64[s]")
    left = arrived - (rng.integers(SHORTEST * DAY, LONGEST * DAY, count)).astype("timedelta64[s]")
    codes = np.array([code for code, _words, _share in ORIGINS])[origin]
    words = np.array([words for _code, words, _share in ORIGINS])[origin]
    return Travellers(person, codes, words, transport, left, arrived)
