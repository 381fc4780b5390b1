"""The three database roles: owner (migrates), app (runs), retention (erases).

Roles are made from the URLs that the processes use; what each may do to which table follows from
the models (`AppendOnly`) and is applied after every migration.
"""

import logging
from typing import Any, LiteralString

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

log = logging.getLogger(__name__)

APPEND_ONLY_APP = "SELECT, INSERT"
APPEND_ONLY_RETENTION = "SELECT, DELETE"
ORDINARY_APP = "SELECT, INSERT, UPDATE, DELETE"
ORDINARY_RETENTION = "SELECT, INSERT, UPDATE, DELETE"
READ_ONLY = "SELECT"
# Tables that only migrations write.
OWNERS_OWN = frozenset({"django_migrations"})


def create_roles(admin_url: str, *, owner_url: str, app_url: str, retention_url: str) -> None:
    """Make or update the three login roles and the database that they share.

    `admin_url` names a role that may create roles and databases; it is used here and nowhere else.
    """
    owner, app, retention = (conninfo_to_dict(url) for url in (owner_url, app_url, retention_url))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for role in (owner, app, retention):
            _make_login(admin, role)
        database = str(owner["dbname"])
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            # A role that is no superuser must belong to the role it makes the owner.
            _run(admin, "GRANT {} TO CURRENT_USER", owner["user"])
            _run(admin, "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0", database, owner["user"])
        _run(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
        for role in (owner, app, retention):
            _run(admin, "GRANT CONNECT ON DATABASE {} TO {}", database, role["user"])
    with psycopg.connect(make_conninfo(admin_url, dbname=database), autocommit=True) as admin:
        admin.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        _run(admin, "GRANT ALL ON SCHEMA public TO {}", owner["user"])
        _run(admin, "GRANT USAGE ON SCHEMA public TO {}, {}", app["user"], retention["user"])


def _make_login(admin: psycopg.Connection[Any], role: dict[str, Any]) -> None:
    exists = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role["user"]]).fetchone()
    # Without a word on it a new role may create nothing; naming it in ALTER would take a superuser.
    verb: LiteralString = "ALTER" if exists else "CREATE"
    admin.execute(
        sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(str(role["user"])),
            sql.Literal(role.get("password", "")),
        ),
    )


def _run(admin: psycopg.Connection[Any], statement: LiteralString, *names: object) -> None:
    admin.execute(sql.SQL(statement).format(*(sql.Identifier(str(name)) for name in names)))


def apply_privileges(alias: str = "owner") -> None:
    """Grant each table's rights to the app and retention roles, as the owner; idempotent.

    A table gets nothing before this runs. A model whose `append_only` is true may be inserted by the app role
    and deleted by the retention role; nobody updates it.
    """
    app, retention = (_role_of(name) for name in ("default", "retention"))
    append_only = {model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False)}
    connection = connections[alias]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in OWNERS_OWN:
                rights = {app: READ_ONLY, retention: READ_ONLY}
            elif table in append_only:
                rights = {app: APPEND_ONLY_APP, retention: APPEND_ONLY_RETENTION}
            else:
                rights = {app: ORDINARY_APP, retention: ORDINARY_RETENTION}
            for role, granted in rights.items():
                if role:
                    cursor.execute(_grant("REVOKE ALL ON {} FROM {}", table, role))
                    cursor.execute(_grant("GRANT " + granted + " ON {} TO {}", table, role))


def _grant(statement: str, table: str, role: str) -> str:
    quote = connections["default"].ops.quote_name
    return statement.format(quote(table), quote(role))


def _role_of(alias: str) -> str:
    return str(settings.DATABASES[alias]["USER"]) if alias in settings.DATABASES else ""
