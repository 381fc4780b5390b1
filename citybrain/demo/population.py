"""The demo's people: households in estates of two communities, the same for the same seed.

Identity numbers use the never-assigned county 330199 and phones the block 199 0000, so that none belongs to anyone.
"""

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from citybrain.core import documents

COUNTY = "330199"
FIRST_PHONE = 19900000001
# The day the demo's story begins: ages are counted from here.
TODAY = dt.date(2020, 2, 11)
ADULT_AGE = 18
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程苏魏吕丁任沈姚卢傅钟姜崔谭廖范汪"
    "陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武戚莫孔汤"
)
GIVEN_MALE = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢阳建国志文海云峰亮东"
GIVEN_FEMALE = "芳娜敏静秀英丽艳娟霞燕玲桂婷雪琳莹倩颖洁慧红梅兰萍晶琴云莲真环雁薇菲寒露婉姣"
# Share of households with one to five members.
HOUSEHOLD_SIZES = (0.22, 0.30, 0.28, 0.13, 0.07)
BUILDINGS_AN_ESTATE = 9
UNITS = 2
FLOORS = 6
FLATS_A_FLOOR = 2


@dataclass(frozen=True)
class DemoPerson:
    """A person to be."""

    ref: uuid.UUID
    name: str
    sex: str
    born_on: dt.date
    id_number: str
    phone: str
    relation: str

    @property
    def age(self) -> int:
        """Full years on TODAY."""
        return TODAY.year - self.born_on.year - ((TODAY.month, TODAY.day) < (self.born_on.month, self.born_on.day))


@dataclass(frozen=True)
class DemoRoom:
    """A flat and the household in it; empty flats have no members."""

    unit: int
    floor: int
    number: str
    members: list[DemoPerson] = field(default_factory=list)


class Population:
    """Draws people; equal seeds draw equal people."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (a story, not a secret)
        self._next_phone = FIRST_PHONE
        self._serials: dict[dt.date, int] = {}

    def rooms(self) -> Iterator[tuple[int, int, str]]:
        """Yield (unit, floor, number) of every flat of one building."""
        for unit in range(1, UNITS + 1):
            for floor in range(1, FLOORS + 1):
                for flat in range(1, FLATS_A_FLOOR + 1):
                    yield unit, floor, f"{floor}0{flat}"

    def household(self) -> list[DemoPerson]:
        """Return the members of one household, its head first."""
        size = self._random.choices(range(1, 6), HOUSEHOLD_SIZES)[0]
        surname = self._random.choice(SURNAMES)
        head_age = self._random.randint(24, 82)
        head = self._person(surname, self._random.choice("12"), head_age, "head", None)
        members = [head]
        if size > 1:
            other = "1" if head.sex == "2" else "2"
            spouse_age = max(ADULT_AGE + 4, head_age + self._random.randint(-5, 5))
            members.append(self._person(self._random.choice(SURNAMES), other, spouse_age, "spouse", None))
        members += [self._further_member(surname, head_age, head.phone) for _extra in range(size - 2)]
        return members

    def _further_member(self, surname: str, head_age: int, head_phone: str) -> DemoPerson:
        """Return a child, or a parent of a younger head; children share the head's phone."""
        sex = self._random.choice("12")
        if head_age < 50 and self._random.random() < 0.25:  # noqa: PLR2004 (the story's own figures)
            return self._person(surname, sex, head_age + self._random.randint(23, 32), "parent", None)
        age = max(0, head_age - self._random.randint(23, 36))
        return self._person(surname, sex, age, "child", head_phone if age < ADULT_AGE else None)

    def _person(self, surname: str, sex: str, age: int, relation: str, phone: str | None) -> DemoPerson:
        given = GIVEN_MALE if sex == "1" else GIVEN_FEMALE
        name = surname + "".join(self._random.choices(given, k=self._random.choice((1, 2, 2))))
        born = dt.date(TODAY.year - age, self._random.randint(1, 12), self._random.randint(1, 28))
        if born > TODAY:
            born = born.replace(year=TODAY.year - 1)
        if phone is None:
            phone = str(self._next_phone)
            self._next_phone += 1
        ref = uuid.UUID(int=self._random.getrandbits(128), version=4)
        return DemoPerson(ref, name, sex, born, self._id_number(born, sex), phone, relation)

    def _id_number(self, born: dt.date, sex: str) -> str:
        """Return a valid number of the never-assigned county; the 17th place is odd for men."""
        serial = self._serials.get(born, 0) + 1
        self._serials[born] = serial
        body = f"{COUNTY}{born:%Y%m%d}{serial * 2 + (1 if sex == '1' else 0):03}"
        return body + documents.check_digit(body)
