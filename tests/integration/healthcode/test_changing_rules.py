"""Rules change by two people of two units, after a dry run on the real residents; one hand alone changes nothing."""

import copy
import datetime as dt
import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from citybrain.core import clock
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import DistrictCommander, HealthOfficer
from healthcode import queries, rule_book
from healthcode.actions import proposals
from healthcode.actions import trial as trials
from healthcode.actions.rules import AlreadyInForceError, FailedTestsError, adopt_rules, enter_rules
from healthcode.models import CodeChange, CodeState, Evidence, Reason, RuleActivation, RuleProposal, RuleSet
from healthcode.rules import RulesError
from tests.changed_rules import HANGZHOU, LOOSE, STRICT, approved, proposed, tried, with_places
from tests.codes import BODY, WELL, adopt, noon, tell
from tests.people import District, make_district, make_person

pytestmark = pytest.mark.django_db
NOW = noon(2, 20)


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules: 张三 green, 李四 yellow, a contact of a contact who is well again."""
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 19))
    tell(district.li, "declaration", WELL, noon(2, 19))
    tell(district.li, "declaration", {**WELL, "symptoms": ["cough"]}, noon(2, 19))
    tell(district.li, "test_result", {"result": "negative", "method": "nucleic_acid"}, noon(2, 20, 9))
    return district


def _broken(name: str = "hangzhou") -> dict[str, Any]:
    body = copy.deepcopy(BODY) | {"name": name, "version": "broken"}
    body["rules"][0]["tests"][0]["state"] = "green"
    return body


def test_a_rule_set_whose_own_test_fails_is_refused_and_the_test_is_named(people: District) -> None:
    with pytest.raises(FailedTestsError, match=r"a suspected case is red.* expected green.* got red"):
        enter_rules(body=_broken(), by=None)
    body = copy.deepcopy(BODY) | {"version": "untested"}
    del body["rules"][1]["tests"]
    with pytest.raises(RulesError, match=r"rules\[1\]\.tests"):
        enter_rules(body=body, by=None)
    with pytest.raises(ValueError, match="other words"):
        enter_rules(body=copy.deepcopy(BODY) | {"title": {"zh": "新", "en": "new"}}, by=None)
    with pytest.raises(ValueError, match="longer"):
        enter_rules(body=copy.deepcopy(BODY) | {"version": "x" * 31}, by=None)
    assert RuleSet.objects.count() == 1


def test_the_shipped_sets_pass_their_tests_and_are_inert_when_entered(people: District) -> None:
    for body in (STRICT, LOOSE):
        entered = enter_rules(body=body, by=people.user(HealthOfficer))
        assert enter_rules(body=body, by=None) == entered
    assert RuleActivation.objects.count() == 1
    assert AuditRow.objects.filter(deed=Deed.PROPOSE_RULES, target=f"rule_set:{entered.pk}").exists()


def test_one_hand_puts_rules_in_force_only_while_there_are_none(district: District) -> None:
    with pytest.raises(FailedTestsError):
        adopt_rules(body=_broken(), risk_areas=None, by=None)
    call_command("adopt_rules", verbosity=0)
    with pytest.raises(AlreadyInForceError):
        adopt_rules(body=BODY, risk_areas=None, by=district.user(DistrictCommander))
    with pytest.raises(CommandError, match="/rules/changes/"):
        call_command("adopt_rules", verbosity=0)
    assert RuleActivation.objects.count() == 1


def test_a_dry_run_says_who_would_change_and_why_and_changes_nothing(people: District) -> None:
    before = [list(model.objects.values()) for model in (CodeState, CodeChange, Reason, Evidence)]
    with clock.at(NOW):
        trial = tried(people, LOOSE)
    assert (trial.state, trial.persons, trial.judged, trial.changed) == ("done", 2, 2, 1)
    tallies = trial.tallies
    assert tallies["changes"] == {"yellow>green": 1}
    assert tallies["same"] == {"green": 1}
    assert tallies["rules"] == {"symptoms": {"opened": 0, "ended": 1, "recoloured": 0}}
    assert tallies["streets"] == {str(people.street.pk): {"persons": 2, "changes": {"yellow>green": 1}}}
    assert tallies["ages"] == {"18": {"persons": 2, "changes": {"yellow>green": 1}}}
    ((sampled),) = trial.sample
    assert (sampled["person"], sampled["after"]) == (people.li.pk, [])
    assert [one["rule"] for one in sampled["before"]] == ["symptoms"]
    assert before == [list(model.objects.values()) for model in (CodeState, CodeChange, Reason, Evidence)]


def test_a_dry_run_judges_both_sides_at_the_instant_it_was_asked_for(people: District) -> None:
    with clock.at(NOW):
        rule_set = enter_rules(body=LOOSE, by=None)
        trial = trials.try_out(rule_set=rule_set, risk_list=1, by=people.user(HealthOfficer))
    tell(people.zhang, "case", {"status": "confirmed"}, NOW + dt.timedelta(minutes=1))
    with clock.at(NOW + dt.timedelta(hours=2)):
        trials.work()
    trial.refresh_from_db()
    assert trial.tallies["same"] == {"green": 1}


def test_a_dry_run_counts_whom_no_rule_touched_so_far(people: District) -> None:
    """Somebody who never declared has no code, but a stay that a new list turns red."""
    stranger = make_person("王五", people.grid)
    stay = {"code": "330103008000", "from": "2020-02-12", "to": "2020-02-14"}
    tell(stranger, "risk_area_stay", stay, noon(2, 15))
    assert not CodeState.objects.filter(person=stranger).exists()
    with clock.at(NOW):
        trial = tried(people, RuleSet.objects.get(), with_places(HANGZHOU))
    assert trial.tallies["changes"] == {"not_known>red": 1}


def test_a_dry_run_goes_on_where_its_worker_died_and_is_given_up_when_it_breaks(
    people: District, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRIAL_CHUNK = 1
    with clock.at(NOW):
        trial = trials.try_out(rule_set=RuleSet.objects.get(), risk_list=1, by=people.user(HealthOfficer))
        turns = iter([True, False])
        assert trials.work(lambda: next(turns)) == 1
        trial.refresh_from_db()
        assert (trial.state, trial.judged, trial.persons) == ("running", 1, 2)
        assert trials.work() == 1
        trial.refresh_from_db()
        assert (trial.state, trial.judged) == ("done", 2)
        broken = trials.try_out(rule_set=RuleSet.objects.get(), risk_list=1, by=people.user(HealthOfficer))
        monkeypatch.setattr(trials, "compared", lambda _trial: 1 / 0)
        trials.work()
    monkeypatch.undo()
    broken.refresh_from_db()
    assert broken.state == "failed"
    with clock.at(NOW):
        forgotten = trials.try_out(rule_set=RuleSet.objects.get(), risk_list=1, by=people.user(HealthOfficer))
    with clock.at(NOW + dt.timedelta(days=2)):
        trials.work()
    forgotten.refresh_from_db()
    assert forgotten.state == "failed"


def test_the_same_dry_run_is_not_begun_twice_while_it_runs(people: District) -> None:
    officer = people.user(HealthOfficer)
    with clock.at(NOW):
        first, again = (trials.try_out(rule_set=RuleSet.objects.get(), risk_list=1, by=officer) for _number in range(2))
        other = trials.try_out(rule_set=RuleSet.objects.get(), risk_list=0, by=officer)
        trials.work()
        anew = trials.try_out(rule_set=RuleSet.objects.get(), risk_list=1, by=officer)
    assert first == again
    assert len({first.pk, other.pk, anew.pk}) == 3


def test_the_sample_of_a_dry_run_is_forgotten_after_a_week(people: District) -> None:
    with clock.at(NOW):
        trial = tried(people, LOOSE)
    with clock.at(NOW + dt.timedelta(days=6)):
        assert trials.forget_samples() == 0
    with clock.at(NOW + dt.timedelta(days=8)):
        assert trials.forget_samples() == 1
    trial.refresh_from_db()
    assert (trial.sample, trial.changed) == ([], 1)


def test_another_person_of_another_unit_puts_proposed_rules_in_force(people: District) -> None:
    commander = people.user(DistrictCommander)
    with clock.at(NOW):
        proposal = proposed(people, tried(people))
        assert RuleActivation.objects.count() == 1
        activation = approved(people, proposal)
    assert (activation.valid_from, activation.rule_set.name) == (NOW, "strict")
    assert activation.activated_by == [proposal.proposed_by, commander.pk]
    proposal.refresh_from_db()
    assert (proposal.state, proposal.activation, proposal.decided_by) == ("approved", activation, commander.pk)
    row = AuditRow.objects.filter(deed=Deed.ADOPT_RULES).latest("id")
    assert (row.actor, row.target) == (commander.pk, f"activation:{activation.pk}")


def test_nobody_approves_their_own_proposal_nor_one_of_their_unit(
    people: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = people.user(HealthOfficer)
    grant_role(user=officer, role=DistrictCommander, on=people.district, by=None)
    with clock.at(NOW):
        proposal = proposed(people, tried(people))
        for decide in (proposals.approve, proposals.refuse):
            with pytest.raises(ValidationError, match=r"自己|yourself"):
                decide(proposal=proposal, note="x", by=User.objects.get(pk=officer.pk))
        monkeypatch.setattr(proposals, "unit_of", lambda *_args: proposal.proposed_under)
        with pytest.raises(ValidationError, match=r"另一单位|another unit"):
            approved(people, proposal)
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleProposal.objects.update(state="refused", decided_by=officer.pk, decided_at=NOW)
    assert RuleActivation.objects.count() == 1


def test_only_a_finished_fresh_trial_against_the_rules_in_force_can_be_proposed(people: District) -> None:
    day = dt.timedelta(days=1)
    with clock.at(NOW):
        waiting = trials.try_out(rule_set=RuleSet.objects.get(), risk_list=1, by=people.user(HealthOfficer))
        with pytest.raises(ValidationError):
            proposed(people, waiting)
        trial, other = tried(people), tried(people, LOOSE)
        with pytest.raises(ValidationError):
            proposed(people, trial, NOW - day)
        first, second = proposed(people, trial), proposed(people, other)
    with clock.at(NOW + day + dt.timedelta(seconds=1)), pytest.raises(ValidationError):
        proposed(people, trial)
    with clock.at(NOW + 4 * day), pytest.raises(ValidationError):
        approved(people, first)
    with clock.at(NOW + dt.timedelta(hours=1)):
        approved(people, first)
        with pytest.raises(ValidationError):
            approved(people, second)
        with pytest.raises(ValidationError):
            proposed(people, other)
        with pytest.raises(ValidationError):
            approved(people, first)
    assert RuleActivation.objects.count() == 2


def test_a_refusal_says_why_and_a_proposal_is_taken_back_by_whoever_made_it(people: District) -> None:
    commander, officer = people.user(DistrictCommander), people.user(HealthOfficer)
    with clock.at(NOW):
        trial = tried(people)
        one, other = proposed(people, trial), proposed(people, trial)
        with pytest.raises(ValidationError):
            proposals.refuse(proposal=one, note=" ", by=commander)
        proposals.refuse(proposal=one, note="太严", by=commander)
        with pytest.raises(ValidationError):
            proposals.take_back(proposal=other, by=commander)
        proposals.take_back(proposal=other, by=officer)
        for gone in (one, other):
            with pytest.raises(ValidationError):
                approved(people, gone)
    assert set(RuleProposal.objects.values_list("state", flat=True)) == {"refused", "taken_back"}
    assert AuditRow.objects.filter(deed=Deed.REFUSE_RULES, actor=commander.pk).count() == 1


def test_rules_start_at_their_time_and_an_older_version_comes_back_the_same_way(people: District) -> None:
    start = noon(2, 21)
    with clock.at(NOW):
        approved(people, proposed(people, tried(people), start))
        assert queries.why_at(people.zhang, noon(2, 20, 23)).state == "green"
        in_force = RuleActivation.objects.filter(valid_from__lte=clock.now()).count()
    assert in_force == 1
    with clock.at(noon(2, 21, 13)):
        back = approved(people, proposed(people, tried(people, RuleSet.objects.get(name="hangzhou"), 1)))
    assert (back.rule_set.name, back.risk_list) == ("hangzhou", 1)


def test_an_approved_change_is_called_off_by_the_present_rules_with_the_same_start(people: District) -> None:
    start = noon(2, 21)
    with clock.at(NOW):
        coming = approved(people, proposed(people, tried(people), start))
        approved(people, proposed(people, tried(people, RuleSet.objects.get(name="hangzhou")), start))
        versions = rule_book.versions()
    assert [one.activation.rule_set.name for one in versions.to_come] == ["hangzhou"]
    assert rule_book.version(coming.pk) is None
    assert queries.why_at(people.zhang, noon(2, 22)).state == "green"


def test_a_new_list_of_risk_areas_needs_a_trial_and_two_people_and_changes_nobody_before(people: District) -> None:
    stay = {"code": "330103008000", "from": "2020-02-12", "to": "2020-02-14"}
    tell(people.zhang, "risk_area_stay", stay, noon(2, 15))
    with clock.at(NOW):
        number = with_places(HANGZHOU)
        assert queries.why_at(people.zhang, NOW).state == "green"
        trial = tried(people, RuleSet.objects.get(), number)
        assert trial.tallies["changes"] == {"green>red": 1}
        approved(people, proposed(people, trial))
        assert queries.why_at(people.zhang, NOW).state == "red"


@pytest.mark.django_db(transaction=True)
def test_of_two_approvers_at_once_one_puts_the_rules_in_force() -> None:
    people = make_district()
    adopt()
    tell(people.zhang, "declaration", WELL, noon(2, 19))
    with clock.at(NOW):
        proposal = proposed(people, tried(people))
        commanders = [people.user(DistrictCommander), people.user(DistrictCommander, on=people.street)]
        start, answers = threading.Barrier(2), list[str]()

        def decide(user: User) -> None:
            try:
                start.wait()
                proposals.approve(proposal=proposal, note="", by=user)
                answers.append("approved")
            except ValidationError:
                answers.append("too late")
            finally:
                connection.close()

        both = [threading.Thread(target=decide, args=[user]) for user in commanders]
        for one in both:
            one.start()
        for one in both:
            one.join()
    assert sorted(answers) == ["approved", "too late"]
    assert RuleActivation.objects.count() == 2
