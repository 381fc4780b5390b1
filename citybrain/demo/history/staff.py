"""Who works in the district: a worker for each grid, somebody who verifies in each community, a guard at each place."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from accesslog.models import Place
from citybrain.core import roles, scope
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Organisation, User
from citybrain.core.roles import Act
from community.actions.duty import set_duty
from community.models import Duty

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN_NAMES = (
    "秀英", "建国", "丽娟", "志强", "海燕", "国平", "红梅", "晓东", "桂芳", "永明", "雪琴", "立新", "美华", "卫民",
    "小玲", "文斌",
)  # fmt: skip


@dataclass(frozen=True)
class Staff:
    """Ids of users by what they are there for."""

    # By grid.
    worker: dict[int, int]
    verifiers: dict[int, list[int]]
    # By place.
    guard: dict[int, int]


def make(rng: np.random.Generator) -> Staff:
    """Make whoever is missing; whoever is there keeps their grids.

    A grid whose register is a sample has no worker of its own: one looks after all grids of its community, and the
    street verifies.
    """
    grids = list(Area.objects.filter(level=Area.Level.GRID, is_smoke=False).select_related("parent__parent"))
    _put_on_duty(rng, grids)
    _let_verify(rng, grids)
    duty = dict(Duty.objects.filter(area__is_smoke=False).values_list("area", "user"))
    verifying = scope.holders(Act.VERIFY_ORDERS, duty)
    verifiers = {grid: [one.user for one in held] for grid, held in verifying.items()}
    return Staff(duty, verifiers, _guards(rng))


def _put_on_duty(rng: np.random.Generator, grids: list[Area]) -> None:
    covered = set(Duty.objects.values_list("area", flat=True))
    alone: dict[Area, list[Area]] = defaultdict(list)
    for grid in grids:
        if grid.pk not in covered:
            alone[_above(grid) if grid.register_is_partial else grid].append(grid)
    for area, of_one in alone.items():
        worker = _account(rng, f"grid-{area.code}", roles.GridWorker, area)
        for grid in of_one:
            set_duty(area=grid, user=worker, by=None)


def _let_verify(rng: np.random.Generator, grids: list[Area]) -> None:
    communities = {_above(grid) for grid in grids if not grid.register_is_partial}
    for role, name, areas in (
        (roles.CommunityStaff, "community", communities),
        (roles.StreetStaff, "street", {_above(_above(grid)) for grid in grids if grid.register_is_partial}),
    ):
        held = scope.holders(Act.VERIFY_ORDERS, [area.pk for area in areas])
        for area in sorted(areas, key=lambda one: one.code):
            if area.pk not in {one.on for one in held[area.pk]}:
                _account(rng, f"{name}-{area.code}", role, area)


def _guards(rng: np.random.Generator) -> dict[int, int]:
    places = Place.objects.filter(area__is_smoke=False).select_related("area", "organisation").order_by("pk")
    return {
        place.pk: _account(rng, f"gate-{place.pk:04}", roles.GateStaff, place.organisation or place.area).pk
        for place in places
    }


def _account(rng: np.random.Generator, username: str, role: type[roles.Role], on: Area | Organisation) -> User:
    """Make an account that nobody can sign in to."""
    name = f"{SURNAMES[rng.integers(len(SURNAMES))]}{GIVEN_NAMES[rng.integers(len(GIVEN_NAMES))]}"
    user = User(username=username, display_name=name)
    user.set_unusable_password()
    user.save()
    grant_role(user=user, role=role, on=on, by=None)
    return user


def _above(area: Area) -> Area:
    if area.parent is None:
        raise ValueError(f"the {area.level} {area} stands alone")
    return area.parent
