"""`make prove-guards`: each guard turns red when what it guards against is planted in a copy of the tree.

The guards are run in an untouched copy first: what is red already proves nothing.
"""

import os
import sys
import tempfile
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.repo import tree

MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("community", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, schema_editor: None)]
"""
RECEIVER = """
from django.contrib.auth.signals import user_logged_in


def planted(**_facts: object) -> None:
    pass


user_logged_in.connect(planted)
"""
WARNS = """
import warnings


def test_that_warns_and_asserts_nothing() -> None:
    warnings.warn("planted", DeprecationWarning, stacklevel=1)
"""
CONNECTS = """
import socket


def test_that_opens_a_socket_and_closes_it() -> None:
    socket.socket().close()
"""
MESSAGE = 240
PLANTED_TESTS = {"unit/test_planted.py"}
LIST_PAGES = (
    "integration/test_query_counts.py::test_list_pages_ask_as_many_statements_as_are_pinned_however_many_rows_there_are"
)


@dataclass(frozen=True)
class Guard:
    """A guard's test, and what is written at the end of a file (or in place of a piece of it) to turn it red."""

    name: str
    test: str
    planted: str
    file: str
    text: str
    instead_of: str = ""

    def plant(self, copy: Path) -> None:
        """Write the violation into a copy of the tree."""
        file = copy / self.file
        before = file.read_text() if file.exists() else ""
        if self.instead_of not in before:
            raise LookupError(f"{self.file} has no {self.instead_of!r} any more: plant it elsewhere")
        file.write_text(before.replace(self.instead_of, self.text, 1) if self.instead_of else before + self.text)


GUARDS = (
    Guard(
        "ruff",
        "repo/test_style.py::test_ruff_finds_nothing",
        "an unused import",
        "community/queries.py",
        "\nimport os\n",
    ),
    Guard(
        "format",
        "repo/test_style.py::test_the_formatter_would_change_nothing",
        "single quotes",
        "community/queries.py",
        "\nPLANTED = 'quoted'\n",
    ),
    Guard(
        "mypy strict",
        "repo/test_style.py::test_mypy_strict_finds_nothing",
        "a text returned as a number",
        "community/queries.py",
        '\n\ndef planted() -> int:\n    return "one"\n',
    ),
    Guard(
        "import contract",
        "repo/test_imports.py::test_the_import_contract_is_kept",
        "a late import upwards",
        "community/queries.py",
        "\n\ndef planted() -> None:\n    from dashboard import views\n",
    ),
    Guard(
        "public face",
        "repo/test_imports.py::test_another_app_is_imported_by_its_public_face_only",
        "an import of another app's forms",
        "dashboard/views/home.py",
        "\nfrom community.forms import FindForm\n",
    ),
    Guard(
        "names in templates",
        "repo/test_templates.py::test_templates_reverse_names_of_their_own_app_or_a_lower_one",
        "a link upwards",
        "templates/core/areas/tree.html",
        '{% url "dashboard:home" %}',
    ),
    Guard(
        "missing migration",
        "repo/test_migrations.py::test_no_migration_is_missing",
        "a longer name",
        "community/models/housing.py",
        "name = models.CharField(max_length=31)",
        "name = models.CharField(max_length=30)",
    ),
    Guard(
        "irreversible data migration",
        "repo/test_migrations.py::test_every_migration_can_be_undone",
        "RunPython without reverse_code",
        "community/migrations/0002_planted.py",
        MIGRATION,
    ),
    Guard(
        "URL without declared permission",
        "repo/test_urls.py::test_every_url_declares_its_permission",
        "a page",
        "community/urls.py",
        '\nurlpatterns += [path("planted/", lambda request: None, name="planted")]\n',
    ),
    Guard(
        "undefined template variable",
        LIST_PAGES,
        "{% if planted %} in every page",
        "templates/base.html",
        "{% if planted %}{% endif %}",
    ),
    Guard("warning", "unit/test_planted.py", "a test that warns", "tests/unit/test_planted.py", WARNS),
    Guard("network", "unit/test_planted.py", "a test that opens a socket", "tests/unit/test_planted.py", CONNECTS),
    Guard(
        "untranslated string",
        "repo/test_translations.py::test_every_text_is_translated",
        "a new sentence",
        "citybrain/core/forms.py",
        '\nPLANTED = _("A sentence that nobody has translated yet.")\n',
    ),
    Guard(
        "string not marked for translation",
        "repo/test_translations.py::test_no_text_stands_bare_in_a_template",
        "a bare paragraph",
        "templates/core/areas/tree.html",
        "<p>Planted text</p>",
    ),
    Guard(
        "undocumented setting",
        "repo/test_settings.py",
        "a setting",
        "citybrain/settings.py",
        '\nPLANTED = env.text("CITYBRAIN_PLANTED")\n',
    ),
    Guard(
        "uncollected test file",
        "repo/test_collection.py::test_every_test_is_collected",
        "a test in planted_test.py",
        "tests/unit/planted_test.py",
        "def test_that_nobody_ever_runs() -> None:\n    pass\n",
    ),
    Guard(
        "signal receiver",
        "repo/test_signals.py",
        "a receiver of user_logged_in",
        "citybrain/core/tasks.py",
        RECEIVER,
    ),
    Guard(
        "changed query count",
        LIST_PAGES,
        "one more query in the area tree",
        "citybrain/core/views/areas.py",
        "    request.user.groups.count()\n    form = ",
        "    form = ",
    ),
    Guard(
        "systemd units",
        "repo/test_deploy.py::test_systemd_finds_nothing_wrong_with_any_unit",
        "a misspelt directive",
        "deploy/systemd/citybrain-web.service",
        "Restrat=always",
        "Restart=always",
    ),
    Guard(
        "nginx configuration",
        "repo/test_deploy.py::test_nginx_finds_nothing_wrong_with_its_configuration",
        "a misspelt directive",
        "deploy/nginx/citybrain.conf",
        "proxy_bufering off;",
        "proxy_buffering off;",
    ),
    Guard(
        "compose file",
        "repo/test_deploy.py::test_the_compose_file_is_one_by_the_schema_of_compose",
        "a misspelt key",
        "deploy/docker/compose.yaml",
        "healthchek:",
        "healthcheck:",
    ),
    Guard(
        "rights of processes",
        "repo/test_deploy.py::test_only_the_processes_that_need_a_stronger_role_are_given_its_password",
        "the worker's settings for the web process",
        "deploy/systemd/citybrain-web.service",
        "[Service]\nEnvironmentFile=/etc/citybrain/worker.env\n",
        "[Service]\n",
    ),
    Guard(
        "description of the API",
        "integration/core/test_api_schema.py::test_the_description_of_the_api_is_current_and_made_without_a_warning",
        "an answer that is not described",
        "community/api.py",
        "200: GridsSerializer, 400: WRONG, 403: REFUSED, 404: HIDDEN",
        "200: GridsSerializer, 400: WRONG, 403: REFUSED",
    ),
)


