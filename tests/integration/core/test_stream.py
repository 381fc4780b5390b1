"""The live stream: who may listen, what comes, and that listeners share the work."""

import asyncio
import base64
import datetime as dt
import gc
import json
import time
import weakref
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from citybrain import stream
from citybrain.core import clock, crypto
from citybrain.core.actions.accounts import change_password
from citybrain.core.actions.grants import grant_role, revoke_role
from citybrain.core.models import User
from citybrain.core.roles import (
    Auditor,
    CommunityStaff,
    DistrictCommander,
    GridWorker,
    StreetStaff,
    SystemAdministrator,
)
from citybrain.core.stream_ticket import KIND, Listener, accept, issue
from tests.orders import order_for
from tests.people import District, browse, make_district, make_person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# Status, headers, pictures.
Heard = tuple[int, dict[bytes, bytes], list[Any]]


def _listen(
    path: str, query: str = "", method: str = "GET", pictures: int = 2, meanwhile: Callable[[], object] | None = None
) -> Heard:
    """Return status, headers and the first pictures of one connection; `meanwhile` happens after the first."""

    async def connection() -> Heard:
        sent: list[Any] = []
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if meanwhile and len(sent) == 2:
                await sync_to_async(meanwhile)()
            if len(sent) > pictures:
                gone.set()

        scope = {"type": "http", "path": path, "query_string": query.encode(), "method": method}
        await asyncio.wait_for(stream.application(scope, receive, send), 20)
        bodies = [message["body"].decode() for message in sent[1:] if message["body"]]
        return sent[0]["status"], dict(sent[0]["headers"]), [json.loads(body.removeprefix("data: ")) for body in bodies]

    return asyncio.run(connection())


@pytest.fixture(autouse=True)
def _no_picture_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "feeds", stream.Feeds())


@pytest.fixture
def people(db: None) -> District:
    return make_district()


def _ticket(user: User) -> str:
    return f"ticket={issue(user, 'system', browse(user).session.session_key or '')}"


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
    ticket = issue(people.user(SystemAdministrator), "system", "s")
    assert accept(ticket, "system") == Listener(people.user(SystemAdministrator).pk, "s")
    assert accept(ticket, "cockpit") is None


def test_a_ticket_tells_nothing_and_is_no_other_sealed_value(people: District) -> None:
    ticket = issue(people.user(SystemAdministrator), "system", "session-key")
    assert b"session-key" not in base64.urlsafe_b64decode(ticket)
    content = crypto.unseal(KIND, base64.urlsafe_b64decode(ticket))
    assert accept(base64.urlsafe_b64encode(crypto.seal("phone", content)).decode(), "system") is None


def test_a_ticket_lives_for_a_minute(people: District) -> None:
    ticket = issue(people.user(SystemAdministrator), "system", "s")
    with clock.at(clock.now() + dt.timedelta(seconds=61)):
        assert accept(ticket, "system") is None


def test_the_page_is_given_a_ticket_that_works(people: District, client: Client) -> None:
    url = browse(people.user(SystemAdministrator)).get(reverse("core:ticket")).json()["url"]
    assert _listen("/stream/system", url.partition("?")[2], pictures=1)[0] == 200
    assert browse(people.user(Auditor)).get(reverse("core:ticket")).status_code == 403
    assert client.get(reverse("core:ticket")).status_code == 302


def test_a_ticket_is_worth_nothing_after_signing_out(people: District) -> None:
    client = browse(people.user(SystemAdministrator))
    query = client.get(reverse("core:ticket")).json()["url"].partition("?")[2]
    client.post(reverse("core:out"))
    assert _listen("/stream/system", query)[0] == 403


def test_a_ticket_without_a_session_or_of_another_ones_session_is_refused(people: District) -> None:
    admin, other = people.user(SystemAdministrator), browse(people.user(Auditor)).session.session_key or ""
    for session_key in ("", "nonsense", other):
        assert _listen("/stream/system", f"ticket={issue(admin, 'system', session_key)}")[0] == 403


