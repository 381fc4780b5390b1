"""Pages about rules: everybody reads what judges them; an officer enters, tries and proposes; a commander decides."""

import copy
import datetime as dt
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.models import AuditRow
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, DistrictCommander, GridWorker, HealthOfficer, Resident
from healthcode.actions import trial as trials
from healthcode.models import RiskArea, RiskList, RuleActivation, RuleProposal, RuleSet, Trial
from tests.changed_rules import LOOSE, STRICT, WORDS, approved, proposed, tried
from tests.codes import BODY, WELL, adopt, noon, tell
from tests.people import District, browse

pytestmark = pytest.mark.django_db
NOW = noon(2, 20)
LIST = "code,name,level,valid_from,valid_to,listed_on\n"


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules; 李四 has coughed and was tested since."""
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 19))
    tell(district.li, "declaration", {**WELL, "symptoms": ["cough"]}, noon(2, 19))
    tell(district.li, "test_result", {"result": "negative", "method": "nucleic_acid"}, noon(2, 20, 9))
    return district


@pytest.fixture
def officer(people: District) -> Client:
    """A health officer's browser, in English."""
    return _english(browse(people.user(HealthOfficer)))


@pytest.fixture
def commander(people: District) -> Client:
    """The commander's browser, in English."""
    return _english(browse(people.user(DistrictCommander)))


def _english(client: Client) -> Client:
    client.cookies["django_language"] = "en"
    return client


def _text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def _file(body: Any, name: str = "rules.json") -> SimpleUploadedFile:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return SimpleUploadedFile(name, text.encode())


def test_anybody_reads_the_rules_in_force_in_words_made_from_the_data(people: District) -> None:
    page = _text(_english(Client()), reverse("healthcode:rules"))
    for told in (
        "Hangzhou health code, 11 February 2020",
        "contact with a case or a contact: close contact of a case; it became known at most 14 days after it happened",
        "14 days with a normal daily check-in, from the day after. They must follow one another: a missed day starts",
        "A negative test does not end this.",
        "within the last 14 days",
        "湖北省",
        "Put in force when the system was set up.",
        "On record since: case released.",
    ):
        assert told in page, told
    chinese = _text(Client(), reverse("healthcode:rules"))
    assert "密切接触者" in chinese


def test_without_rules_the_page_says_so(district: District) -> None:
    assert "No rules are in force" in _text(_english(Client()), reverse("healthcode:rules"))


def test_an_approved_change_is_announced_at_once_and_older_versions_keep_their_address(people: District) -> None:
    visitor = _english(Client())
    with clock.at(NOW):
        coming = approved(people, proposed(people, tried(people, LOOSE), noon(2, 21)))
        page = _text(visitor, reverse("healthcode:rules"))
        assert "The rules change on 2020-02-21 12:00." in page
        assert WORDS["announcement_en"] in page
        next_rules = _text(visitor, reverse("healthcode:rules_version", args=[coming.pk]))
        assert "These rules are not in force yet." in next_rules
        assert "Proposed by: 下城区 Health officer. Approved by: 下城区 District commander." in next_rules
        assert people.user(HealthOfficer).username not in next_rules
    with clock.at(noon(2, 22)):
        page = _text(visitor, reverse("healthcode:rules"))
        assert "Loose rules, tests first" in page
        old = RuleActivation.objects.earliest("pk")
        assert reverse("healthcode:rules_version", args=[old.pk]) in page
        assert "not in force any more" in _text(visitor, reverse("healthcode:rules_version", args=[old.pk]))
    assert visitor.get(reverse("healthcode:rules_version", args=[9**15])).status_code == 404


def test_rules_and_risk_areas_can_be_downloaded_as_they_are_entered(people: District, officer: Client) -> None:
    pk = RuleActivation.objects.get().pk
    got = Client().get(reverse("healthcode:rules_file", args=[pk]))
    assert json.loads(got.content) == BODY
    areas = Client().get(reverse("healthcode:risk_areas_file", args=[pk])).content.decode()
    assert "420000000000,湖北省,high,2020-01-10,,2020-01-23" in areas
    with clock.at(NOW):
        officer.post(reverse("healthcode:new_risk_list"), {"title": "again", "file": _file(areas, "a.csv")})
    before, after = (
        list(RiskArea.objects.filter(version=number).values_list("prefix", "level", "valid_from", "listed_on"))
        for number in (1, 2)
    )
    assert before == after


