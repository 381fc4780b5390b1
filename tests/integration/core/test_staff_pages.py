"""Area tree, trail, status, members, purpose, home, errors, health."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from citybrain.core import audit, beats, clock, outbox
from citybrain.core.models import AuditRow, Delivery, Organisation, RefusalNotice, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import (
    STAFF_ROLES,
    Act,
    Auditor,
    DistrictCommander,
    Employer,
    GridWorker,
    Resident,
    Role,
    SystemAdministrator,
)
from citybrain.navigation import PLACES
from tests import codes
from tests.people import District, browse

pytestmark = pytest.mark.django_db

PAGES = [
    ("core:areas", Act.SEE_AREAS),
    ("core:audit", Act.READ_AUDIT),
    ("core:status", Act.RUN_SYSTEM),
    ("core:me", Act.SEE_OWN_DATA),
    ("core:looks", Act.SEE_OWN_DATA),
    ("core:purpose", Act.SIGNED_IN),
    ("dashboard:home", Act.SIGNED_IN),
    ("community:estates", Act.SEE_ESTATES),
]


@pytest.mark.parametrize("role", [Resident, *STAFF_ROLES], ids=lambda role: role.codename)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_opens_for_whom_it_is_meant_and_for_nobody_else(
    district: District, role: type[Role], language: str
) -> None:
    client = browse(district.user(role))
    for page, act in PAGES:
        response = client.get(reverse(page), headers={"accept-language": language})
        assert response.status_code == (200 if act in role.may | {Act.SIGNED_IN} else 403), page


@pytest.mark.parametrize(("page", "act"), PAGES)
def test_whoever_is_not_signed_in_is_sent_to_the_sign_in_page_and_back(page: str, act: Act) -> None:
    response: Any = Client().get(reverse(page))
    assert response.url == f"{reverse('core:sign_in')}?next={reverse(page)}"


def test_an_account_without_a_role_is_told_so_and_shown_nothing_else(district: District) -> None:
    user = User.objects.create_staff("newcomer", "a-good-long-password")
    client = browse(user)
    home = client.get(reverse("dashboard:home"))
    assert home.status_code == 200
    assert home.context["holdings"] == []
    for page, act in PAGES:
        assert client.get(reverse(page)).status_code == (200 if act == Act.SIGNED_IN else 403)


@pytest.mark.steady
def test_navigation_offers_exactly_what_the_role_may_open(district: District) -> None:
    codes.adopt()
    roles: list[type[Role]] = [Resident, *STAFF_ROLES]
    for role in roles:
        client = browse(district.user(role))
        frame = client.get(reverse("dashboard:home")).context
        offered = {name for name, _title in [*frame["places"], *frame["seldom"]]}
        # A gate's page leads to the enrolment of the device first.
        opens = {name for name, _title, _act in PLACES if client.get(reverse(name), follow=True).status_code == 200}
        assert offered == opens, role
        assert offered > {"dashboard:home"} or role is Employer, role


def test_the_tree_shows_todays_codes_or_those_of_a_day(district: District) -> None:
    client = browse(district.user(GridWorker))
    assert "330103008008001" in client.get(reverse("core:areas")).content.decode()
    before = client.get(reverse("core:areas"), {"on": "2017-01-01"})
    assert before.context["branches"] == []
    for damaged in ("x", "2017-99-99", "0000-00-00", "9999-12-31", "0001-01-01"):
        assert client.get(reverse("core:areas"), {"on": damaged}).status_code == 200


def test_the_auditor_reads_every_row_and_reading_is_a_row(district: District) -> None:
    browse(district.user(GridWorker)).get(reverse("community:residents"))
    client = browse(district.user(Auditor))
    looks = client.get(reverse("core:audit")).context["looks"]
    assert Deed.SEE_LIST in {look.row.deed for look in looks}
    assert AuditRow.objects.filter(deed=Deed.READ_AUDIT, actor=district.user(Auditor).pk).count() == 1


def test_the_trail_is_narrowed_by_staff_deed_outcome_and_day(district: District) -> None:
    worker = district.user(GridWorker)
    browse(worker).get(reverse("community:residents"))
    browse(worker).get(reverse("community:resident", args=[district.li.ref]))
    client = browse(district.user(Auditor))

    def listed(**wanted: str) -> list[str]:
        return [look.row.deed for look in client.get(reverse("core:audit"), wanted).context["looks"]]

    assert listed(staff=worker.username) == ["see_person", "see_list"]
    assert listed(staff=worker.username, outcome="refused") == ["see_person"]
    assert listed(staff="nobody") == []
    assert listed(deed="see_list") == ["see_list"]
    assert listed(on=f"{clock.today() - dt.timedelta(days=1)}") == []
    assert "see_list" in listed(on=f"{clock.today()}")
    for day in ("9999-12-31", "0001-01-01", "x"):
        assert client.get(reverse("core:audit"), {"on": day}).status_code == 200
    assert listed(deed="nonsense"), "a filter that is none shows everything and says what is wrong"


def test_an_account_that_tries_doors_is_shown_to_the_auditor(district: District) -> None:
    worker = district.user(GridWorker)
    for _try in range(6):
        browse(worker).get(reverse("community:resident", args=[district.li.ref]))
    while outbox.fan_out() or outbox.deliver_next():
        pass
    assert RefusalNotice.objects.get().count == 6
    notices = browse(district.user(Auditor)).get(reverse("core:audit")).context["notices"]
    assert [(notice.count, account) for notice, account in notices] == [(6, worker)]


def test_the_administrator_sees_beats_and_puts_a_parked_delivery_back(district: District) -> None:
    beats.beat("dispatcher")
    row = audit.record(Deed.SIGN_IN, by=None)
    outbox.publish("look.refused", row=row.pk)
    outbox.fan_out()
    Delivery.objects.update(state="parked", last_error="RuntimeError('x')")
    client = browse(district.user(SystemAdministrator))
    response = client.get(reverse("core:status"))
    assert response.context["picture"]["processes"]["dispatcher"] < 5
    assert response.context["picture"]["processes"]["sealer"] is None
    assert "RuntimeError" in response.content.decode()
    client.post(reverse("core:requeue", args=[Delivery.objects.get().pk]))
    assert Delivery.objects.get().state == "pending"
    assert client.post(reverse("core:requeue", args=[999])).status_code == 302


def test_nobody_else_may_touch_the_queue(district: District) -> None:
    for role in (Auditor, DistrictCommander, Resident):
        assert browse(district.user(role)).post(reverse("core:requeue", args=[1])).status_code == 403


def test_an_employer_sees_its_own_people_by_name_without_address(district: District) -> None:
    client = browse(district.user(Employer))
    response = client.get(reverse("core:members", args=[district.employer.pk]))
    text = response.content.decode()
    assert "张三" in text
    assert "1幢101室" not in text
    assert AuditRow.objects.get(deed=Deed.SEE_MEMBERS).subjects == [district.zhang.pk]


def test_an_employer_does_not_see_another_employers_people(district: District) -> None:
    other = Organisation.objects.create(kind="employer", name="别家", area=district.grid)
    client = browse(district.user(Employer))
    assert client.get(reverse("core:members", args=[other.pk])).status_code == 404
    assert AuditRow.objects.get(outcome="refused").target == f"organisation:{other.pk}"
    assert browse(district.user(GridWorker)).get(reverse("core:members", args=[other.pk])).status_code == 403
    assert browse(None).get(reverse("core:members", args=[other.pk])).status_code == 302


def test_a_purpose_is_asked_for_once_and_leads_back(district: District) -> None:
    client = browse(district.user(GridWorker), purpose="")
    asked: Any = client.get(reverse("community:residents"), {"name": "张"})
    assert asked.url.startswith(reverse("core:purpose"))
    page = client.get(asked.url)
    answered: Any = client.post(reverse("core:purpose"), {"purpose": "visit", "next": page.context["next"]})
    assert client.get(answered.url).status_code == 200
    assert answered.url == "/residents/?name=%E5%BC%A0"
    with clock.at(clock.now() + dt.timedelta(hours=9)):
        assert client.get(reverse("community:residents")).status_code == 302


@pytest.mark.parametrize("purpose", ["", "other", "curiosity"])
def test_there_is_no_other_purpose(district: District, purpose: str) -> None:
    client = browse(district.user(GridWorker), purpose="")
    response = client.post(reverse("core:purpose"), {"purpose": purpose, "next": "https://evil.example/"})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert client.get(reverse("community:residents")).status_code == 302


def test_error_pages_help_in_both_languages(district: District, client: Client) -> None:
    for language in ("zh-hans", "en"):
        missing = client.get("/no-such-page/", headers={"accept-language": language})
        assert missing.status_code == 404
        assert "href" in missing.content.decode()
    refused = browse(district.user(Resident)).get(reverse("core:audit"))
    assert refused.status_code == 403
    assert "href" in refused.content.decode()


def test_a_broken_view_answers_500_with_a_page(client: Client, monkeypatch: pytest.MonkeyPatch, caplog: object) -> None:
    def fail() -> list[str]:
        raise RuntimeError

    monkeypatch.setattr(beats, "silent", fail)
    client.raise_request_exception = False
    response = client.get(reverse("core:healthz"))
    assert response.status_code == 500
    assert "<html" in response.content.decode()


def test_a_request_for_a_host_that_is_not_ours_is_a_bad_request(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "<html" in response.content.decode()


def test_healthz_names_the_processes_that_have_not_beaten_within_five_seconds(client: Client, settings: Any) -> None:
    settings.PROCESSES = ["web", "sealer", "dispatcher"]
    beats.beat("web")
    beats.beat("sealer")
    response = client.get(reverse("core:healthz"))
    assert (response.status_code, response.content) == (503, b"silent: dispatcher\n")
    beats.beat("dispatcher")
    assert client.get(reverse("core:healthz")).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_processbeat SET beat_at = now() - interval '6 seconds' WHERE name = 'sealer'")
    assert client.get(reverse("core:healthz")).content == b"silent: sealer\n"


def test_a_language_is_chosen_without_script_and_kept(client: Client) -> None:
    client.post(reverse("core:language"), {"language": "en", "next": reverse("core:sign_in")})
    assert 'lang="en"' in client.get(reverse("core:sign_in")).content.decode()
    client.post(reverse("core:language"), {"language": "zh-hans", "next": reverse("core:sign_in")})
    assert 'lang="zh-hans"' in client.get(reverse("core:sign_in")).content.decode().lower()


def test_pages_carry_a_strict_content_security_policy(client: Client) -> None:
    policy = client.get(reverse("core:sign_in"))["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
