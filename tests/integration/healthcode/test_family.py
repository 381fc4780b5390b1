"""Acting for family: asked with a proof, checked by the grid worker, ended by either side; nothing is seen before."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse
from hypothesis import strategies as st

from citybrain.core import clock, crypto
from citybrain.core.models import AuditRow, Event, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, GridWorker, Resident
from community.models import Alert
from healthcode import family_queries
from healthcode.actions import family
from healthcode.answers import Identity
from healthcode.models import CodeState, Declaration, DeclarationDraft, Evidence, Guardianship
from tests import codes
from tests.declarations import CALM, NEW_PHONE, account, fill, send, today
from tests.families import CHILD, CHILD_ID, add, ask, asked, guard, picture, upload
from tests.people import LI_ID, LI_PHONE, ZHANG_ID, District, browse, make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]

State = Guardianship.State
NOT_SHOWN = 404


@pytest.fixture
def mother(district: District) -> User:
    """张三, who has a record and a phone."""
    user = district.user(Resident)
    user.phone_cipher = crypto.seal("phone", "19900001234")
    user.save()
    return user


@pytest.fixture
def phone(mother: User) -> Client:
    """Return the mother's browser."""
    client = browse(mother, "")
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def worker(district: District) -> User:
    """Return the grid worker of the mother's grid."""
    return district.user(GridWorker)


def _pages(person: Person) -> list[str]:
    names = ("family_code", "family_picture", "family_why", "family_declare", "family_declare_review")
    return [reverse(f"healthcode:{name}", args=[person.ref]) for name in (*names, "check_in_for")]


def _decide(worker: User, held: Guardianship, outcome: str, note: str = "") -> Any:
    return browse(worker).post(reverse("healthcode:family_check", args=[held.ref]), {"outcome": outcome, "note": note})


# Adding somebody.


def test_a_mother_adds_a_child_and_has_its_code_once_the_grid_worker_has_checked(
    phone: Client, mother: User, worker: User
) -> None:
    sent = add(phone)
    assert sent.headers["Location"] == reverse("healthcode:family")
    held = asked()
    assert (held.state, held.person, held.guardian) == (State.WAITING, None, mother)
    assert not Person.objects.filter(name="张小宝").exists(), "nothing is written before the check"
    assert not Evidence.objects.exists()
    assert _decide(worker, held, "accept").status_code == 302
    held.refresh_from_db()
    child = Person.objects.get(name="张小宝")
    assert (held.person, held.state, held.said_cipher) == (child, State.VERIFIED, b"")
    assert child.documents.get().reveal() == CHILD_ID
    assert (child.address, child.area) == (mother.person.address, mother.person.area) if mother.person else False
    assert not child.phones.exists(), "no phone of the mother's is the child's"
    declaration = Declaration.objects.get(person=child)
    assert (declaration.evidence.source, declaration.evidence.author) == ("guardian", mother.pk)
    assert declaration.evidence.true_at == held.asked_at
    assert CodeState.objects.get(person=child).state == "green"
    assert phone.get(reverse("healthcode:family_code", args=[child.ref])).status_code == 200
    assert phone.get(reverse("healthcode:family_picture", args=[child.ref])).headers["Content-Type"] == "image/png"


def test_the_questions_about_a_child_begin_with_relation_and_proof_and_ask_what_is_known_only_once(
    phone: Client, district: District
) -> None:
    url = phone.get(reverse("healthcode:family_new")).context["onward"]
    seen = []
    while "review" not in url:
        page = phone.get(url)
        seen.append(page.context["page"].name)
        if seen[-1] == "proof":
            url = upload(phone).headers["Location"]
        else:
            url = phone.post(url, {"go": "on", **CHILD[seen[-1]]}).headers["Location"]
    assert seen == [
        *["relation", "proof", "who", "together", "household", "work"],
        *["arrival", "stays", "contact", "health"],
    ]


@pytest.mark.parametrize("content", [b"no picture", b""])
def test_a_proof_that_is_no_picture_is_asked_for_again_and_the_rest_is_kept(phone: Client, content: bytes) -> None:
    fill(phone, {"relation": CHILD["relation"]}, whom="new")
    page = phone.get(upload(phone, content or b" ").headers["Location"])
    assert "photo" in page.context["form"].errors
    assert DeclarationDraft.objects.get().picture is None
    upload(phone)
    assert picture()[:2] not in bytes(DeclarationDraft.objects.get().picture or b"")
    assert phone.get(reverse("healthcode:family_new_page", args=["who"])).status_code == 200


