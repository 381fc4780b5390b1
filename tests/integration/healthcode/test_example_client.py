"""The example client of the documentation works as it stands, over HTTP, against a real server."""

import importlib.util
from types import ModuleType
from typing import Any

import pytest
from django.utils import translation

from citybrain.core import clock
from healthcode.models import Consent
from tests.codes import adopt
from tests.declarations import account
from tests.people import ZHANG_ID, make_district
from tests.programs import program_of
from tests.repo import tree


def _client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_client", tree.ROOT / "docs" / "api" / "example_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.steady
@pytest.mark.django_db(transaction=True)
def test_the_example_of_the_documentation_declares_asks_makes_and_reads_a_code(live_server: Any) -> None:
    district = make_district()
    adopt()
    account("19900001234", person=district.zhang)
    program = program_of(district, district.employer)
    example = _client()
    services = example.Services(live_server.url, str(program.key.ref), program.secret)

    def told(asked: dict[str, Any]) -> str:
        Consent.objects.update(asked_at=clock.now().replace(year=2020))
        return Consent.objects.get(ref=asked["consent"]).code()

    declared, asked, made, read = example.walk(services, "resident_id", ZHANG_ID, told)
    assert [declared["state"], asked["state"], read["result"]] == ["green"] * 3
    assert (len(made["token"]), read["masked_name"]) == (48, "张*")
    wrong = example.Services(live_server.url, str(program.key.ref), "wrong")
    with translation.override("en"), pytest.raises(example.RefusedError, match="bad_signature"):
        wrong.post("health-query", {})
