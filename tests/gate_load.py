"""What tests/thousand_passes.py sends and then asks of the database; imported once settings are ready."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.db.models import Sum

from accesslog.actions import devices
from accesslog.devices import COOKIE
from accesslog.models import Pass, PassCount, Place, Point
from citybrain.core import clock, roles
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Delivery, Event, Person, User
from community.models import Alert, WorkOrder
from healthcode import tokens
from healthcode.actions.evidence import record_evidence
from healthcode.models import CodeNumber
from tests.thousand_passes import patiently, post

PAUSE_SECONDS = 0.08
# Of every ten persons one is green, one is red, of the rest nothing is known: they are refused and raise alerts.
EVERY = 10
CSRF = "a" * 32


class Load:
    """Gates of one place, the persons who pass them, and what was acknowledged."""

    def __init__(self, port: int, gates: int) -> None:
        self.port, self.gates = port, gates
        # Nonce → person.
        self.acknowledged: dict[uuid.UUID, int] = {}
        self.retries = 0

    def prepare(self, wanted: int) -> list[tuple[int, int]]:
        """Make gates and code numbers; return (person, code number) for each pass."""
        grid = Area.objects.filter(level="grid", persons__isnull=False).order_by("id")[0]
        guard = User.objects.create_staff("load-guard", "-")
        grant_role(user=guard, role=roles.GateStaff, on=grid, by=None)
        self.place = Place.objects.create(area=grid, name="高铁站", kind="station")
        self.headers = [self._gate(guard, number) for number in range(self.gates)]
        persons = list(Person.objects.filter(area__is_smoke=False).order_by("id")[:wanted])
        for person in persons[::EVERY]:
            facts = {"symptoms": [], "explained": [], "pledged": True}
            record_evidence(person=person, kind="declaration", facts=facts, source="self", by=None)
        for person in persons[1::EVERY]:
            record_evidence(person=person, kind="exposure", facts={"grade": "close"}, source="disease_control", by=None)
        numbers = [CodeNumber(person=person, issued_at=clock.now()) for person in persons]
        return [(one.person_id, one.number) for one in CodeNumber.objects.bulk_create(numbers)]

    def _gate(self, guard: User, number: int) -> dict[str, str]:
        """Enrol a device of its own and sign the guard in there; return the headers of its requests."""
        point = Point.objects.create(place=self.place, name=f"{number + 1}号通道")
        _device, code = devices.add_device(point=point, name="手机", by=None)
        device, secret = devices.enrol_device(code=code, by=guard)
        session: Any = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = str(guard.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = guard.get_session_auth_hash()
        session.save()
        cookies = {
            settings.SESSION_COOKIE_NAME: session.session_key,
            settings.CSRF_COOKIE_NAME: CSRF,
            COOKIE: f"{device.ref}.{secret}",
        }
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "X-CSRFToken": CSRF}

    def send(self, gate: int, tickets: Sequence[tuple[int, int]]) -> None:
        """Send one pass after the other, each until it is acknowledged, with the nonce that it had at first."""
        for person, number in tickets:
            nonce, scanned_at = uuid.uuid4(), clock.now().isoformat()
            text = tokens.make(number, clock.now())
            while True:
                body = {"lane": "token", "token": text, "nonce": str(nonce), "scanned_at": scanned_at}
                status, answer = post(
                    self.port, "/gate/scan", self.headers[gate], body | {"sent_at": clock.now().isoformat()}
                )
                if status == 200 and "result" in answer:
                    break
                if 400 <= status < 500:
                    raise AssertionError((status, answer))
                self.retries += 1
                time.sleep(0.3)
            self.acknowledged[nonce] = person
            time.sleep(PAUSE_SECONDS)

    def verify(self, seconds: float) -> list[str]:
        """Wait until everything has been followed; return a line for whatever was lost or doubled."""
        # What was open before has died with its server.
        connection.close()
        cast("Any", connection).close_pool()
        if not patiently(self._is_done, seconds):
            return [f"not done in {seconds:.0f} s: {self._counted()} of {Pass.objects.count()} passes counted"]
        stored = Counter(Pass.objects.filter(place=self.place).values_list("nonce", flat=True))
        lines = [f"pass {nonce} is missing" for nonce in self.acknowledged if not stored[nonce]]
        lines += [f"pass {nonce} is stored {count} times" for nonce, count in stored.items() if count > 1]
        return lines + self._compare_alerts()

    def _compare_alerts(self) -> list[str]:
        ours = Pass.objects.filter(place=self.place, is_admitted=False)
        refused = Counter(ours.values_list("person_id", flat=True))
        alerts = list(Alert.objects.filter(person__in=refused).values_list("id", "person_id", "count"))
        raised = Counter({person: count for _id, person, count in alerts})
        lines = [] if len(raised) == len(alerts) else ["someone has two open alerts"]
        lines += (
            [] if raised == refused else [f"alerts differ: {raised - refused} too many, {refused - raised} missing"]
        )
        wanted = Counter(alert for alert, _person, _count in alerts)
        ordered = Counter(WorkOrder.objects.filter(alert__in=wanted).values_list("alert_id", flat=True))
        return lines + ([] if ordered == wanted else [f"{len(wanted)} alerts have {ordered.total()} orders"])

    def _is_done(self) -> bool:
        # Asked in the order in which one makes the next: what is done stays done while the next is asked about.
        if self._counted() != Pass.objects.count() or Event.objects.filter(fanned_out_at=None).exists():
            return False
        return not Delivery.objects.exclude(state=Delivery.State.DONE).exists()

    def _counted(self) -> int:
        return PassCount.objects.aggregate(total=Sum("count"))["total"] or 0
