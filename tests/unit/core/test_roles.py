import pytest

from citybrain.core.roles import ROLES, STAFF_ROLES, Act, Role, SystemAdministrator


@pytest.mark.parametrize("role", list(ROLES.values()), ids=list(ROLES))
def test_every_role_explains_itself_in_one_sentence(role: type[Role]) -> None:
    assert str(role.title)
    assert str(role.sentence).endswith((".", "。"))


def test_the_system_administrator_may_do_nothing_that_names_a_resident() -> None:
    naming = {Act.SEE_PEOPLE, Act.UNMASK_PERSON, Act.EXPORT_PEOPLE, Act.SEE_MEMBERS, Act.READ_AUDIT, Act.SEE_OWN_DATA}
    assert not SystemAdministrator.may & naming


def test_whoever_may_unmask_or_export_may_also_see_the_list() -> None:
    for role in STAFF_ROLES:
        if role.may & {Act.UNMASK_PERSON, Act.EXPORT_PEOPLE}:
            assert Act.SEE_PEOPLE in role.may