def test_an_officer_enters_a_rule_file_and_a_bad_one_is_refused_with_its_place(officer: Client) -> None:
    url = reverse("healthcode:new_rule_set")
    failing = copy.deepcopy(BODY) | {"version": "failing"}
    failing["rules"][0]["tests"][0]["state"] = "green"
    nested = "[" * 100_000
    for body, told in (
        ("{", "This is no JSON file"),
        (nested, "This is no JSON file"),
        ('{"a": NaN}', "This is no JSON file"),
        ("[]", "is an object"),
        ('"\\u0000"', "cannot be kept"),
        (copy.deepcopy(BODY) | {"declaration": {"fresh_days": 0}}, "declaration.fresh_days"),
        (failing, "a suspected case is red however many check-ins follow"),
        (copy.deepcopy(BODY) | {"title": {"zh": "x", "en": "x"}}, "other words"),
    ):
        answer = officer.post(url, {"file": _file(body)})
        assert (answer.status_code, told in answer.content.decode()) == (200, True), told
    assert RuleSet.objects.count() == 1
    answer = officer.post(url, {"file": _file(STRICT)}, follow=True)
    assert "all of their tests hold" in answer.content.decode()
    assert RuleActivation.objects.count() == 1


def test_an_officer_enters_a_list_and_each_row_that_cannot_be_is_named(officer: Client) -> None:
    url = reverse("healthcode:new_risk_list")

    def send(text: str) -> str:
        return officer.post(url, {"title": "t", "file": _file(text, "l.csv")}, follow=True).content.decode()

    page = send(LIST + "3301,杭州,high,2020-02-01,,\n330100000000,杭州,higher,x,2020-01-01,\n")
    assert "Row 2: Code: A code has 12 digits" in page
    assert "Row 3: Level:" in page
    assert "First day:" in page
    row = "330100000000,杭州市,high,2020-02-01,,\n"
    assert "Row 3: the same place as in row 2." in send(LIST + row + row)
    assert "names the columns" in send("a,b\n1,2\n")
    assert "names the columns" in send("\n")
    assert RiskList.objects.count() == 1
    with clock.at(NOW):
        page = send(
            "代码,名称,等级,开始日期\n330100000000,杭州市,高风险,2020-02-01\n420000000000,湖北省,高风险,2020-01-10\n"
        )
    assert "This list is not in force." in page
    assert "no longer on the list" in page
    listed = dict(RiskArea.objects.filter(version=2).values_list("prefix", "listed_on"))
    assert listed == {"3301": dt.date(2020, 2, 20), "42": dt.date(2020, 1, 23)}


def test_a_list_is_edited_place_by_place_and_each_edit_is_a_version(officer: Client) -> None:
    first = RiskArea.objects.get(version=1, prefix="42")
    with clock.at(NOW):
        url = reverse("healthcode:risk_list", args=[1])
        assert "First day" in officer.post(url, {"code": "1"}).content.decode()
        wrong = officer.post(url, {"end": "1", "area": first.pk, "valid_to": "2020-01-01"})
        assert "It must end after its first day." in wrong.content.decode()
        assert officer.post(url, {"end": "1", "area": "999", "valid_to": "2020-03-01"}).status_code == 200
        officer.post(url, {"end": "1", "area": first.pk, "valid_to": "2020-03-01"})
        assert RiskArea.objects.get(version=2, prefix="42").valid_to == dt.date(2020, 3, 1)
        place = {"code": "330100000000", "name": "杭州市", "level": "medium", "valid_from": "2020-02-01"}
        officer.post(reverse("healthcode:risk_list", args=[2]), place)
        assert RiskArea.objects.filter(version=3).count() == 3
        page = _text(officer, reverse("healthcode:risk_list", args=[3]))
    assert "changed" in page
    assert "new" in page
    assert RuleActivation.objects.get().risk_list == 1