def test_a_child_without_a_document_is_entered_with_birth_date_and_why(phone: Client, worker: User) -> None:
    who = {"name": "张小妹", "kind": "no_document", "because": "child", "born_on": today(30)}
    add(phone, who=who)
    _decide(worker, asked(), "accept")
    child = Person.objects.get(name="张小妹")
    assert not child.documents.exists()
    assert child.born_on == clock.today() - dt.timedelta(days=30)
    assert Declaration.objects.get(person=child).no_document == "child"


def test_a_draft_about_a_child_survives_a_lost_phone_and_stays_apart_from_one_s_own(
    phone: Client, mother: User
) -> None:
    fill(phone, {"same": {"same": "yes"}})
    fill(phone, {"relation": CHILD["relation"]}, whom="new")
    upload(phone)
    other_phone = browse(mother, "")
    start = other_phone.get(reverse("healthcode:family_new"))
    assert start.context["is_under_way"]
    assert start.context["onward"] == reverse("healthcode:family_new_page", args=["who"])
    assert other_phone.get(reverse("healthcode:declare")).context["answered"] == 1


# What is not said.


def test_the_answer_is_the_same_whether_the_number_is_on_record_or_not(phone: Client, mother: User) -> None:
    pages = []
    for number in (LI_ID, CHILD_ID):
        add(phone, who={"name": "张小宝", "kind": "resident_id", "number": number})
        page = phone.get(reverse("healthcode:family")).content.decode()
        pages.append(page)
        assert "李" not in page
        held = Guardianship.objects.latest("id")
        assert held.person is None
        family.end(guardianship=held, by=mother)
    assert pages[0].count("waits to be checked") == pages[1].count("waits to be checked") == 1
    assert len(AuditRow.objects.filter(deed=Deed.ADD_FAMILY, subjects=[])) == 2


def test_somebody_on_record_is_checked_where_they_live_and_nothing_said_of_them_is_written(
    phone: Client, mother: User, district: District, worker: User
) -> None:
    add(phone, relation={"relation": "parent"}, who={"name": "李四", "kind": "resident_id", "number": LI_ID})
    held = asked()
    assert held.area == district.other_grid
    check = reverse("healthcode:family_check", args=[held.ref])
    assert browse(worker).get(check).status_code == NOT_SHOWN
    other = district.user(GridWorker, district.other_grid)
    assert browse(other).get(check).context["on_record"] == district.li
    assert phone.get(_pages(district.li)[0]).status_code == NOT_SHOWN
    _decide(other, held, "accept")
    assert not Evidence.objects.filter(person=district.li).exists()
    assert Person.objects.get(pk=district.li.pk).address == "1幢101室"
    assert phone.get(_pages(district.li)[0]).status_code == 200
    assert mother.person is not None


def test_a_number_that_comes_on_record_elsewhere_meanwhile_is_handed_to_the_workers_there(
    phone: Client, worker: User, district: District
) -> None:
    add(phone)
    held = asked()
    make_person("张小宝", district.other_grid, CHILD_ID)
    _decide(worker, held, "accept")
    held.refresh_from_db()
    assert held.state == State.WAITING
    assert Event.objects.filter(kind="family.asked").count() == 2
    assert asked().area == district.other_grid


# Who may check.


@pytest.mark.parametrize("page", ["family_check", "family_proof"])
def test_the_check_is_the_grid_s_own_and_each_look_is_on_record(
    phone: Client, worker: User, mother: User, district: District, page: str
) -> None:
    add(phone)
    held = asked()
    url = reverse(f"healthcode:{page}", args=[held.ref])
    deed = Deed.SEE_PHOTO if page == "family_proof" else Deed.SEE_PERSON
    assert browse(worker).get(url).status_code == 200
    row = AuditRow.objects.filter(deed=deed, actor=worker.pk).latest("id")
    assert (row.subjects, row.purpose, row.holding) == ([mother.person_id], "visit", f"area:{district.grid.pk}")
    assert browse(worker, purpose="").get(url).headers["Location"].startswith(reverse("core:purpose"))
    elsewhere = district.user(GridWorker, district.other_grid)
    assert browse(elsewhere).get(url).status_code == NOT_SHOWN
    assert browse(mother).get(url).status_code == 403
    assert browse(None, "").get(url).status_code == 302
    lists = [browse(one).get(reverse("healthcode:family_to_check")).context["count"] for one in (worker, elsewhere)]
    assert lists == [1, 0]


