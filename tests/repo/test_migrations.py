"""Migrations: none is missing, none of them is a one-way street."""

from collections.abc import Iterator, Sequence

from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.utils import translation

from tests.repo import tree

LABELS = {app.removeprefix("citybrain.") for app in tree.APPS}


def test_no_migration_is_missing() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    assert not loader.detect_conflicts(), "two migrations follow the same one: `manage.py makemigrations --merge`"
    with translation.override(None):
        changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(loader.graph)
    missing = (
        f"{label}: {operation.describe()}"
        for label, migrations in changes.items()
        for migration in migrations
        for operation in migration.operations
    )
    tree.expect_none(missing, "run `manage.py makemigrations` and read what it made")


def test_every_migration_can_be_undone() -> None:
    one_way = (
        f"{label}.{name}: {operation.describe()}"
        for (label, name), migration in MigrationLoader(None).disk_migrations.items()
        if label in LABELS
        for operation in _flat(migration.operations)
        if not operation.reversible
    )
    tree.expect_none(one_way, "give RunPython a reverse_code and RunSQL a reverse_sql (noop where nothing is to undo)")


def _flat(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat([*operation.database_operations, *operation.state_operations])
        else:
            yield operation
