"""What the register holds of each person: reference, name, birth date, identity number, phone, sealed."""

import datetime as dt
import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citybrain.core import crypto, documents, names
from citybrain.core.models import Document, Person, Phone
from citybrain.demo.city.households import HEAD, MALE, SURNAMES, Households
from citybrain.demo.city.known import COUNTY, FIRST_PHONE
from citybrain.demo.city.tables import Table
from citybrain.demo.city.world import Ints

GIVEN_MALE = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢阳建国志文海云峰亮东"
GIVEN_FEMALE = "芳娜敏静秀英丽艳娟霞燕玲桂婷雪琳莹倩颖洁慧红梅兰萍晶琴云莲真环雁薇菲寒露婉姣"
# From this age on one has a phone of one's own.
PHONE_AGE = 14
DAYS_A_YEAR = 365.2425
# The serial has three places of which the last tells the sex.
SERIALS_A_DAY = 499
_WEIGHTS = np.array([2**exponent % 11 for exponent in range(17, 0, -1)])
_CHECK_DIGITS = np.array(list("10X98765432"))


@dataclass(frozen=True)
class People:
    """The persons to be, one entry each."""

    refs: list[str]
    names: list[str]
    sexes: Ints
    born_on: NDArray[np.datetime64]
    id_numbers: list[str]
    phones: list[str]

    def tables(self, area: Ints, addresses: list[str]) -> list[Table]:
        """Return the rows of persons, documents and phones; sealing takes most of the time."""
        kind = documents.Type.RESIDENT_ID.value
        owned = list(zip(self.refs, self.id_numbers, self.phones, strict=True))
        columns = {"ref": self.refs, "name": self.names, "name_sort": _sort_keys(self.names)}
        facts = {"sex": self.sexes, "born_on": np.datetime_as_string(self.born_on), "area_id": area}
        ids = np.arange(1, len(self.refs) + 1)
        return [
            Table(Person, {**columns, **facts, "address": addresses}),
            Table(
                Document,
                {
                    "person_id": ids,
                    "type": [kind] * len(ids),
                    "number_cipher": [crypto.seal("document", number, owner=ref) for ref, number, _phone in owned],
                    "number_index": [crypto.blind_index(kind, number) for number in self.id_numbers],
                },
            ),
            Table(
                Phone,
                {
                    "person_id": ids,
                    "number_cipher": [crypto.seal("phone", phone, owner=ref) for ref, _number, phone in owned],
                    "number_index": [crypto.blind_index("phone", phone) for phone in self.phones],
                    "last_four": [phone[-4:] for phone in self.phones],
                },
            ),
        ]


def draw(rng: np.random.Generator, households: Households, day: dt.date) -> People:
    """Give everyone a reference, a name, a birth date before `day`, an identity number and a phone."""
    count = len(households.age)
    raw = rng.bytes(16 * count)
    refs = [str(uuid.UUID(bytes=raw[at : at + 16], version=4)) for at in range(0, len(raw), 16)]
    ages = np.round(households.age * DAYS_A_YEAR).astype(np.int64) + rng.integers(1, 365, count)
    born_on = np.datetime64(day, "D") - ages
    return People(
        refs,
        _names(rng, households),
        households.sex,
        born_on,
        id_numbers(born_on, households.sex),
        _phones(households),
    )


def id_numbers(born_on: NDArray[np.datetime64], sexes: Ints) -> list[str]:
    """Return valid numbers of the never-assigned county, each one once; the 17th place is odd for men."""
    key = born_on.astype(np.int64) * 2 + (sexes == MALE)
    order = np.argsort(key, kind="stable")
    starts = np.concatenate(([True], key[order][1:] != key[order][:-1]))
    ranks = np.empty(len(key), dtype=np.int64)
    positions = np.arange(len(key))
    ranks[order] = positions - np.maximum.accumulate(np.where(starts, positions, 0))
    if len(key) and ranks.max() >= SERIALS_A_DAY:
        raise ValueError("more people were born on one day than there are serial numbers: load fewer residents")
    days = np.char.replace(np.datetime_as_string(born_on), "-", "").astype(np.int64)
    serials = (ranks + 1) * 2 + (sexes == MALE)
    bodies = int(COUNTY) * 10**11 + days * 1000 + serials
    digits = bodies[:, None] // 10 ** np.arange(16, -1, -1) % 10
    last = _CHECK_DIGITS[digits @ _WEIGHTS % 11]
    return [f"{body}{digit}" for body, digit in zip(bodies.tolist(), last.tolist(), strict=True)]


def _names(rng: np.random.Generator, households: Households) -> list[str]:
    count = len(households.age)
    is_male = households.sex == MALE
    male, female = np.array(list(GIVEN_MALE)), np.array(list(GIVEN_FEMALE))
    first = np.where(is_male, male[rng.integers(0, len(male), count)], female[rng.integers(0, len(female), count)])
    second = np.where(is_male, male[rng.integers(0, len(male), count)], female[rng.integers(0, len(female), count)])
    second = np.where(rng.random(count) < 1 / 3, "", second)
    surnames = np.array(list(SURNAMES))[households.surname]
    return np.char.add(np.char.add(surnames, first), second).tolist()  # type: ignore[no-any-return]


def _sort_keys(people: list[str]) -> list[str]:
    """Return what names.sort_key returns, asked once per character."""
    keys = {character: names.sort_key(character) for character in set("".join(people))}
    return [" ".join([keys[character] for character in name]) for name in people]


def _phones(households: Households) -> list[str]:
    """Count phones from FIRST_PHONE on; children share that of the head."""
    has_own = (households.age >= PHONE_AGE) | (households.slot == HEAD)
    own = FIRST_PHONE + np.cumsum(has_own) - 1
    heads = own[households.slot == HEAD]
    return np.where(has_own, own, heads[households.household]).astype(str).tolist()  # type: ignore[no-any-return]
