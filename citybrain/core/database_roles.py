"""The three database roles: owner (migrates), app (runs), retention (erases).

Roles are made from the URLs that the processes use; what each may do to which table follows from
the models (`AppendOnly`) and is applied after every migration.
"""

import logging
from typing import Any, LiteralString

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connections, transaction
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

log = logging.getLogger(__name__)

APPEND_ONLY_APP = "SELECT, INSERT"
APPEND_ONLY_RETENTION = "SELECT, DELETE"
ORDINARY_APP = "SELECT, INSERT, UPDATE, DELETE"
ORDINARY_RETENTION = "SELECT, INSERT, UPDATE, DELETE"
READ_ONLY = "SELECT"
# What only functions of the owner write.
SEAL_FUNCTION = "core_seal(integer)"
OWNERS_FUNCTIONS = (
    "core_begin_era()",
    "core_unsealed_from(core_xidera)",
    "core_append_block(core_xidera, bigint, bigint, bigint)",
    "core_stamp_auditrow()",
)
# A session of ours that idles inside a transaction is stuck; it would hold the sealer back.
IDLE_IN_TRANSACTION = "60s"
# Tables that only migrations write.
OWNERS_OWN = frozenset({"django_migrations"})


class ExcessRightsError(Exception):
    """A role has more rights than it must have; the text says what to do."""


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
    exists = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role["user"]]).fetchone()
    if exists and exists[0]:
        raise ExcessRightsError(f"the role {role['user']} is a superuser: name another one")
    # Without a word on it a new role may create nothing; naming it in ALTER would take a superuser.
    verb: LiteralString = "ALTER" if exists else "CREATE"
    admin.execute(
        sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(str(role["user"])),
            sql.Literal(role.get("password", "")),
        ),
    )
    idle = sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = {}")
    admin.execute(idle.format(sql.Identifier(str(role["user"])), sql.Literal(IDLE_IN_TRANSACTION)))


def _run(admin: psycopg.Connection[Any], statement: LiteralString, *names: object) -> None:
    admin.execute(sql.SQL(statement).format(*(sql.Identifier(str(name)) for name in names)))


def apply_privileges(alias: str = "owner") -> None:
    """Grant each table's rights to the app and retention roles, as the owner, all or none; idempotent.

    A table gets nothing before this runs. A model whose `append_only` is true may be inserted by the app role
    and deleted by the retention role; nobody updates it. One that is `written_by_owner` is read only.
    """
    app, retention = (_role_of(name) for name in ("default", "retention"))
    append_only = _tables_of("append_only")
    read_only = OWNERS_OWN | _tables_of("written_by_owner")
    connection = connections[alias]
    quote = connection.ops.quote_name
    # Running processes must not meet a table between the revoking and the granting.
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        for function in (SEAL_FUNCTION, *OWNERS_FUNCTIONS):
            cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        for role, functions in {app: (SEAL_FUNCTION, *_named("app")), retention: _named("retention")}.items():
            for function in functions if role else ():
                cursor.execute(_grant("GRANT EXECUTE ON FUNCTION {} TO {}", function, role))
        for table in connection.introspection.table_names(cursor):
            if table in read_only:
                rights = {app: READ_ONLY, retention: READ_ONLY}
            elif table in append_only:
                rights = {app: APPEND_ONLY_APP, retention: APPEND_ONLY_RETENTION}
            else:
                rights = {app: ORDINARY_APP, retention: ORDINARY_RETENTION}
            for role, granted in rights.items():
                if role:
                    cursor.execute(_grant("REVOKE ALL ON {} FROM {}", quote(table), role))
                    cursor.execute(_grant("GRANT " + granted + " ON {} TO {}", quote(table), role))


def excess_rights() -> str:
    """Say what the default connection's role may do that the app role must not; "" when all is well."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        role, is_super = cursor.fetchone()
        if is_super:
            return f"DATABASE_URL names the superuser {role}: name the app role that `manage.py create_roles` made"
        for table in sorted(_tables_of("append_only") | _tables_of("written_by_owner")):
            cursor.execute("SELECT has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE, TRIGGER')", [table])
            if cursor.fetchone()[0]:
                return f"the role {role} of DATABASE_URL may change {table}: name the app role, run `manage.py migrate`"
    return ""


def _named(role: str) -> list[str]:
    """Return the functions of the owner that an app's configuration lets a role call: `app_may_call = (…)`."""
    return [function for config in apps.get_app_configs() for function in getattr(config, f"{role}_may_call", ())]


def _tables_of(mark: str) -> frozenset[str]:
    return frozenset(model._meta.db_table for model in apps.get_models() if getattr(model, mark, False))


def _grant(statement: str, what: str, role: str) -> str:
    return statement.format(what, connections["default"].ops.quote_name(role))


def _role_of(alias: str) -> str:
    return str(settings.DATABASES[alias]["USER"]) if alias in settings.DATABASES else ""