def test_the_grid_worker_is_told_by_an_alert_of_the_person_s_grid(phone: Client, district: District) -> None:
    add(phone)
    held = asked()
    alert = Alert.objects.get(kind=Alert.Kind.FAMILY_TO_CHECK)
    assert (alert.area, alert.person, alert.subject) == (district.grid, district.zhang, f"guardianship:{held.pk}")


def test_a_refusal_needs_a_reason_that_whoever_asked_reads(phone: Client, worker: User) -> None:
    add(phone)
    held = asked()
    assert "note" in _decide(worker, held, "refuse").context["form"].errors
    _decide(worker, held, "refuse", "The names cannot be read.")
    held.refresh_from_db()
    assert (held.state, held.said_cipher, held.person) == (State.REFUSED, b"", None)
    assert not Person.objects.filter(name="张小宝").exists()
    assert "The names cannot be read." in phone.get(reverse("healthcode:family")).content.decode()
    assert _decide(worker, held, "accept").status_code == NOT_SHOWN, "it is decided once"


def test_nobody_decides_on_what_they_ask_for_themselves(district: District, worker: User) -> None:
    worker.person = make_person("王网格", district.grid, "330199194001010019")
    worker.save()
    user = district.resident(worker.person, NEW_PHONE)
    held = ask(user, district, Identity("王小", "resident_id", CHILD_ID))
    with pytest.raises(ValidationError):
        family.accept(guardianship=held, note="", by=worker)


def test_nobody_acts_for_themself_or_twice_for_the_same_person(mother: User, district: District, worker: User) -> None:
    with pytest.raises(ValidationError):
        family.accept(guardianship=ask(mother, district, Identity("张三", "resident_id", ZHANG_ID)), note="", by=worker)
    other = district.user(GridWorker, district.other_grid)
    guard(mother, district.li, other, LI_ID)
    with pytest.raises(ValidationError):
        guard(mother, district.li, other, LI_ID)


# Limits.


@override_settings(FAMILY_MOST=2)
def test_an_account_acts_for_so_many_people_and_no_more(phone: Client, mother: User, district: District) -> None:
    for number in (CHILD_ID, "330199201010100019"):
        ask(mother, district, Identity("张小宝", "resident_id", number))
    with pytest.raises(ValidationError):
        ask(mother, district, Identity("张小宝", "resident_id", "330199200201010011"))
    assert phone.get(reverse("healthcode:family_new")).headers["Location"] == reverse("healthcode:family")
    family.end(guardianship=Guardianship.objects.latest("id"), by=mother)
    assert phone.get(reverse("healthcode:family_new")).status_code == 200


def test_whoever_has_not_said_who_they_are_adds_nobody(district: District) -> None:
    client = browse(account(NEW_PHONE), "")
    page = client.get(reverse("healthcode:family"))
    assert not page.context["may_add"]
    assert client.get(reverse("healthcode:family_new")).headers["Location"] == reverse("healthcode:family")


# Acting.


@pytest.fixture
def daughter(mother: User, district: District) -> Guardianship:
    """张三 acts for 李四."""
    return guard(mother, district.li, district.user(GridWorker, district.other_grid), LI_ID)


def test_what_a_guardian_declares_is_theirs_on_record_and_the_person_s_on_the_code(
    phone: Client, mother: User, district: District, daughter: Guardianship
) -> None:
    li = district.li
    answers = {**CALM, "health": {"symptoms": ["fever"], "celsius": "38.2"}}
    fill(phone, answers, whom=str(li.ref))
    review = reverse("healthcode:family_declare_review", args=[li.ref])
    page = phone.get(review)
    assert "Mobile number" not in page.content.decode()
    sent = phone.post(review, {"version": page.context["version"], "pledge": "yes"})
    assert phone.get(sent.headers["Location"]).context["code"].state == "yellow"
    said = Evidence.objects.get(kind="declaration")
    assert (said.person, said.source, said.author) == (li, "guardian", mother.pk)
    row = AuditRow.objects.get(deed=Deed.DECLARE)
    assert (row.actor, row.subjects, row.role) == (mother.pk, [li.pk], "resident")
    assert not CodeState.objects.filter(person=mother.person).exists(), "the mother's code is not touched"
    looks = browse(district.resident(li, LI_PHONE), "").get(reverse("core:looks")).context["looks"]
    assert {look.row.deed for look in looks} >= {Deed.DECLARE, Deed.VERIFY_FAMILY}


