"""The live stream: who may listen, what comes, and that listeners share the work."""

import asyncio
import json
from typing import Any

import pytest
from django.core import signing
from django.urls import reverse

from citybrain import stream
from citybrain.core import clock
from citybrain.core.models import User
from citybrain.core.roles import Auditor, SystemAdministrator
from citybrain.core.stream_ticket import accept, issue
from tests.people import District, browse, make_district

pytestmark = pytest.mark.django_db(transaction=True)

# Status, headers, pictures.
Heard = tuple[int, dict[bytes, bytes], list[Any]]


def _listen(path: str, query: str = "", method: str = "GET", pictures: int = 2) -> Heard:
    """Return status, headers and the first pictures of one connection."""

    async def connection() -> Heard:
        sent: list[Any] = []
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) > pictures:
                gone.set()

        scope = {"type": "http", "path": path, "query_string": query.encode(), "method": method}
        await asyncio.wait_for(stream.application(scope, receive, send), 20)
        bodies = [message["body"].decode() for message in sent[1:] if message["body"]]
        return sent[0]["status"], dict(sent[0]["headers"]), [json.loads(body.removeprefix("data: ")) for body in bodies]

    return asyncio.run(connection())


@pytest.fixture
def people(db: None) -> District:
    return make_district()


def _ticket(user: User) -> str:
    return f"ticket={issue(user, 'system')}"


def test_the_administrator_gets_a_picture_each_second(people: District) -> None:
    status, headers, pictures = _listen("/stream/system", _ticket(people.user(SystemAdministrator)))
    assert status == 200
    assert headers[b"content-type"] == b"text/event-stream"
    assert len(pictures) == 2
    assert set(pictures[0]) == {"at", "processes", "outbox", "block"}


def test_only_the_site_itself_may_read_the_stream(people: District, settings: Any) -> None:
    settings.SITE_ORIGIN = "http://127.0.0.1:8000"
    _status, headers, _pictures = _listen("/stream/system", _ticket(people.user(SystemAdministrator)))
    assert headers[b"access-control-allow-origin"] == b"http://127.0.0.1:8000"


@pytest.mark.parametrize("query", ["", "ticket=", "ticket=x:y:z", "ticket=%00"])
def test_without_a_genuine_ticket_nothing_is_sent(people: District, query: str) -> None:
    assert _listen("/stream/system", query)[0] == 403


def test_a_genuine_ticket_of_someone_who_may_not_is_refused(people: District) -> None:
    assert _listen("/stream/system", _ticket(people.user(Auditor)))[0] == 403


def test_an_account_closed_since_the_ticket_was_issued_is_refused(people: District) -> None:
    admin = people.user(SystemAdministrator)
    ticket = _ticket(admin)
    admin.is_active = False
    admin.save()
    assert _listen("/stream/system", ticket)[0] == 403


@pytest.mark.parametrize(("path", "method"), [("/stream/other", "GET"), ("/", "GET"), ("/stream/system", "POST")])
def test_what_is_no_channel_is_not_found(path: str, method: str) -> None:
    assert _listen(path, method=method)[0] == 404


def test_a_ticket_of_one_channel_does_not_open_another(people: District) -> None:
    ticket = issue(people.user(SystemAdministrator), "system")
    assert accept(ticket, "system") == people.user(SystemAdministrator).pk
    assert accept(ticket, "cockpit") is None
    assert accept(signing.dumps({"user": 1, "channel": "system"}, salt="another"), "system") is None


def test_the_status_page_carries_a_ticket_that_works(people: District) -> None:
    response = browse(people.user(SystemAdministrator)).get(reverse("core:status"))
    query = response.context["stream_url"].partition("?")[2]
    assert _listen("/stream/system", query, pictures=1)[0] == 200


def test_many_listeners_share_one_picture(people: District, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(channel: str) -> dict[str, object]:
        built.append(channel)
        return {"at": clock.now().isoformat()}

    async def crowd() -> set[str]:
        pictures = stream.Pictures()
        return set(await asyncio.gather(*(pictures.get("system") for _listener in range(50))))

    monkeypatch.setattr(stream, "_build", build)
    assert len(asyncio.run(crowd())) == 1
    assert built == ["system"]
