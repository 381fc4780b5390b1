"""The description of the API: current, without warnings, shown to whoever is signed in, and kept by the answers."""

import string
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import roles
from tests.described import COMMITTED, description, json_schema
from tests.people import District, browse

ADVICE = "run `manage.py spectacular --lang en --file docs/api/openapi.yaml` and read what changed"


def test_the_description_of_the_api_is_current_and_made_without_a_warning(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", "--fail-on-warn", "--validate", "--lang", "en", "--file", str(made))
    assert COMMITTED.read_text() == made.read_text(), ADVICE


@pytest.mark.parametrize("role", [roles.Resident, roles.GridWorker, roles.SystemAdministrator])
def test_whoever_is_signed_in_may_read_the_description_and_it_is_the_same_for_all(
    district: District, role: type[roles.Role]
) -> None:
    answer = browse(district.user(role), purpose="").get(reverse("core:api_schema"))
    assert answer.status_code == 200
    assert answer.json() == description()


@pytest.mark.usefixtures("district")
def test_whoever_is_not_signed_in_is_told_nothing_of_the_api() -> None:
    answer = Client().get(reverse("core:api_schema"))
    assert answer.status_code == 403
    assert set(answer.json()) == {"detail"}


# What callers send: figures, long and odd texts, refs of somebody and of nobody.
ANY_TEXT = st.text(max_size=80) | st.text(string.digits, min_size=1, max_size=30)


def _operations() -> list[tuple[str, dict[str, Any]]]:
    found = description()["paths"]
    # Those of programs are signed, and tried apart: tests/integration/healthcode/test_services_described.py.
    return [(path, methods["get"]) for path, methods in found.items() if "get" in methods]


@pytest.mark.steady
@given(data=st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_each_answer_is_one_that_the_description_promises(district: District, data: Any) -> None:
    path, operation = data.draw(st.sampled_from(_operations()))
    refs = st.sampled_from([str(district.zhang.ref), str(district.li.ref)]) | st.uuids().map(str)
    asked = {
        one["name"]: data.draw(refs | ANY_TEXT if one["in"] == "query" else refs)
        for one in operation.get("parameters", ())
        if one["in"] == "path" or data.draw(st.booleans())
    }
    role = data.draw(st.sampled_from([roles.CommunityStaff, roles.GridWorker, roles.SystemAdministrator]))
    client = browse(district.user(role), purpose=data.draw(st.sampled_from(["visit", ""])))
    client.raise_request_exception = False
    answer = client.get(path.format(**asked), asked)
    promised = operation["responses"].get(str(answer.status_code))
    assert promised, f"{path} {asked}: {answer.status_code}"
    jsonschema.validate(answer.json(), json_schema(promised["content"]["application/json"]["schema"]))