def test_from_trial_to_approval_on_the_pages(officer: Client, commander: Client, people: District) -> None:
    officer.post(reverse("healthcode:new_rule_set"), {"file": _file(LOOSE)})
    with clock.at(NOW):
        chosen = {"rule_set": RuleSet.objects.get(name="loose").pk, "risk_list": 1}
        running = officer.post(reverse("healthcode:try_rules"), chosen, follow=True).content.decode()
        assert "It begins within ten seconds." in running
        trials.work()
        trial = Trial.objects.get()
        page = _text(officer, reverse("healthcode:rule_trial", args=[trial.ref]))
        assert "<strong>1</strong> of 2 people would change" in page
        assert "东新街道" in page
        sample = _text(officer, reverse("healthcode:rule_trial_people", args=[trial.ref]))
        assert "李*" in sample
        assert "李四" not in sample
        assert "No symptoms" not in sample
        assert "cough" in sample
        look = AuditRow.objects.filter(deed=Deed.SEE_LIST).latest("id")
        assert (look.subjects, look.target) == ([people.li.pk], f"trial:{trial.pk}")
        url = reverse("healthcode:propose_rules", args=[trial.ref])
        late = officer.post(url, {**WORDS, "start": "later", "starts_at": "2020-02-19T10:00"}).content.decode()
        assert "lies in the past" in late
        assert WORDS["announcement_zh"] in late
        assert "Say when they start." in officer.post(url, {**WORDS, "start": "later"}).content.decode()
        officer.post(url, {**WORDS, "start": "now"})
        proposal = RuleProposal.objects.get()
        assert "They wait for you" in _text(commander, reverse("healthcode:rule_proposals"))
        page = _text(commander, reverse("healthcode:rule_proposal", args=[proposal.ref]))
        assert WORDS["announcement_zh"] in page
        assert "<strong>1</strong> of 2" in page
        assert "李*" in _text(commander, reverse("healthcode:rule_proposal_people", args=[proposal.ref]))
        decide = reverse("healthcode:decide_rules", args=[proposal.ref])
        assert "Say why" in commander.post(decide, {"answer": "refuse"}).content.decode()
        commander.post(decide, {"answer": "approve"})
        assert "decided this proposal already" in commander.post(decide, {"answer": "approve"}).content.decode()
    assert RuleActivation.objects.latest("pk").rule_set.name == "loose"


def test_a_proposal_is_taken_back_on_the_page_by_its_maker(officer: Client, people: District) -> None:
    with clock.at(NOW):
        proposal = proposed(people, tried(people))
        assert "Take back" in _text(officer, reverse("healthcode:rule_changes"))
        officer.post(reverse("healthcode:take_back_rules", args=[proposal.ref]))
        again = officer.post(reverse("healthcode:take_back_rules", args=[proposal.ref]), follow=True)
    assert "decided this proposal already" in again.content.decode()


def test_a_trial_that_is_too_old_cannot_be_proposed_and_the_page_says_why(officer: Client, people: District) -> None:
    with clock.at(NOW):
        trial = tried(people)
    with clock.at(NOW + dt.timedelta(days=2)):
        page = _text(officer, reverse("healthcode:rule_trial", args=[trial.ref]))
        assert "too old" in page
        assert reverse("healthcode:propose_rules", args=[trial.ref]) not in page
        answer = officer.post(reverse("healthcode:propose_rules", args=[trial.ref]), {**WORDS, "start": "now"})
    assert "too old" in answer.content.decode()
    assert not RuleProposal.objects.exists()


def test_an_officer_of_another_street_sees_the_counts_and_nobody_of_the_sample(people: District) -> None:
    elsewhere = people.user(HealthOfficer, on=people.grid)
    with clock.at(NOW):
        trial = tried(people, LOOSE)
        client = _english(browse(elsewhere))
        assert "<strong>1</strong> of 2" in _text(client, reverse("healthcode:rule_trial", args=[trial.ref]))
        page = _text(client, reverse("healthcode:rule_trial_people", args=[trial.ref]))
    assert "Nobody of the sample lives where you may see people." in page


@pytest.mark.parametrize("role", [Resident, GridWorker, CommunityStaff])
def test_nobody_else_gets_to_the_pages_of_change(people: District, role: Any) -> None:
    client = browse(people.user(role))
    with clock.at(NOW):
        trial = tried(people)
        proposal = proposed(people, trial)
    for page, args in (
        ("rule_changes", []),
        ("new_rule_set", []),
        ("rule_trial", [trial.ref]),
        ("rule_trial_people", [trial.ref]),
        ("propose_rules", [trial.ref]),
        ("rule_proposals", []),
        ("rule_proposal", [proposal.ref]),
    ):
        url = reverse(f"healthcode:{page}", args=args)
        assert client.get(url).status_code == 403, page
        assert Client().get(url).status_code == 302, page
    assert (
        client.post(reverse("healthcode:decide_rules", args=[proposal.ref]), {"answer": "approve"}).status_code == 403
    )
    assert RuleActivation.objects.count() == 1


def test_who_proposes_may_not_open_the_door_of_who_approves_nor_the_other_way(
    officer: Client, commander: Client, people: District
) -> None:
    with clock.at(NOW):
        trial = tried(people)
        proposal = proposed(people, trial)
    decide = reverse("healthcode:decide_rules", args=[proposal.ref])
    assert officer.post(decide, {"answer": "approve"}).status_code == 403
    assert commander.post(reverse("healthcode:try_rules"), {"rule_set": trial.rule_set_id}).status_code == 403
    assert commander.post(reverse("healthcode:new_rule_set"), {"file": _file(STRICT)}).status_code == 403
