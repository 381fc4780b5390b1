"""Who employs and who teaches: organisations of skewed sizes, units of about twelve, classes of one age."""

import re
from dataclasses import dataclass, field

import numpy as np

from citybrain.core.models import Membership, Organisation
from citybrain.demo.city import known
from citybrain.demo.city.areas import Areas
from citybrain.demo.city.households import ADULT_AGE, RETIREMENT_AGE
from citybrain.demo.city.tables import Table
from citybrain.demo.city.world import NOBODY, NOWHERE, Ints

UNIT = 12
CLASS = 36
# Ages at which one begins and leaves, pupils to a school, what the next school of the kind is called.
SCHOOLS = ((6, 12, 700, "小学"), (12, 15, 900, "中学"), (15, 18, 1200, "高级中学"))
PUPILS_A_TEACHER = 14
RESIDENTS_A_SHOP = 1500
STUDENT_UNTIL = 22
# Share of an age group that works, and share of those whose employer is in the district.
EMPLOYED, EMPLOYED_STUDENTS, EMPLOYED_RETIRED, IN_DISTRICT = 0.8, 0.3, 0.06, 0.85
SMALLEST, LARGEST = 2, 600
LUCKY = "恒鑫瑞华盛祥泰隆德兴嘉福宏达永安信诚美丰"
TRADES = re.findall("..", "商贸科技服装餐饮装饰物流网络印务广告纺织食品机电文化咨询家政汽修五金医药软件电商")
NUMERALS = "一二三四五六七八九十"


@dataclass
class Organisations:
    """The organisations, and where each person works or learns."""

    kinds: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    community: list[int] = field(default_factory=list)
    staff: list[int] = field(default_factory=list)
    of_person: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    unit: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, kind: str, name: str, community: int, staff: int = 0) -> int:
        """Add an organisation that wants so much staff; return its database id."""
        self.kinds.append(kind)
        self.names.append(name)
        self.community.append(community)
        self.staff.append(staff)
        return len(self.names)

    def id_of(self, name: str) -> int:
        """Return the database id of the organisation with this name."""
        return self.names.index(name) + 1

    def tables(self, areas: Areas) -> list[Table]:
        """Return the rows of organisations and memberships."""
        community_ids = np.array([one.id for one in areas.communities])
        members = np.flatnonzero(self.of_person != NOWHERE)
        columns = {"kind": self.kinds, "name": self.names, "credit_code": [""] * len(self.names)}
        return [
            Table(Organisation, {**columns, "area_id": community_ids[np.array(self.community)]}),
            Table(Membership, {"person_id": members + 1, "organisation_id": self.of_person[members]}),
        ]


def draw(rng: np.random.Generator, areas: Areas, community: Ints, age: Ints) -> Organisations:
    """Found the organisations and hire; `community` and `age` have one entry per person."""
    made = Organisations()
    residents = len(age)
    _found_named(made, areas, residents)
    _found_shops(made, areas, np.bincount(community, minlength=len(areas.communities)))
    made.of_person = np.full(residents, NOWHERE, dtype=np.int64)
    made.unit = np.full(residents, NOBODY, dtype=np.int64)
    _fill_schools(made, areas, community, age)
    workers = _workers(rng, age)
    _found_employers(rng, made, community, len(workers) - sum(made.staff))
    _hire(made, workers)
    return made


def property_companies(made: Organisations, areas: Areas) -> list[int]:
    """Return the id of the company that serves each community, one company per street."""
    names = [
        known.PROPERTY_COMPANIES.get(one.street_code, f"{one.street_name.removesuffix('街道')}物业服务有限公司")
        for one in areas.communities
    ]
    return [made.id_of(name) for name in names]


