"""A district at work, for tests of the cockpit: codes, passes, alerts, orders, and a test walk that must not count."""

import datetime as dt
from typing import Any

from accesslog import consumer
from accesslog.models import Device, Pass
from citybrain.core import clock
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, Person, User
from citybrain.core.roles import CommunityStaff, GridWorker
from community.actions import orders
from community.models import WorkOrder
from tests.codes import WELL, adopt, tell
from tests.orders import bring_to, order_for
from tests.orders import tell as raise_alert
from tests.passages import make_device, write_pass
from tests.people import SINCE, SQUARE, District, make_person

COUGHS: dict[str, Any] = {**WELL, "symptoms": ["cough"]}
CONTACT: dict[str, Any] = {"grade": "close"}


class City:
    """The small district and a second street, each with people, codes, passes, alerts and orders."""

    def __init__(self, district: District) -> None:
        """Let a morning's work be done in both streets and on a test walk."""
        self.district = district
        self.worker: User = district.user(GridWorker)
        self.verifier: User = district.user(CommunityStaff)
        self.street = self.area("street", "330103009000", district.district)
        self.community = self.area("community", "330103009001", self.street)
        self.grid = self.area("grid", "330103009001001", self.community)
        self.device = make_device(district.grid)
        self.other_device = make_device(self.grid)
        adopt()
        self.people = [make_person(f"居民{n}", area) for n in range(6) for area in (district.grid, self.grid)]
        for number, person in enumerate(self.people):
            self.code(person, number)
        self.open_orders()
        self.walk()

    def area(self, level: str, code: str, parent: Area | None) -> Area:
        """Make an area."""
        name = f"区域{code[-6:]}"
        area = create_area(
            level=Area.Level(level), code=code.ljust(12, "0"), name=name, parent=parent, valid_from=SINCE, by=None
        )
        Area.objects.filter(pk=area.pk).update(boundary=SQUARE)
        return area

    def code(self, person: Person, number: int) -> None:
        """Give a person green, yellow or red by evidence; every fourth never declared."""
        if number % 4:
            tell(person, "declaration", WELL, clock.now())
        if number % 4 == 2:
            tell(person, "declaration", COUGHS, clock.now())
        if number % 4 == 3:
            tell(person, "exposure", CONTACT, clock.now())

    def open_orders(self) -> None:
        """Open alerts and orders that stand in every state, one of them overdue, and close one."""
        states = ("open", "accepted", "arrived", "reported", "returned", "closed")
        here = [person for person in self.people if person.area_id == self.district.grid.pk]
        for person, state in zip(here, states, strict=True):
            bring_to(order_for(person, self.district.grid), state, worker=self.worker, verifier=self.verifier)
        late = order_for(self.people[1], self.grid, kind="open_reason_passed")
        WorkOrder.objects.filter(pk=late.pk).update(due_at=clock.now() - dt.timedelta(hours=1))
        raise_alert(self.people[3], self.community, kind="address_not_found")

    def walk(self) -> None:
        """Do the same as `make smoke` in areas of its own."""
        root = self.area("district", "999901000000", None)
        grid = self.area(
            "grid", "999901001001001", self.area("community", "999901001001", self.area("street", "999901001000", root))
        )
        Area.objects.filter(path__startswith=root.path).update(is_smoke=True)
        walker = make_person("测试", grid)
        tell(walker, "declaration", WELL, clock.now())
        order_for(walker, grid)
        self.walk_device = make_device(grid)

    def walk_again(self) -> None:
        """Let another walker be refused at the gate of the test walk."""
        grid = self.walk_device.point.place.area
        order_for(make_person("测试二", grid), grid)

    def close(self, order: WorkOrder) -> None:
        """Verify an order that was reported, and close it with its alert."""
        orders.verify_and_close(order=order, by=self.verifier)

    def pass_by(self, **fields: Any) -> None:
        """Let somebody pass and somebody be refused in each street and on the test walk."""
        for device in (self.device, self.other_device, self.walk_device):
            write_pass(device, result="green", **fields)
            write_pass(device, result="not_known", **fields)


def follow_all() -> None:
    """Let the consumer read all passes."""
    while consumer.follow():
        pass


def at_a_gate(device: Device, received_at: dt.datetime, result: str = "green") -> Pass:
    """Write a pass that was received at an instant."""
    return write_pass(device, result=result, scanned_at=received_at, received_at=received_at)
