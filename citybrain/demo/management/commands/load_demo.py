"""`manage.py load_demo`: fill an empty database with the demo city and its last days."""

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from citybrain.core import clock
from citybrain.core.models import Area, User
from citybrain.demo import accounts, history
from citybrain.demo.city import days as city_days
from citybrain.demo.city import register, truth
from citybrain.demo.city.known import DAYS, RESIDENTS, SEED
from citybrain.demo.city.register import City
from healthcode import rules
from healthcode.actions.rules import adopt_rules

LISTED_ON = dt.date(2020, 2, 11)
RISK_AREAS = tuple(
    {"code": code, "name": name, "level": level, "valid_from": LISTED_ON, "listed_on": LISTED_ON}
    for code, name, level in (
        ("420100000000", "湖北省武汉市", "high"),
        ("420900000000", "湖北省孝感市", "high"),
        ("330300000000", "浙江省温州市", "medium"),
    )
)
# The rules are in force before anything happens.
BEFORE = dt.timedelta(minutes=1)


class Command(BaseCommand):
    """Runs in the demo only; a second run changes nothing.

    Everything is written in many transactions. The resident's account is made last: where it is missing beside areas,
    an earlier run was interrupted, and nobody can tell what it left.
    """

    help = "Load 杭州市下城区 with residents, their last days and one account per role, unless it is there already."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the size and the seed; --logins only prints."""
        parser.add_argument("--residents", type=int, default=RESIDENTS, help="default: %(default)s")
        parser.add_argument("--days", type=int, default=DAYS, help="days of history, 0 for none; default: %(default)s")
        parser.add_argument("--seed", type=int, default=SEED)
        parser.add_argument("--control", action="store_true", help="the same city without an outbreak")
        parser.add_argument("--logins", action="store_true", help="print one login per role and do nothing else")

    def handle(self, *_args: Any, logins: bool, **options: Any) -> None:
        """Load by the owner role (COPY sets ids), then the rest by the app role."""
        if not settings.DEMO:
            message = "the demo's accounts have public passwords: set CITYBRAIN_DEMO=1 if this is a demo"
            raise CommandError(message)
        if logins:
            self.stdout.write("\n".join(accounts.lines()))
            return
        if not Area.objects.filter(is_smoke=False).exists():
            self._load(options["residents"], options["days"], options["seed"], control=options["control"])
        elif not User.objects.filter(username=accounts.RESIDENT).exists():
            message = (
                "an earlier load_demo was interrupted, or this database holds another district: "
                "drop it, make it anew with `manage.py create_roles` and `manage.py migrate`, and run load_demo again"
            )
            raise CommandError(message)
        else:
            accounts.make_staff()

    def _load(self, residents: int, days: int, seed: int, *, control: bool) -> None:
        if "owner" not in settings.DATABASES:
            message = "DATABASE_OWNER_URL is not set: the district is loaded by the owner role"
            raise CommandError(message)
        if residents < register.FEWEST or not 0 <= days <= city_days.MOST:
            message = f"--residents is at least {register.FEWEST}, --days at most {city_days.MOST}"
            raise CommandError(message)
        self._began, now = time.monotonic(), clock.now()
        with clock.at(now):
            began_at = city_days.began_at(clock.today(), days) if days else now
            city = register.draw(seed=seed, residents=residents, day=clock.today(), began_at=began_at)
            self._say("drew the register")
            city.write("owner", self._say)
        with clock.at(began_at - BEFORE):
            adopt_rules(body=rules.load(rules.SHIPPED), risk_areas=RISK_AREAS, by=None)
        accounts.make_staff()
        self._say("made rules and accounts")
        if days:
            self._live(city, days, now, control=control)
        accounts.make_resident()
        self.stdout.write(f"{residents} residents, {days} days in {time.monotonic() - self._began:.1f} s")

    def _live(self, city: City, days: int, now: dt.datetime, *, control: bool) -> None:
        lived = city_days.live(city, days=days, control=control, now=now)
        world = lived.world
        self._say(f"drew {days} days: {len(world.scans.at)} scans, {len(world.infections.at)} infections")
        truth.write(city, lived, days=days, control=control)
        history.write(world)
        self._say("wrote the history")

    def _say(self, text: str) -> None:
        self.stdout.write(f"[{time.monotonic() - self._began:6.1f} s] {text}")
        self.stdout.flush()