def _found_named(made: Organisations, areas: Areas, residents: int) -> None:
    """Found what accounts and places name, and a property company for each street."""
    few = max(residents // 1000, 2)
    for number, one in enumerate(areas.communities):
        name = known.PROPERTY_COMPANIES.get(one.street_code, f"{one.street_name.removesuffix('街道')}物业服务有限公司")
        if name not in made.names:
            made.add("property_company", name, number, few if one.street_code in known.PROPERTY_COMPANIES else 1)
    made.add("employer", known.EMPLOYERS[0], 0, max(min(residents // 100, 300), 3))
    made.add("employer", known.EMPLOYERS[1], 1, max(min(residents // 200, 150), 3))
    made.add("school", known.SCHOOL, 0)
    made.add("department", known.DEPARTMENT, 1, max(min(residents // 500, 60), 2))
    made.add("hospital", known.HOSPITAL, 1, max(min(residents // 150, 600), 3))
    made.add("venue_operator", known.MARKET, 0, max(min(residents // 1000, 24), 2))
    made.add("employer", "下城公交客运有限公司", 2, max(residents // 500, 2))
    made.add("employer", "下城客运站有限公司", 3, max(residents // 1000, 2))


def _found_shops(made: Organisations, areas: Areas, residents: Ints) -> None:
    """Found supermarkets where people live."""
    for number in np.flatnonzero(residents >= RESIDENTS_A_SHOP // 3).tolist():
        for shop in range(max(round(int(residents[number]) / RESIDENTS_A_SHOP), 1)):
            made.add("venue_operator", f"{areas.communities[number].short}生活超市{NUMERALS[shop % 10]}店", number, 8)


def _fill_schools(made: Organisations, areas: Areas, community: Ints, age: Ints) -> None:
    """Send the children of neighbouring communities to the same schools."""
    for begins, leaves, size, title in SCHOOLS:
        pupils = np.flatnonzero((age >= begins) & (age < leaves))
        count = max(round(len(pupils) / size), 1)
        # Persons stand in the order of the communities, so blocks of them are neighbours.
        for number, block in enumerate(np.array_split(pupils, count)):
            if not len(block):
                continue
            home = int(community[block[0]])
            teachers = max(round(len(block) / PUPILS_A_TEACHER), 1)
            if title == SCHOOLS[0][3] and number == 0:
                school = made.id_of(known.SCHOOL)
                made.staff[school - 1] = teachers
            else:
                name = f"{areas.communities[home].short}{title}"
                if name in made.names:
                    name = f"{areas.communities[home].short}第{NUMERALS[number % 10]}{title}"
                school = made.add("school", name, home, teachers)
            made.of_person[block] = school
            for year in range(begins, leaves):
                _seat(made, block[age[block] == year], CLASS)


def _seat(made: Organisations, people: Ints, size: int) -> None:
    """Split people into units of about a size, each with a number of its own."""
    if len(people):
        count = max(round(len(people) / size), 1)
        made.unit[people] = made.unit.max(initial=NOBODY) + 1 + np.arange(len(people)) * count // len(people)


def _workers(rng: np.random.Generator, age: Ints) -> Ints:
    """Return who works in the district, in the order in which they are hired."""
    share = np.select(
        [age < ADULT_AGE, age < STUDENT_UNTIL, age < RETIREMENT_AGE],
        [0.0, EMPLOYED_STUDENTS, EMPLOYED],
        EMPLOYED_RETIRED,
    )
    share[age > RETIREMENT_AGE + 10] = 0
    return rng.permutation(np.flatnonzero(rng.random(len(age)) < share * IN_DISTRICT))


def _found_employers(rng: np.random.Generator, made: Organisations, community: Ints, jobs: int) -> None:
    """Found employers of skewed sizes, most of them where most people live, until there are jobs enough."""
    sizes = np.clip(np.round(rng.lognormal(np.log(7), 1.2, max(jobs, 1))), SMALLEST, LARGEST).astype(np.int64)
    # The last one finds fewer than it wants.
    needed = int(np.searchsorted(np.cumsum(sizes), jobs)) + 1 if jobs > 0 else 0
    homes = community[rng.integers(0, len(community), needed)]
    words = rng.integers(0, len(LUCKY), (needed, 2))
    trades = rng.integers(0, len(TRADES), needed)
    taken: dict[str, int] = {}
    for size, home, (first, second), trade in zip(
        sizes[:needed].tolist(), homes.tolist(), words.tolist(), trades.tolist(), strict=True
    ):
        name = LUCKY[first] + LUCKY[second]
        taken[name + TRADES[trade]] = again = taken.get(name + TRADES[trade], 0) + 1
        branch = f"（{again}）" if again > 1 else ""
        made.add("employer", f"杭州{name}{TRADES[trade]}有限公司{branch}", home, size)


def _hire(made: Organisations, workers: Ints) -> None:
    """Give each organisation its staff while there is somebody left."""
    first = 0
    next_unit = int(made.unit.max(initial=NOBODY)) + 1
    for number, wanted in enumerate(made.staff, start=1):
        hired = workers[first : first + wanted]
        if not len(hired):
            continue
        first += wanted
        units = max(round(len(hired) / UNIT), 1)
        made.of_person[hired] = number
        made.unit[hired] = next_unit + np.arange(len(hired)) * units // len(hired)
        next_unit += units
