"""Which database the demo runs on: its own cluster below var/, or the one that the environment names."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from citybrain.demo.cluster import Cluster
from citybrain.demo.terminal import DemoError

DATABASE = "citybrain"
ROLES = ("app", "owner", "retention")
VARIABLES = {"app": "DATABASE_URL", "owner": "DATABASE_OWNER_URL", "retention": "DATABASE_RETENTION_URL"}
CONNECT_SECONDS = 5
MAY_CREATE = "SELECT rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
HAS_DATABASE = "SELECT 1 FROM pg_database WHERE datname = %s"
HAS_ROLE = "SELECT 1 FROM pg_roles WHERE rolname = %s"
HAS_TABLES = "SELECT to_regclass('django_migrations') IS NOT NULL"


@dataclass(frozen=True)
class Urls:
    """The URLs of the three roles, and of the administrator when the roles are ours to make (else empty)."""

    app: str
    owner: str
    retention: str
    admin: str = ""

    def environment(self, *names: str) -> dict[str, str]:
        """Return the environment variables that hand over the named roles."""
        variables = VARIABLES | {"admin": "DATABASE_ADMIN_URL"}
        return {variables[name]: getattr(self, name) for name in names if getattr(self, name)}


def of_cluster(cluster: Cluster, passwords: Path) -> Urls:
    """Return the URLs in our own, started cluster."""
    kept = _kept_passwords(passwords)
    urls = {role: cluster.url(_role_name(role), kept[role], DATABASE) for role in ROLES}
    return Urls(**urls, admin=cluster.admin_url)


def of_environment(environment: Mapping[str, str], passwords: Path) -> Urls:
    """Return the URLs that the operator gave.

    DATABASE_URL alone may name a role that can create others: then the three roles are made by it, with passwords
    kept in the file `passwords`. Raises DemoError when the database does not answer or a URL is missing.
    """
    given = {role: environment.get(variable, "") for role, variable in VARIABLES.items()}
    if all(given.values()):
        urls = Urls(**given, admin=environment.get("DATABASE_ADMIN_URL", ""))
        # The administrator may be about to make the others.
        for variable, url in urls.environment(*(["admin"] if urls.admin else ROLES)).items():
            _connect(variable, url).close()
        return urls
    with _connect("DATABASE_URL", given["app"]) as connection:
        may_create = connection.execute(MAY_CREATE).fetchone() == (True,)
        if given["owner"] or given["retention"] or not may_create:
            missing = " and ".join(VARIABLES[role] for role in ROLES if not given[role])
            message = (
                f"{missing} not set: give the URLs of all three roles (`manage.py create_roles` makes them), or a "
                "DATABASE_URL alone whose role may create roles and databases"
            )
            raise DemoError(message)
        _refuse_foreign_roles(connection, passwords)
        # The maintenance databases are where administrators connect, not where data belongs.
        name = connection.info.dbname
        database = DATABASE if name in {"postgres", "template1"} else name
    kept = _kept_passwords(passwords)
    derived = {role: _with_login(given["app"], _role_name(role), kept[role], database) for role in ROLES}
    return Urls(**derived, admin=given["app"])


def holds_data(urls: Urls) -> bool:
    """Return whether the database was migrated before, so that it belongs to a keyring."""
    database = psycopg.conninfo.conninfo_to_dict(urls.owner)["dbname"]
    url = urls.owner
    if urls.admin:
        with _connect("DATABASE_URL", urls.admin) as connection:
            if connection.execute(HAS_DATABASE, [database]).fetchone() is None:
                return False
        url = psycopg.conninfo.make_conninfo(urls.admin, dbname=str(database))
    with _connect("DATABASE_OWNER_URL", url) as connection:
        return connection.execute(HAS_TABLES).fetchone() == (True,)


def forget_beats(urls: Urls) -> None:
    """Forget the beats of an earlier run, which would count as signs of life for some seconds."""
    with _connect("DATABASE_URL", urls.app) as connection:
        connection.execute("DELETE FROM core_processbeat")


def _role_name(role: str) -> str:
    return f"{DATABASE}_{role}"


def _kept_passwords(path: Path) -> dict[str, str]:
    """Return the passwords of the three roles; made once, readable by the owner of the file alone."""
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    made = {role: secrets.token_urlsafe(24) for role in ROLES}
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(made, file)
    partial.replace(path)
    return made


def _connect(variable: str, url: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
    except psycopg.ProgrammingError:
        # Its text would repeat the URL, which may hold a password.
        message = f"{variable} is not a valid postgresql:// URL"
        raise DemoError(message) from None
    except psycopg.Error as error:
        message = f"{variable}: the database does not answer: {str(error).splitlines()[0]}"
        raise DemoError(message) from None


def _refuse_foreign_roles(connection: psycopg.Connection[tuple[Any, ...]], passwords: Path) -> None:
    """Refuse to change the passwords of roles that another installation uses."""
    if passwords.exists():
        return
    if connection.execute(HAS_ROLE, [_role_name("owner")]).fetchone():
        message = (
            f"DATABASE_URL: the role {_role_name('owner')} exists there and {passwords} does not know its password: "
            "give DATABASE_OWNER_URL and DATABASE_RETENTION_URL too"
        )
        raise DemoError(message)


def _with_login(url: str, user: str, password: str, database: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{login}@{place}", path=f"/{quote(database, safe='')}").geturl()