def main() -> int:
    """Run the guards untouched, then each with its violation; return 1 when one of them stays green or was red."""
    with tempfile.TemporaryDirectory(prefix="citybrain-guards-") as folder:
        place = Path(folder)
        red = failures(place / "untouched", sorted({guard.test for guard in GUARDS} - PLANTED_TESTS))
        for name, message in red.items():
            say(f"red before anything is planted, which proves nothing: {name}: {message}")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            copies = [place / str(number) for number in range(len(GUARDS))]
            proven = list(pool.map(prove, GUARDS, copies, [red.keys()] * len(GUARDS)))
    say(f"{sum(proven)} of {len(GUARDS)} guards turn red")
    return 0 if all(proven) else 1


def prove(guard: Guard, copy: Path, red_before: Collection[str]) -> bool:
    """Plant one violation in a fresh copy, run its guard there, tell what happened; return whether it turned red."""
    try:
        found = failures(copy, [guard.test], guard)
    except (LookupError, ChildProcessError) as problem:
        found, told = {}, f"ERROR: {problem}"
    else:
        told = "FAILED as it should" if found else "ERROR: STAYED GREEN"
    if found.keys() & red_before:
        told = "ERROR: was red before"
    messages = "; ".join(f"{name}: {message}" for name, message in found.items())
    say(f"guard {guard.name} · planted {guard.planted}: {told} ({messages[:MESSAGE]})")
    return told.startswith("FAILED")


def failures(copy: Path, tests: Iterable[str], guard: Guard | None = None) -> dict[str, str]:
    """Copy the tree, plant the violation if one is given, run tests; return those that failed with their messages."""
    tree.copy(copy)
    (copy / ".venv").symlink_to(tree.ROOT / ".venv")
    if guard:
        guard.plant(copy)
    report = copy / "report.xml"
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}")
    # One cache for all copies: the first run fills it.
    cache = {"MYPY_CACHE_DIR": str(copy.parent / "mypy-cache")}
    status, output = tree.run(*command, *(f"tests/{test}" for test in tests), cwd=copy, env=cache)
    if status not in {0, 1}:
        raise ChildProcessError(f"pytest ended with {status}: {output[-2000:]}")
    cases = ET.parse(report).iter("testcase")  # noqa: S314 (written by pytest just now)
    messages = ((case.get("name", ""), failed.get("message", "")) for case in cases for failed in case.iter("failure"))
    return {name: " ".join(message.split())[:MESSAGE] for name, message in messages}


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
