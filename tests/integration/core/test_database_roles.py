"""Three database roles: what the app role cannot do, no bug in the app can do either."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction

from citybrain.core import audit, database_roles
from citybrain.core.models import AuditRow
from citybrain.core.models.audit import Deed

pytestmark = pytest.mark.django_db


@contextmanager
def _refused_by_the_database() -> Iterator[None]:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        yield


def test_the_tests_run_as_the_app_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("citybrain_app",)


def test_the_app_role_cannot_change_an_audit_row() -> None:
    row = audit.record(Deed.SIGN_IN, by=None)
    with _refused_by_the_database():
        AuditRow.objects.filter(pk=row.pk).update(target="nothing happened")


def test_the_app_role_cannot_delete_an_audit_row() -> None:
    row = audit.record(Deed.SIGN_IN, by=None)
    with _refused_by_the_database():
        AuditRow.objects.filter(pk=row.pk)._raw_delete(using="default")


@pytest.mark.parametrize("statement", ["TRUNCATE core_auditrow", "DROP TABLE core_auditrow", "CREATE TABLE x (y int)"])
def test_the_app_role_cannot_change_the_schema_or_empty_a_table(statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_app_role_may_do_to_each_marked_table_what_the_mark_says_and_no_more() -> None:
    marks = {"append_only": {"SELECT", "INSERT"}, "written_by_owner": {"SELECT"}}
    seen = set()
    for model in apps.get_models():
        for mark, rights in marks.items():
            if getattr(model, mark, False):
                seen.add(model._meta.db_table)
                assert _rights_on(model._meta.db_table) == rights, model
    wanted = {
        "core": {"auditrow", "audithead", "auditblock", "xidera", "photo"},
        "healthcode": {
            *("evidence", "codechange", "riskarea", "risklist", "ruleset", "ruleactivation", "declaration"),
            *("impact", "appealstep", "appealpaper"),
        },
        "community": {"orderstep", "visit", "visitphoto", "carerequest"},
        "accesslog": {"pass", "quarantinedpass", "certificate"},
    }
    assert seen == {f"{app}_{name}" for app, names in wanted.items() for name in names}


def _rights_on(table: str) -> set[str]:
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    with connection.cursor() as cursor:
        cursor.execute("SELECT r FROM unnest(%s::text[]) AS r WHERE has_table_privilege(%s, r)", [list(rights), table])
        return {right for (right,) in cursor.fetchall()}


@pytest.mark.slow
def test_a_role_that_may_do_more_than_the_app_role_is_named_before_anything_starts() -> None:
    assert database_roles.excess_rights() == ""
    for url, word in (("DATABASE_OWNER_URL", "may change accesslog_"), ("DATABASE_ADMIN_URL", "superuser")):
        environment = {**os.environ, "DATABASE_URL": os.environ[url]}
        for program in (["manage.py", "sealer"], ["-c", "import citybrain.wsgi"]):
            done = subprocess.run(
                [sys.executable, *program], env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 1
            assert word in done.stderr


def test_a_superuser_is_not_taken_for_a_role_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", os.environ["DATABASE_ADMIN_URL"])
    with pytest.raises(CommandError, match="is a superuser"):
        call_command("create_roles")


@pytest.mark.django_db(databases=["default", "retention"], transaction=True)
def test_the_retention_role_may_delete_audit_rows_but_not_change_them() -> None:
    audit.record(Deed.SIGN_IN, by=None)
    with pytest.raises(ProgrammingError, match="permission denied"), connections["retention"].cursor() as cursor:
        cursor.execute("UPDATE core_auditrow SET target = 'x'")
    assert AuditRow.objects.using("retention").all()._raw_delete(using="retention") == 1


def test_migrations_are_refused_without_the_owner_role() -> None:
    with pytest.raises(CommandError, match="DATABASE_OWNER_URL"):
        call_command("migrate", database="nobody")


def test_creating_roles_needs_the_administrators_address(settings: object) -> None:
    settings.DATABASE_ADMIN_URL = ""  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="DATABASE_ADMIN_URL"):
        call_command("create_roles")


def test_creating_roles_again_leaves_them_as_they_were() -> None:
    before = _roles()
    call_command("create_roles")
    assert _roles() == before
    assert [role[1:4] for role in before] == [(False, False, False)] * 3


def _roles() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles"
            " WHERE rolname LIKE 'citybrain_%' ORDER BY 1"
        )
        return list(cursor.fetchall())


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_giving_the_rights_anew_fails_as_a_whole_and_leaves_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    grant = database_roles._grant

    def break_off(statement: str, what: str, role: str) -> str:
        given.append(what)
        if statement.startswith("GRANT SELECT") and len(given) > len(database_roles.OWNERS_FUNCTIONS) + 20:
            raise ConnectionError
        return grant(statement, what, role)

    monkeypatch.setattr(database_roles, "_grant", break_off)
    with pytest.raises(ConnectionError):
        database_roles.apply_privileges()
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.managed]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t FROM unnest(%s::text[]) AS t WHERE NOT has_table_privilege(t, 'SELECT')", [sorted(tables)]
        )
        assert cursor.fetchall() == []
