"""Newcomers: they sign up by phone, declare for the first time and live here from then on."""

import datetime as dt
import random
import secrets

from citybrain.core import clock, crypto, documents
from citybrain.core.models import User
from citybrain.demo.city.known import COUNTY
from citybrain.demo.life.rhythm import draw_count, hour_of
from citybrain.demo.life.staff import ACCOUNT_PREFIX
from community.models import Building
from healthcode.actions.declare import Answers, Home, Identity, Stay, Trip, declare
from healthcode.kinds import TRANSPORT

SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗", ("芳娜敏静秀英丽艳娟霞燕玲", "伟强磊军洋勇杰涛明超刚平")
A_MINUTE = 0.25
BY_DAY = (8.0, 21.0)
# Phones of the demo's block that the district loaded at first does not reach.
FIRST_PHONE, LAST_PHONE = 19905000000, 19909999999
# Where they come from, with the code of a place on the list of risk areas; how many of fifteen.
ORIGINS: dict[tuple[str, str], int] = {
    ("上海市", ""): 6,
    ("宁波市", ""): 6,
    ("温州市", "330300000000"): 2,
    ("武汉市", "420100000000"): 1,
}
# One in so many lives where the register has no building.
NOT_ON_THE_REGISTER = 12
FLATS = ("1单元101室", "1单元302室", "2单元201室", "2单元502室", "3单元401室")


class Newcomers:
    """So many an hour."""

    def __init__(self, chance: random.Random, rate: float) -> None:
        self._chance, self._rate = chance, rate

    def turn(self, now: dt.datetime, seconds: float) -> None:
        """Let those arrive who come in so many seconds."""
        if BY_DAY[0] <= hour_of(now) < BY_DAY[1]:
            for _one in range(draw_count(self._chance, A_MINUTE * self._rate * seconds / 60)):
                self._arrive()

    def _arrive(self) -> None:
        phone = str(self._chance.randint(FIRST_PHONE, LAST_PHONE))
        building = Building.objects.filter(area__is_smoke=False).order_by("?").select_related("estate").first()
        if building is None or User.objects.filter(phone_index__in=crypto.blind_indexes("phone", phone)).exists():
            return
        user = User(username=f"{ACCOUNT_PREFIX}{secrets.token_hex(8)}")
        user.phone_index, user.phone_cipher = crypto.blind_index("phone", phone), crypto.seal("phone", phone)
        user.set_unusable_password()
        user.save()
        is_known = self._chance.randrange(NOT_ON_THE_REGISTER) > 0
        flat = self._chance.choice(FLATS)
        home = Home(building.estate.area_id, building.pk if is_known else None, flat if is_known else f"新建里{flat}")
        declare(user=user, answers=self._answers(home))

    def _answers(self, home: Home) -> Answers:
        (origin, code), today = self._chance.choices(list(ORIGINS), list(ORIGINS.values()))[0], clock.today()
        return Answers(
            identity=self._identity(),
            home=home,
            trip=Trip(origin, today, self._chance.choice(TRANSPORT)),
            stays=[Stay(code, today - dt.timedelta(days=9), today)] if code else [],
        )

    def _identity(self) -> Identity:
        sex = self._chance.choice((0, 1))
        name = self._chance.choice(SURNAMES) + "".join(self._chance.choices(GIVEN[sex], k=2))
        born = dt.date(self._chance.randint(1950, 2001), self._chance.randint(1, 12), self._chance.randint(1, 28))
        body = f"{COUNTY}{born:%Y%m%d}{self._chance.randrange(250, 499) * 2 + sex:03}"
        return Identity(name, documents.Type.RESIDENT_ID, body + documents.check_digit(body))
