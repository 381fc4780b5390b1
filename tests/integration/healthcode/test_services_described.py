"""Whatever a program sends, signed, each answer of a service is one that the description of the API promises."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import clock
from tests.described import description, json_schema
from tests.people import LI_ID, ZHANG_ID, District
from tests.programs import BASE, Program, laboratory, program_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]
DESCRIPTION = description()
PATHS = sorted(path for path in DESCRIPTION["paths"] if path.startswith(BASE))
FACTS: list[dict[str, Any]] = [{"dose": 1, "vaccine": "x"}, {"result": "negative", "method": "antigen"}, {}]
CHINESE = {
    "health-declaration/": "健康申报",
    "trip-declaration/": "行程申报",
    "health-query/": "健康查询",
    "code-call/": "亮码申请",
    "make-code/": "制码",
    "verify-code/": "验码",
    "correction/": "纠错",
}
ANY = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=60)
)
ANYTHING = st.recursive(
    ANY, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one, max_size=3)
)


def test_the_seven_services_are_there_by_their_names() -> None:
    for path, name in CHINESE.items():
        operation = DESCRIPTION["paths"][f"{BASE}{path}"]["post"]
        assert name in operation["summary"]
        assert operation["security"] == [{"signedKey": []}]


@pytest.fixture
def program(district: District) -> Program:
    """A program of a hospital that may do all that there is."""
    return program_of(district, laboratory(district), per_minute=100_000, per_day=100_000)


@pytest.mark.steady
@given(data=st.data())
@hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_each_answer_is_one_that_the_description_promises(program: Program, data: Any) -> None:
    path = data.draw(st.sampled_from(PATHS))
    operation = DESCRIPTION["paths"][path]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    said = _fill(program, data, reference) if data.draw(st.integers(0, 9)) else data.draw(ANYTHING)
    program.client.raise_request_exception = False
    answer = program.post("", target=path, body=json.dumps(said).encode())
    promised = operation["responses"].get(str(answer.status_code))
    assert promised, f"{path} {said}: {answer.status_code} {answer.content[:300]!r}"
    jsonschema.validate(answer.json(), json_schema(promised["content"]["application/json"]["schema"]))


def _fill(program: Program, data: Any, reference: str) -> Any:
    """Draw a body after its schema, most of it right and some of it anything."""
    schema = DESCRIPTION["components"]["schemas"][reference.rpartition("/")[2]]
    body = {}
    for name, one in schema["properties"].items():
        if name not in schema.get("required", ()) and data.draw(st.booleans()):
            continue
        body[name] = data.draw(ANYTHING) if not data.draw(st.integers(0, 14)) else _value(program, data, name, one)
    if {"consent", "code"} <= set(schema.get("required", ())) and data.draw(st.booleans()):
        services = DESCRIPTION["components"]["schemas"]["ServiceEnum"]["enum"]
        body |= program.consent(data.draw(st.sampled_from(services)), data.draw(st.sampled_from([ZHANG_ID, LI_ID])))
    return body


def _value(program: Program, data: Any, name: str, schema: Any) -> Any:
    if name == "document_number":
        return data.draw(st.sampled_from([ZHANG_ID, LI_ID, "330199198001010033", "x"]))
    if name == "facts":
        return data.draw(st.sampled_from(FACTS))
    if "$ref" in schema or "allOf" in schema:
        target = schema.get("$ref") or schema["allOf"][0]["$ref"]
        named = DESCRIPTION["components"]["schemas"][target.rpartition("/")[2]]
        return data.draw(st.sampled_from(named["enum"])) if "enum" in named else _fill(program, data, target)
    if "enum" in schema:
        return data.draw(st.sampled_from(schema["enum"]))
    if schema.get("type") == "array":
        return [_value(program, data, "", schema["items"]) for _number in range(data.draw(st.integers(0, 3)))]
    drawn: dict[str, Any] = {
        "number": st.floats(30, 45),
        "boolean": st.just(True),
        "date": st.just(clock.today().isoformat()),
        "date-time": st.just(clock.now().isoformat()),
        "uuid": st.uuids().map(str),
    }
    kind = schema.get("format") if schema.get("format") in drawn else schema.get("type")
    return data.draw(
        drawn.get(str(kind), st.sampled_from(["123456", "door-1", "张叁", "X" * 48]) | st.text(max_size=70))
    )
