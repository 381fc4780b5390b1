"""What bench.pass_path sends to a gate; imported once settings are ready."""

import json
import uuid

from accesslog.actions.passes import make_partition
from accesslog.models import Device, Pass, Point, Result
from bench.client import request
from citybrain.core import clock
from citybrain.core.models import Area, Person
from healthcode import tokens
from healthcode.models import CodeState, State
from tests.codes import adopt
from tests.gate_load import Load
from tests.people import make_district

# Who pgbench says has stood at the gate.
NOBODY = 0


class World:
    """A small district, its gates, and persons with a green code."""

    def __init__(self, *, port: int, gates: int, persons: int) -> None:
        """Make everything, and today's partition of the passes."""
        rules = adopt().rule_set
        grid = make_district().grid
        numbers = range(persons)
        Person.objects.bulk_create(
            [Person(name="居民", name_sort="jumin", area=grid, address=f"{number}室") for number in numbers]
        )
        self._load = Load(port, gates)
        self._tickets = self._load.prepare(persons)
        now = clock.now()
        CodeState.objects.all().delete()
        CodeState.objects.bulk_create(
            CodeState(person_id=person, state=State.GREEN, since=now, rule_set=rules, evaluated_at=now)
            for person, _number in self._tickets
        )
        make_partition(day=clock.today())

    def scans(self, count: int) -> list[bytes]:
        """Return so many scans of codes that were not shown before, from every gate in turn."""
        chosen, self._tickets = self._tickets[:count], self._tickets[count:]
        headers = [{**one, "Content-Type": "application/json"} for one in self._load.headers]
        return [self._scan(number, headers[place % len(headers)]) for place, (_person, number) in enumerate(chosen)]

    def kept(self) -> int:
        """Return how many passes with a green code the gates' scans have left; pgbench's are another operator's."""
        return Pass.objects.filter(result=Result.GREEN).exclude(operator=NOBODY).count()

    def insert_script(self) -> str:
        """Return what pgbench does: one SELECT by primary key, one INSERT of the row that a pass leaves."""
        ids = CodeState.objects.order_by("person_id").values_list("person_id", flat=True)
        point, device = Point.objects.first(), Device.objects.first()
        if point is None or device is None:
            raise LookupError("no gate was made")
        grid = Area.objects.get(pk=point.place.area_id)
        columns = "device_id, nonce, scanned_at, skew_ms, point_id, place_id, area_id, person_id, lane, result"
        row = f"{device.pk}, gen_random_uuid(), clock_timestamp(), 0, {point.pk}, {point.place_id}, {grid.pk}, :person"
        return (
            f"\\set person random({ids[0]}, {ids.reverse()[0]})\n"
            "SELECT state, valid_until FROM healthcode_codestate WHERE person_id = :person;\n"
            f"INSERT INTO accesslog_pass ({columns}, is_admitted, state, operator)"
            f" VALUES ({row}, 'token', 'green', true, 'green', {NOBODY});\n"
        )

    def _scan(self, number: int, headers: dict[str, str]) -> bytes:
        now = clock.now()
        body = {
            "lane": "token",
            "token": tokens.make(number, now),
            "nonce": str(uuid.uuid4()),
            "scanned_at": now.isoformat(),
            "sent_at": now.isoformat(),
        }
        return request("POST", "/gate/scan", headers=headers, body=json.dumps(body).encode())
