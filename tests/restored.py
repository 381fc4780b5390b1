"""`python -m tests.restored NUMBER`: what goes on in a district that was restored, told as JSON.

NUMBER is the code number that a resident's phone has shown since before the dump.
"""

import json
import sys

import django

django.setup()

# After the set-up above, which the import of anything with models needs.
from django.contrib.sessions.models import Session  # noqa: E402
from django.db import connection  # noqa: E402

from accesslog import consumer  # noqa: E402
from accesslog.actions import passes  # noqa: E402
from accesslog.models import Device, Pass, PassCount  # noqa: E402
from citybrain.core import chain, clock, database_roles  # noqa: E402
from citybrain.core.models import AuditBlock, User  # noqa: E402
from citybrain.core.roles import GateStaff  # noqa: E402
from healthcode import tokens  # noqa: E402
from tests.gates import token_scan  # noqa: E402

DROP = "SELECT has_function_privilege('accesslog_drop_partitions()', 'EXECUTE')"


def main() -> None:
    """Scan a code at a gate, follow the passes, seal the trail."""
    found: dict[str, object] = {"passes": Pass.objects.count(), "sessions": Session.objects.count()}
    guard = User.objects.get(username__startswith=GateStaff.codename)
    token = tokens.make(int(sys.argv[1]), clock.now())
    decision = passes.decide(device=Device.objects.get(), scan=token_scan(token), by=guard)
    while consumer.follow():
        pass
    while chain.seal():
        pass
    with connection.cursor() as cursor:
        cursor.execute(DROP)
        may_drop = cursor.fetchone()[0]
    found |= {
        "result": decision.result,
        "name": decision.masked_name,
        "counted": sum(PassCount.objects.values_list("count", flat=True)),
        "blocks": AuditBlock.objects.count(),
        "faults": [fault.problem for fault in chain.verify()],
        "excess": database_roles.excess_rights(),
        "may_drop": may_drop,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
