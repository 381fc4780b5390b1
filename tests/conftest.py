"""Fixtures of every test: the database by its real roles, strict templates, people to act."""

import os
from collections.abc import Iterator
from typing import Any, cast

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.base import FilterExpression
from django.test import TransactionTestCase
from psycopg import sql

from tests.running import Demo, running_demo

# What migrations fill stays; everything else is emptied after a test that commits.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


# CI asks whether this change is right, with the same examples each time; everywhere else new ones are looked for.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


def pytest_configure() -> None:
    """Set what tests need otherwise than a running system."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    # Hashed names need a collectstatic first; the smoke run has one.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Let the owner role migrate the throw-away database; the tests then run as the app role."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connections["owner"].close()
    yield
    with django_db_blocker.unblock():
        connections["default"].close()
        cast("Any", connections["default"]).close_pool()


@pytest.fixture(autouse=True, scope="session")
def _owner_empties_tables() -> Iterator[None]:
    """Empty tables by the owner role after tests that commit: the app role may not truncate."""
    test_case = cast("Any", TransactionTestCase)
    before = test_case._fixture_teardown
    test_case._fixture_teardown = lambda _self: empty_tables()
    yield
    test_case._fixture_teardown = before


def empty_tables() -> None:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        rows = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [sql.Identifier(name) for (name,) in rows if name not in KEPT]
        owner.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables)))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the whole demo beside the tests, once for all that look at it from outside."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


class UndefinedVariable(str):
    """Stands in for a template variable that is not there: showing it or asking it fails the test.

    Its text is "%s", so that Django finds it true and asks it for the name.
    """

    __slots__ = ()

    def __mod__(self, name: object) -> str:
        pytest.fail(f"undefined template variable: {name}")


@pytest.fixture(autouse=True, scope="session")
def _undefined_template_variables_fail() -> Iterator[None]:
    """Fail on undefined variables, in `{% if %}` and `{% for %}` too, which Django lets pass in silence.

    Only in the project's own engine; widget templates of Django's forms rely on the silence.
    """
    engine = cast("DjangoTemplates", engines["django"]).engine
    before, resolve = engine.string_if_invalid, FilterExpression.resolve

    def strict(self: FilterExpression, context: Any, ignore_failures: bool = False) -> Any:
        template = getattr(context, "template", None)
        is_ours = template is not None and template.engine is engine
        return resolve(self, context, ignore_failures and not is_ours)

    engine.string_if_invalid = UndefinedVariable("%s")
    FilterExpression.resolve = strict  # type: ignore[method-assign]
    yield
    engine.string_if_invalid = before
    FilterExpression.resolve = resolve  # type: ignore[method-assign]
