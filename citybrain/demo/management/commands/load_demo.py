"""`manage.py load_demo`: fill an empty database with the demo district."""

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from citybrain.core.models import Area
from citybrain.demo import accounts, gates
from citybrain.demo.loader import District
from healthcode import rules
from healthcode.actions.rules import adopt_rules
from healthcode.models import RuleActivation

SEED = 20200211
LISTED_ON = dt.date(2020, 2, 11)
RISK_AREAS = tuple(
    {"code": code, "name": name, "level": level, "valid_from": LISTED_ON, "listed_on": LISTED_ON}
    for code, name, level in (
        ("420100000000", "湖北省武汉市", "high"),
        ("420900000000", "湖北省孝感市", "high"),
        ("330300000000", "浙江省温州市", "medium"),
    )
)


class Command(BaseCommand):
    """Runs in the demo only; a second run changes nothing."""

    help = "Load 杭州市下城区 with 2,000 residents and one account per role, unless it is there already."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the seed; --logins only prints."""
        parser.add_argument("--seed", type=int, default=SEED)
        parser.add_argument("--logins", action="store_true", help="print one login per role and do nothing else")

    def handle(self, *_args: Any, seed: int, logins: bool, **_options: Any) -> None:
        """Load by the owner role (COPY sets ids), then make the accounts by the app role."""
        if not settings.DEMO:
            message = "the demo's accounts have public passwords: set CITYBRAIN_DEMO=1 if this is a demo"
            raise CommandError(message)
        if logins:
            self.stdout.write("\n".join(accounts.lines()))
            return
        if not Area.objects.exists():
            if "owner" not in settings.DATABASES:
                message = "DATABASE_OWNER_URL is not set: the district is loaded by the owner role"
                raise CommandError(message)
            began = time.monotonic()
            district = District(seed)
            district.build()
            with transaction.atomic(using="owner"):
                district.write("owner")
            seconds = time.monotonic() - began
            self.stdout.write(
                f"{len(district.areas.rows)} areas, {len(district.persons.rows)} residents in {seconds:.1f} s"
            )
        if not RuleActivation.objects.exists():
            adopt_rules(body=rules.load(rules.SHIPPED), risk_areas=RISK_AREAS, by=None)
        accounts.make_accounts()
        gates.make_places()