def test_a_parent_s_colour_never_colours_the_child(
    phone: Client, mother: User, worker: User, district: District
) -> None:
    add(phone)
    _decide(worker, asked(), "accept")
    child = Person.objects.get(name="张小宝")
    codes.tell(district.zhang, "exposure", {"grade": "close"}, clock.now())
    assert CodeState.objects.get(person=mother.person).state == "red"
    assert CodeState.objects.get(person=child).state == "green"
    fill(phone, CALM)
    send(phone)
    codes.tell(child, "exposure", {"grade": "secondary"}, clock.now())
    states = {row.person_id: row.state for row in CodeState.objects.all()}
    assert states == {mother.person_id: "red", child.pk: "yellow"}
    members = family_queries.members_of(mother)
    assert [member.code.state for member in members if member.code] == ["yellow"]


def test_a_look_at_a_member_s_code_is_one_row_of_the_trail_while_it_stands_open(
    phone: Client, mother: User, district: District, daughter: Guardianship
) -> None:
    for _time in range(3):
        phone.get(reverse("healthcode:family_code", args=[district.li.ref]))
        phone.get(reverse("healthcode:family_picture", args=[district.li.ref]))
    rows = AuditRow.objects.filter(deed=Deed.SEE_PERSON, actor=mother.pk)
    assert [row.subjects for row in rows] == [[district.li.pk]]
    with clock.at(clock.now() + dt.timedelta(minutes=11)):
        phone.get(reverse("healthcode:family_picture", args=[district.li.ref]))
    assert rows.all().count() == 2


# Ending.


@pytest.mark.parametrize("who", ["guardian", "person"])
def test_either_side_ends_it_at_once(
    phone: Client, mother: User, district: District, daughter: Guardianship, who: str
) -> None:
    client = phone if who == "guardian" else browse(district.resident(district.li, LI_PHONE), "")
    page = client.get(reverse("healthcode:family"))
    assert reverse("healthcode:family_end", args=[daughter.ref]) in page.content.decode()
    client.post(reverse("healthcode:family_end", args=[daughter.ref]))
    daughter.refresh_from_db()
    assert daughter.state == State.ENDED
    for url in _pages(district.li):
        assert phone.get(url).status_code == NOT_SHOWN, url
    assert AuditRow.objects.filter(outcome="refused", subjects=[district.li.pk], actor=mother.pk).exists()


def test_a_stranger_ends_nothing(district: District, daughter: Guardianship) -> None:
    stranger = browse(account(NEW_PHONE), "")
    assert stranger.post(reverse("healthcode:family_end", args=[daughter.ref])).status_code == NOT_SHOWN
    daughter.refresh_from_db()
    assert daughter.state == State.VERIFIED


def test_what_was_answered_before_it_ended_cannot_be_sent_any_more(
    phone: Client, mother: User, district: District, daughter: Guardianship
) -> None:
    fill(phone, CALM, whom=str(district.li.ref))
    review = reverse("healthcode:family_declare_review", args=[district.li.ref])
    version = phone.get(review).context["version"]
    family.end(guardianship=daughter, by=mother)
    assert phone.post(review, {"version": version, "pledge": "yes"}).status_code == NOT_SHOWN
    assert not Evidence.objects.exists()


