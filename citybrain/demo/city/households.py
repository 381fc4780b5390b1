"""Who lives together: households with ages, sexes and family names, drawn in arrays."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from citybrain.demo.city.areas import Settlement
from citybrain.demo.city.world import Flags, Ints

MALE, FEMALE = 1, 2
ADULT_AGE, RETIREMENT_AGE = 18, 60
OLDEST = 96
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程苏魏吕丁任沈姚卢傅钟姜崔谭廖范汪"
    "陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武戚莫孔汤"
)
HEAD, SPOUSE, CHILD, OTHER_CHILD, MOTHER, FATHER = range(6)
SLOTS = 6
RELATIONS = ("head", "spouse", "child", "child", "parent", "parent")


class Kind(NamedTuple):
    """A kind of household: its share of all, the age of its head, the slots that are taken, years to the children."""

    share: float
    youngest: int
    oldest: int
    slots: tuple[int, ...]
    generation: tuple[int, int] = (24, 34)


KINDS = (
    Kind(0.10, 22, 45, (HEAD,)),
    Kind(0.09, 62, 90, (HEAD,)),
    Kind(0.11, 25, 45, (HEAD, SPOUSE)),
    Kind(0.14, 60, 86, (HEAD, SPOUSE)),
    Kind(0.22, 28, 54, (HEAD, SPOUSE, CHILD)),
    Kind(0.07, 30, 48, (HEAD, SPOUSE, CHILD, OTHER_CHILD)),
    Kind(0.09, 29, 48, (HEAD, SPOUSE, CHILD, MOTHER)),
    Kind(0.05, 29, 48, (HEAD, SPOUSE, CHILD, MOTHER, FATHER)),
    Kind(0.07, 52, 72, (HEAD, SPOUSE, CHILD), (24, 30)),
    Kind(0.03, 30, 50, (HEAD, CHILD)),
    # A shared flat: nobody is anybody's child.
    Kind(0.03, 20, 32, (HEAD, CHILD, OTHER_CHILD), (0, 0)),
)
SHARED = len(KINDS) - 1


@dataclass(frozen=True)
class Households:
    """Everyone, one household behind the other, its head first."""

    grid: Ints  # number of the grid in the settlement, one entry per household
    household: Ints  # number from 0, from here on one entry per person
    slot: Ints
    is_shared: Flags
    age: Ints
    sex: Ints
    surname: Ints

    def relations(self) -> list[str]:
        """Return each one's relation to the head."""
        shared = self.is_shared & (self.slot != HEAD)
        return ["tenant" if tenant else RELATIONS[slot] for slot, tenant in zip(self.slot, shared, strict=True)]


def draw(rng: np.random.Generator, settlement: Settlement) -> Households:
    """Draw households for each grid until its residents are complete; the last one of a grid may be cut short."""
    total = int(settlement.residents.sum())
    # Everyone alone would be the most households.
    kind = rng.choice(len(KINDS), size=total, p=[one.share for one in KINDS])
    taken = np.zeros((len(KINDS), SLOTS), dtype=bool)
    for row, one in zip(taken, KINDS, strict=True):
        row[list(one.slots)] = True
    sizes = taken.sum(axis=1)[kind]
    grid, kept, length = _spread(sizes, settlement.residents)
    kind, filled = kind[:kept], taken[kind[:kept]]
    # A cut household loses its last slots.
    filled &= np.cumsum(filled, axis=1) <= length[:, None]
    ages, sexes, surnames = _ages(rng, kind), _sexes(rng, kept), _surnames(rng, kept)
    # A child bears the name of the man of the house.
    father = np.where(sexes[:, HEAD] == MALE, surnames[:, HEAD], surnames[:, SPOUSE])
    has_spouse = taken[kind, SPOUSE]
    for slot in (CHILD, OTHER_CHILD):
        surnames[:, slot] = np.where(kind == SHARED, surnames[:, slot], np.where(has_spouse, father, surnames[:, HEAD]))
    surnames[:, FATHER] = father
    number, slots = np.nonzero(filled)
    return Households(
        grid, number, slots, kind[number] == SHARED, ages[number, slots], sexes[number, slots], surnames[number, slots]
    )


def _spread(sizes: Ints, residents: Ints) -> tuple[Ints, int, Ints]:
    """Deal households out to grids: the grid of each, how many are needed, and how many members each keeps."""
    ends = np.cumsum(sizes)
    grid: list[Ints] = []
    length = sizes.copy()
    first = 0
    for number, wanted in enumerate(residents.tolist()):
        if wanted == 0:
            continue
        before = int(ends[first - 1]) if first else 0
        last = int(np.searchsorted(ends, before + wanted))
        length[last] -= int(ends[last]) - before - wanted
        # What was cut off lives nowhere; the next grid begins at a new household.
        grid.append(np.full(last + 1 - first, number))
        first = last + 1
    return np.concatenate(grid), first, length[:first]


def _ages(rng: np.random.Generator, kind: Ints) -> Ints:
    count = len(kind)
    low, high = np.array([one.youngest for one in KINDS]), np.array([one.oldest for one in KINDS])
    near, far = np.array([one.generation[0] for one in KINDS]), np.array([one.generation[1] for one in KINDS])
    head = rng.integers(low[kind], high[kind] + 1)
    ages = np.empty((count, SLOTS), dtype=np.int64)
    ages[:, HEAD] = head
    ages[:, SPOUSE] = np.clip(head + rng.integers(-5, 4, count), 22, OLDEST)
    ages[:, CHILD] = np.maximum(head - rng.integers(near[kind], far[kind] + 1), 0)
    ages[:, OTHER_CHILD] = np.maximum(ages[:, CHILD] - rng.integers(1, 7, count), 0)
    ages[:, MOTHER] = np.clip(head + rng.integers(22, 33, count), 0, OLDEST)
    ages[:, FATHER] = np.clip(ages[:, MOTHER] + rng.integers(-2, 6, count), 0, OLDEST)
    shared = kind == SHARED
    for slot in (CHILD, OTHER_CHILD):
        ages[shared, slot] = rng.integers(20, 33, int(shared.sum()))
    return ages


def _sexes(rng: np.random.Generator, count: int) -> Ints:
    sexes = np.where(rng.random((count, SLOTS)) < 0.51, MALE, FEMALE)  # noqa: PLR2004 (a little more boys)
    sexes[:, HEAD] = np.where(rng.random(count) < 0.65, MALE, FEMALE)  # noqa: PLR2004 (as registers have it)
    sexes[:, SPOUSE] = MALE + FEMALE - sexes[:, HEAD]
    sexes[:, MOTHER], sexes[:, FATHER] = FEMALE, MALE
    return sexes


def _surnames(rng: np.random.Generator, count: int) -> Ints:
    weights = 1 / (np.arange(len(SURNAMES)) + 8)
    return rng.choice(len(SURNAMES), size=(count, SLOTS), p=weights / weights.sum())
