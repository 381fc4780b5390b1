"""Staff accounts: made on record, password changed by oneself."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from citybrain.core.actions.accounts import create_staff
from citybrain.core.models import AreaGrant, AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import GridWorker, Resident
from tests.people import District, browse

pytestmark = pytest.mark.django_db

NEW = "a new sentence nobody knows"


def _sign_in(password: str) -> Client:
    client = Client()
    client.post(reverse("core:staff"), {"username": "g007", "password": password})
    return client


def _change(client: Client, old: str, new: str) -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(reverse("core:password"), form)


def test_the_command_prints_a_first_password_that_works_and_gives_no_role(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_staff", "G007", name="王")
    number, password = capsys.readouterr().out.split()
    assert number == "g007"
    assert "_auth_user_id" in _sign_in(password).session
    user = User.objects.get()
    assert not AreaGrant.objects.exists()
    assert AuditRow.objects.filter(deed=Deed.CREATE_ACCOUNT, target=f"user:{user.pk}").exists()
    with pytest.raises(CommandError, match="taken"):
        call_command("create_staff", "g007")


def test_a_changed_password_replaces_the_old_one_and_ends_other_sessions() -> None:
    user, first = create_staff(username="g007", display_name="", by=None)
    here, elsewhere = _sign_in(first), _sign_in(first)
    assert _change(here, first, NEW).status_code == 302
    assert here.get(reverse("dashboard:home")).status_code == 200
    assert elsewhere.get(reverse("dashboard:home")).status_code == 302
    assert "_auth_user_id" in _sign_in(NEW).session
    assert "_auth_user_id" not in _sign_in(first).session
    assert AuditRow.objects.filter(deed=Deed.CHANGE_PASSWORD, actor=user.pk).exists()


@pytest.mark.parametrize("weak", ["short", "password1234", ""])
def test_a_weak_password_or_a_wrong_old_one_changes_nothing(weak: str) -> None:
    _user, first = create_staff(username="g007", display_name="", by=None)
    client = _sign_in(first)
    assert _change(client, first, weak).context["form"].errors
    assert _change(client, "wrong", NEW).context["form"].errors
    assert "_auth_user_id" in _sign_in(first).session


def test_residents_have_no_password_and_strangers_are_asked_to_sign_in(district: District) -> None:
    resident: Any = browse(district.user(Resident)).get(reverse("core:password"))
    assert resident.url == reverse("core:me")
    assert browse(None).get(reverse("core:password")).status_code == 302
    assert browse(district.user(GridWorker)).get(reverse("core:password")).status_code == 200


def test_a_role_is_given_and_taken_on_the_command_line(district: District) -> None:
    create_staff(username="g007", display_name="", by=None)
    call_command("grant_role", "g007", "grid_worker", area="330103008008001")
    assert AreaGrant.objects.filter(user__username="g007", content_object=district.grid).exists()
    call_command("grant_role", "g007", "grid_worker", area="330103008008001", revoke=True)
    assert not AreaGrant.objects.filter(user__username="g007").exists()
    call_command("grant_role", "g007", "employer", organisation=district.employer.pk)
    for wrong in ({"area": "999999999999"}, {"area": "330103008008001"}):
        with pytest.raises(CommandError):
            call_command("grant_role", "nobody", "grid_worker", **wrong)
    with pytest.raises(CommandError, match="cannot be held"):
        call_command("grant_role", "g007", "grid_worker", organisation=district.employer.pk)
