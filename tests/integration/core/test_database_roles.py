"""Three database roles: what the app role cannot do, no bug in the app can do either."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction

from citybrain.core import audit
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


def test_every_append_only_model_is_closed_to_update_and_delete_by_the_app_role() -> None:
    models = [model for model in apps.get_models() if getattr(model, "append_only", False)]
    assert AuditRow in models
    with connection.cursor() as cursor:
        for model in models:
            for right in ("DELETE", "TRUNCATE"):
                cursor.execute("SELECT has_table_privilege(%s, %s)", [model._meta.db_table, right])
                assert cursor.fetchone() == (False,), (model, right)


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


def test_creating_roles_twice_changes_nothing() -> None:
    call_command("create_roles")
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'citybrain_app'")
        assert cursor.fetchone() == (False, False, False)
