"""Virtual workers: they carry out their orders within minutes, and somebody else verifies them."""

import datetime as dt
import random
from decimal import Decimal

from citybrain.core.models import User
from citybrain.demo.life import health
from citybrain.demo.life.staff import Staff, of_others
from community.actions import orders
from community.actions.orders import Found, OrderError
from community.models import Visit, WorkOrder
from healthcode.models import Evidence, State

Stage = WorkOrder.State
Outcome = Visit.Outcome
LOOK_EVERY = dt.timedelta(seconds=2)
# Orders that were left from before life began are worked off bit by bit.
MOST_A_LOOK = 3
# Minutes until the next step, on average, and the time from which they run.
WAITS: dict[str, tuple[float, str]] = {
    Stage.OPEN: (1.5, "opened_at"),
    Stage.ACCEPTED: (3.5, "accepted_at"),
    Stage.ARRIVED: (3.0, "arrived_at"),
    Stage.REPORTED: (2.0, "reported_at"),
    Stage.RETURNED: (4.0, "reported_at"),
}
# One report in so many is returned once.
RETURNED = 20
OUTCOMES = {Outcome.MET: 40, Outcome.NOT_AT_HOME: 6, Outcome.REFUSED: 2, Outcome.WRONG_ADDRESS: 1}
WORDS: dict[str, tuple[str, ...]] = {
    Outcome.MET: (
        "在家，身体无异常，已告知注意事项。",
        "已上门见到本人，体温正常，情况属实。",
        "已当面核实，提醒按时打卡。",
    ),
    Outcome.NOT_AT_HOME: ("敲门无人应答，已电话联系，本人在单位。", "家中无人，邻居称今早外出，晚间再访。"),
    Outcome.REFUSED: ("本人隔门答话，不愿开门，已说明政策。",),
    Outcome.WRONG_ADDRESS: ("该户已搬走，现住户称不认识此人。",),
    Outcome.NO_PERSON: ("已到卡口查看，系旧截图，已请其重新亮码。", "已查看现场，未见异常，值守人员已提醒。"),
}
RETURN_WORDS = "反馈过于简单，请补充见面情况。"


class Workers:
    """Everybody who handles and verifies orders, except whoever's login is given away."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._looked_at: dt.datetime | None = None

    def know(self, staff: Staff) -> None:
        """Go on with the staff of now."""
        self._staff = staff

    def turn(self, now: dt.datetime) -> None:
        """Take the next step of orders whose time has come, the longest due first."""
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        waiting = WorkOrder.objects.still_open().filter(of_others(), area__is_smoke=False)
        due = sorted((at, order.pk, order) for order in waiting if (at := due_at(order)) <= now)
        steps = 0
        for _at, _pk, order in due:
            steps += self._step(order)
            if steps == MOST_A_LOOK:
                return

    def _step(self, order: WorkOrder) -> bool:
        """Take the next step if it is ours to take; return whether it was."""
        worker = self._staff.user(order.assignee_id)
        try:
            if order.state == Stage.REPORTED:
                return self._verify(order)
            if worker is None:
                return self._assign(order)
            if order.state == Stage.OPEN:
                orders.accept(order=order, by=worker)
            elif order.state == Stage.ACCEPTED:
                orders.arrive(order=order, by=worker)
            else:
                self._report(order, worker)
        except OrderError:
            # Somebody who tries the demo was faster.
            return False
        return True

    def _assign(self, order: WorkOrder) -> bool:
        """Let the community give an order to somebody, when nobody has it."""
        worker = self._staff.worker(order.area_id)
        chief = self._staff.verifier(order.area_id, {worker.pk}) if worker else None
        if order.assignee_id is not None or worker is None or chief is None:
            return False
        orders.assign(order=order, to=worker, by=chief)
        return True

    def _report(self, order: WorkOrder, worker: User) -> None:
        outcome = self._chance.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
        if order.person_id is None:
            outcome = Outcome.NO_PERSON
        celsius = Decimal(self._chance.randint(360, 369)) / 10 if outcome == Outcome.MET else None
        found = Found(outcome=outcome, feedback=self._chance.choice(WORDS[outcome]), celsius=celsius)
        orders.report(order=order, found=found, pictures=(), visits_seen=order.visits.count(), by=worker)
        person = order.person_id
        if outcome == Outcome.MET and person and health.state_of(person) in {State.NOT_KNOWN, State.EXPIRED}:
            # The worker helps whoever has not declared.
            health.declare(person, source=Evidence.Source.GRID_WORKER, by=worker)

    def _verify(self, order: WorkOrder) -> bool:
        done = (Stage.ACCEPTED, Stage.ARRIVED, Stage.REPORTED)
        steps = list(order.steps.values_list("by_id", "after"))
        verifier = self._staff.verifier(order.area_id, {by for by, after in steps if after in done and by is not None})
        if verifier is None:
            return False
        was_returned = any(after == Stage.RETURNED for _by, after in steps)
        if order.pk % RETURNED == 0 and not was_returned:
            orders.return_to_worker(order=order, note=RETURN_WORDS, by=verifier)
        else:
            orders.verify_and_close(order=order, by=verifier)
        return True


def due_at(order: WorkOrder) -> dt.datetime:
    """Return when the next step of an order is taken; the same however often it is asked."""
    minutes, since = WAITS[order.state]
    begun: dt.datetime = getattr(order, since) or order.opened_at
    spread = random.Random(f"{order.pk} {order.state}").uniform(0.4, 1.6)  # noqa: S311 (a story, not a secret)
    return begun + dt.timedelta(minutes=minutes * spread)
