"""What a test walk needs: areas, a gate and accounts of its own, beside the district: it counts in no figure."""

import datetime as dt
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from accesslog.models import Place, Point
from citybrain.core import clock, crypto, roles
from citybrain.core.actions.areas import create_area
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, User
from community.models import Building, Duty, Estate

SINCE = dt.date(2020, 1, 1)
# No area of China has a code that begins with 99.
LEVELS = (
    (Area.Level.DISTRICT, "999999000000", "测试区"),
    (Area.Level.STREET, "999999001000", "测试街道"),
    (Area.Level.COMMUNITY, "999999001001", "测试社区"),
    (Area.Level.GRID, "999999001001001", "测试社区第一网格"),
)
ESTATE, BUILDING, PLACE, POINT = "测试园", "1幢", "测试卡口", "1号通道"
# No mobile number begins with 10, so it is nobody's.
PHONE = "10000000000"
RESIDENT = "smoke-resident"


@dataclass(frozen=True)
class _Account:
    """A staff account, its role and the level that it holds it on."""

    username: str
    role: type[roles.Role]
    level: Area.Level


STAFF = (
    _Account("smoke-gate", roles.GateStaff, Area.Level.GRID),
    _Account("smoke-grid", roles.GridWorker, Area.Level.GRID),
    _Account("smoke-community", roles.CommunityStaff, Area.Level.COMMUNITY),
    _Account("smoke-commander", roles.DistrictCommander, Area.Level.DISTRICT),
)


def make() -> dict[str, str]:
    """Make what is missing, give every account a new password, and return the passwords by account."""
    with transaction.atomic():
        areas = _areas()
        _places(areas[Area.Level.COMMUNITY], areas[Area.Level.GRID])
        passwords = {}
        for account in STAFF:
            passwords[account.username] = _account(account.username)
            user = User.objects.get(username=account.username)
            grant_role(user=user, role=account.role, on=areas[account.level], by=None)
        passwords[RESIDENT] = _account(RESIDENT)
        # A resident who signs in with a password, as nobody can read the messages of a walk.
        User.objects.filter(username=RESIDENT).update(
            phone_index=crypto.blind_index("phone", PHONE), phone_cipher=crypto.seal("phone", PHONE)
        )
        worker = User.objects.get(username="smoke-grid")
        Duty.objects.get_or_create(
            area=areas[Area.Level.GRID],
            defaults={"user": worker, "set_at": clock.now()},
        )
    return passwords


def _areas() -> dict[str, Area]:
    made: dict[str, Area] = {}
    parent = None
    for level, code, name in LEVELS:
        area = Area.objects.filter(code=code).first()
        if area is None:
            area = create_area(level=level, code=code, name=name, parent=parent, valid_from=SINCE, by=None)
            area.is_smoke = True
            area.save(update_fields=["is_smoke"])
        made[level] = parent = area
    return made


def _places(community: Area, grid: Area) -> None:
    estate, _made = Estate.objects.get_or_create(area=community, name=ESTATE)
    Building.objects.get_or_create(estate=estate, name=BUILDING, defaults={"area": grid})
    place, _made = Place.objects.get_or_create(area=grid, name=PLACE, defaults={"kind": Place.Kind.CHECKPOINT})
    Point.objects.get_or_create(place=place, name=POINT)


def _account(username: str) -> str:
    password = secrets.token_urlsafe(15)
    user = User.objects.filter(username=username).first() or User(username=username, display_name=username)
    user.is_smoke = True
    user.set_password(password)
    user.save()
    return password


def write(passwords: dict[str, str], file: Path) -> None:
    """Write the passwords where only their owner can read them."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        json.dump(passwords, written, indent=1)