def test_a_child_that_has_grown_up_is_confirmed_anew_by_a_new_paper(phone: Client, mother: User, worker: User) -> None:
    turns_18 = clock.today() + dt.timedelta(days=2)
    born = dt.date(turns_18.year - 18, turns_18.month, turns_18.day)
    add(phone, who={"name": "张小宝", "kind": "no_document", "because": "child", "born_on": born.isoformat()})
    _decide(worker, asked(), "accept")
    held = Guardianship.objects.get()
    assert (held.until, held.is_in_force) == (turns_18, True)
    assert held.person is not None
    with clock.at(clock.now() + dt.timedelta(days=2)):
        client = browse(mother, "")
        for url in _pages(held.person):
            assert client.get(url).status_code == NOT_SHOWN
        again = reverse("healthcode:family_again", args=[held.ref])
        assert again in client.get(reverse("healthcode:family")).content.decode()
        assert client.get(again).status_code == 200
        assert "photo" in client.post(again).context["form"].errors
        client.post(again, {"photo": SimpleUploadedFile("paper.jpg", picture(), "image/jpeg")})
        anew = asked()
        assert (anew.state, anew.person) == (State.WAITING, held.person)
        assert client.get(_pages(held.person)[0]).status_code == NOT_SHOWN
        browse(worker).post(reverse("healthcode:family_check", args=[anew.ref]), {"outcome": "accept", "note": ""})
        anew.refresh_from_db()
        assert (anew.until, anew.is_in_force) == (None, True)
        assert client.get(_pages(held.person)[0]).status_code == 200


# Nobody else.


def _others(district: District, mother: User) -> dict[str, Callable[[], Client]]:
    return {
        "another resident": lambda: browse(account(NEW_PHONE), ""),
        "a grid worker": lambda: browse(district.user(GridWorker, district.other_grid)),
        "nobody": lambda: browse(None, ""),
    }


@pytest.mark.parametrize("who", ["another resident", "a grid worker", "nobody"])
def test_nobody_else_opens_the_pages_of_a_member(
    district: District, mother: User, daughter: Guardianship, who: str
) -> None:
    client = _others(district, mother)[who]()
    for url in _pages(district.li):
        answer = client.get(url)
        assert answer.status_code in {302, 403, 404}, url
        assert answer.status_code != 302 or answer.headers["Location"].startswith(reverse("core:sign_in")), url
        assert "李" not in answer.content.decode()


@pytest.mark.steady
@hypothesis.settings(max_examples=8, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    steps=st.lists(
        st.sampled_from(["ask", "wait", "accept", "refuse", "end by guardian", "end by person", "years pass"]),
        max_size=6,
    )
)
def test_whatever_happens_nobody_reads_of_whom_they_may_not_act_for(district: District, steps: list[str]) -> None:
    mother, worker = district.user(Resident), district.user(GridWorker, district.other_grid)
    li_account = district.resident(district.li, LI_PHONE)
    Guardianship.objects.all().delete()
    child = district.li
    Person.objects.filter(pk=child.pk).update(born_on=clock.today().replace(year=clock.today().year - 10, day=1))
    now, may = clock.now(), False
    for step in steps:
        with clock.at(now):
            held = Guardianship.objects.order_by("id").last()
            try:
                if step == "ask":
                    ask(mother, district, Identity("李四", "resident_id", LI_ID))
                elif step == "accept" and held:
                    family.accept(guardianship=held, note="", by=worker)
                elif step == "refuse" and held:
                    family.refuse(guardianship=held, note="no", by=worker)
                elif step.startswith("end") and held:
                    family.end(guardianship=held, by=mother if step.endswith("guardian") else li_account)
            except ValidationError:
                pass
        if step == "years pass":
            now += dt.timedelta(days=366 * 9)
        with clock.at(now):
            may = any(one.person == child and one.is_in_force for one in Guardianship.objects.all())
            client = browse(mother, "")
            answers = {client.get(url).status_code for url in _pages(child)[:3]}
            page = client.get(reverse("healthcode:family")).content.decode()
            if not may:
                assert answers == {NOT_SHOWN}, steps
                assert reverse("healthcode:family_code", args=[child.ref]) not in page
                with pytest.raises(Exception, match="refused"):
                    family_queries.person_for(mother, child.ref, Act.CHECK_IN)
            else:
                assert NOT_SHOWN not in answers, steps


def test_the_code_page_names_the_members_whose_code_may_be_shown_and_no_others(
    phone: Client, mother: User, district: District, daughter: Guardianship
) -> None:
    ask(mother, district, Identity("张小宝", "resident_id", CHILD_ID))
    more = phone.get(reverse("healthcode:code_more")).content.decode()
    assert reverse("healthcode:family_code", args=[district.li.ref]) in more
    assert "李*" in more
    assert "张小" not in more