@pytest.mark.parametrize("reason", ["signed out", "role revoked", "account closed", "password changed"])
def test_an_open_stream_ends_when_its_listener_may_not_listen_any_more(
    people: District, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(stream, "RECHECK", 0.5)
    admin = people.user(SystemAdministrator)
    client = browse(admin)
    happen: dict[str, Callable[[], object]] = {
        "signed out": lambda: client.post(reverse("core:out")),
        "role revoked": lambda: revoke_role(user=admin, role=SystemAdministrator, on=people.district, by=None),
        "account closed": lambda: User.objects.filter(pk=admin.pk).update(is_active=False),
        "password changed": lambda: change_password(user=admin, password="correct horse battery"),
    }
    ticket = client.get(reverse("core:ticket")).json()["url"].partition("?")[2]
    status, _headers, pictures = _listen("/stream/system", ticket, pictures=9, meanwhile=happen[reason])
    assert (status, len(pictures)) == (200, 1)


def test_an_open_stream_goes_on_after_its_ticket_has_run_out(people: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK", 0.5)
    ticket = _ticket(people.user(SystemAdministrator))
    later = ExitStack()

    def time_passes() -> None:
        later.enter_context(clock.at(clock.now() + dt.timedelta(minutes=5)))

    with later:
        assert len(_listen("/stream/system", ticket, pictures=3, meanwhile=time_passes)[2]) == 3


def test_a_database_that_is_away_ends_streams_without_an_error(
    people: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> str:
        raise OperationalError

    ticket = _ticket(people.user(SystemAdministrator))
    monkeypatch.setattr(stream, "_build", fail)
    assert _listen("/stream/system", ticket)[::2] == (200, [])
    monkeypatch.setattr(stream, "_key", fail)
    assert _listen("/stream/system", ticket)[0] == 503


def test_many_listeners_share_one_picture(people: District, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(channel: str, key: Hashable) -> str:
        built.append((channel, key))
        return json.dumps({"at": clock.now().isoformat()})

    async def crowd() -> set[tuple[float, str]]:
        feeds = stream.Feeds()
        return set(await asyncio.gather(*(feeds.of("system", "all").newer_than(0.0) for _listener in range(50))))

    monkeypatch.setattr(stream, "_build", build)
    assert len(asyncio.run(crowd())) == 1
    assert built == [("system", "all")]


def _cockpit_ticket(user: User) -> str:
    return f"ticket={issue(user, 'cockpit', browse(user).session.session_key or '')}"


def test_each_listener_of_the_cockpit_is_sent_the_figures_of_their_own_areas_alone(people: District) -> None:
    make_person("王五", people.street)
    heard = {
        role: _listen("/stream/cockpit", _cockpit_ticket(people.user(role)), pictures=1)[2][0]
        for role in (DistrictCommander, StreetStaff, CommunityStaff)
    }
    assert [heard[role]["figures"]["people"] for role in heard] == [3, 3, 2]


def test_whoever_has_the_same_areas_shares_a_feed_and_nobody_else(people: District) -> None:
    key, feeds = stream.CHANNELS["cockpit"].key, stream.Feeds()
    commander, second = people.user(DistrictCommander), people.user(StreetStaff, people.district)
    street = people.user(StreetStaff)
    ours = feeds.of("cockpit", key(commander))
    assert feeds.of("cockpit", key(second)) is ours
    assert feeds.of("cockpit", key(street)) is not ours
    assert feeds.of("orders", commander.pk) is not feeds.of("orders", street.pk)


def test_a_feed_is_forgotten_with_its_last_listener() -> None:
    feeds = stream.Feeds()
    first = feeds.of("system", "all")
    second = weakref.ref(feeds.of("orders", 17))
    gc.collect()
    assert feeds.of("system", "all") is first
    assert second() is None


def test_an_open_stream_shows_other_areas_once_the_grants_are_others(
    people: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RECHECK", 0.2)
    staff = people.user(CommunityStaff)
    make_person("王五", people.street)

    def promote() -> None:
        grant_role(user=staff, role=StreetStaff, on=people.street, by=None)

    status, _headers, pictures = _listen("/stream/cockpit", _cockpit_ticket(staff), pictures=4, meanwhile=promote)
    assert status == 200
    people_told = [picture["figures"]["people"] for picture in pictures]
    assert (people_told[0], people_told[-1]) == (2, 3)


def test_the_cockpit_is_sent_twice_a_second_and_a_slow_picture_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    def build_slowly(_channel: str, _key: Hashable) -> str:
        time.sleep(0.3)
        return "{}"

    async def seconds_between() -> float:
        feed = stream.Feeds().of("cockpit", ())
        first, _text = await feed.newer_than(0.0)
        second, _text = await feed.newer_than(first)
        return second - first

    assert stream.CHANNELS["cockpit"].interval == 0.5
    monkeypatch.setattr(stream, "_build", build_slowly)
    assert asyncio.run(seconds_between()) > 0.3 / stream.BUSY - 0.1


def test_a_worker_is_sent_their_own_orders(people: District) -> None:
    worker = people.user(GridWorker)
    order_for(people.zhang, people.grid)
    ticket = f"ticket={issue(worker, 'orders', browse(worker).session.session_key or '')}"
    assert _listen("/stream/orders", ticket, pictures=1)[2][0]["open"] == 1
