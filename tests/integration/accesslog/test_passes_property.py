"""Any sequence of scans: what is answered and kept is what a plain model of the rules says."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accesslog.actions import passes
from accesslog.actions.passes import Decision, TokenScan
from accesslog.models import Pass
from citybrain.core import clock
from citybrain.core.models import Person
from healthcode import tokens
from tests.gates import Gate, add_gate, make_gate, set_state, token_of, token_scan
from tests.people import District

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)
STATES = ("green", "yellow", "red", "not_known", "expired")
GATES, PERSONS = 3, 2
# The number of a code whose last two bytes are wrong.
FORGED = 7

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 70)),
        st.tuples(st.just("state"), st.integers(0, PERSONS - 1), st.sampled_from(STATES)),
        st.tuples(st.just("fresh"), st.integers(0, GATES - 1), st.integers(0, PERSONS - 1)),
        st.tuples(st.just("shown"), st.integers(0, GATES - 1), st.integers(0, 5)),
        st.tuples(st.just("forged"), st.integers(0, GATES - 1)),
        st.tuples(st.just("retried"), st.integers(0, 9)),
    ),
    max_size=25,
)


@dataclass
class Model:
    """What should happen, in plain words."""

    gates: list[Gate]
    persons: list[Person]
    now: dt.datetime
    states: list[str] = field(default_factory=lambda: ["not_known"] * PERSONS)
    # Token → (person, when it was made).
    made: dict[str, tuple[int, dt.datetime]] = field(default_factory=dict)
    first: dict[str, tuple[int, dt.datetime]] = field(default_factory=dict)
    sent: list[tuple[int, TokenScan, dt.datetime, Decision]] = field(default_factory=list)

    def expected(self, gate: int, text: str) -> tuple[str, bool]:
        """Return the result of showing a text at a gate now, and whether that is a repeat."""
        if text not in self.made:
            return "forged", False
        person, made_at = self.made[text]
        counter = (made_at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // (tokens.PERIOD * SECOND)
        begins = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + counter * tokens.PERIOD * SECOND
        if self.now - begins > tokens.LIFE:
            return "stale", False
        where, when = self.first.setdefault(text, (gate, self.now))
        if where != gate:
            return "replayed", False
        state = self.states[person]
        # The last gate's place admits yellow.
        result = "yellow_admitted" if state == "yellow" and gate == GATES - 1 else state
        return result, when != self.now and self.now - when <= passes.REPEAT

    def show(self, gate: int, text: str) -> None:
        """Show a text at a gate and compare."""
        result, is_repeat = self.expected(gate, text)
        scan = token_scan(text)
        decision = self.gates[gate].decide(scan)
        assert (decision.result, decision.is_repeat) == (result, is_repeat)
        assert decision.is_admitted == (result in {"green", "yellow_admitted"})
        self.sent.append((gate, scan, self.now, decision))
        # Two shows in one instant would be a repeat of the first.
        self.now += SECOND

    def retry(self, number: int) -> None:
        """Send an earlier scan again, as the page does when no answer came."""
        gate, scan, sent_at, decision = self.sent[number % len(self.sent)]
        if decision.is_repeat and self.now - sent_at > passes.LONGEST_WAIT:
            return
        again = self.gates[gate].decide(replace(scan, sent_at=self.now))
        if decision.is_repeat:
            assert again.is_repeat
        else:
            assert again == decision


def _walk(model: Model, walk: list[tuple[Any, ...]]) -> None:
    for name, *values in walk:
        with clock.at(model.now):
            match name, values:
                case "wait", [seconds]:
                    model.now += seconds * SECOND
                case "state", [person, state]:
                    set_state(model.persons[person], state)
                    model.states[person] = state
                case "fresh", [gate, person]:
                    text = token_of(model.persons[person])
                    model.made.setdefault(text, (person, model.now))
                    model.show(gate, text)
                case "shown", [gate, number] if model.made:
                    model.show(gate, list(model.made)[number % len(model.made)])
                case "forged", [gate]:
                    model.show(gate, tokens.make(FORGED, model.now)[:-3] + "000")
                case "retried", [number] if model.sent:
                    model.retry(number)


@pytest.mark.steady
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=steps)
def test_every_sequence_of_scans_is_answered_and_kept_as_the_rules_say(
    district: District, walk: list[tuple[Any, ...]]
) -> None:
    with transaction.atomic():
        district.users.clear()
        gate = make_gate(district)
        gates = [gate, add_gate(gate.place, gate.guard, "2号门"), make_gate(district, "东新园", yellow=True)]
        model = Model(gates, [district.zhang, district.li], clock.now())
        _walk(model, walk)
        kept = {(gates[gate].device.pk, scan.nonce) for gate, scan, _at, one in model.sent if not one.is_repeat}
        assert set(Pass.objects.values_list("device", "nonce")) == kept
        assert Pass.objects.count() == len(kept)
        admitted = Pass.objects.filter(is_admitted=True)
        assert not admitted.exclude(result="green", state="green").exclude(result="yellow_admitted").exists()
        assert not admitted.filter(result="yellow_admitted").exclude(state="yellow", place=gates[2].place).exists()
        transaction.set_rollback(True)
