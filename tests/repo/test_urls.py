"""Every URL declares its permission, and keeps it."""

import uuid
from collections import Counter

from django.conf import settings
from django.shortcuts import resolve_url
from django.test import Client
from django.urls import reverse

from tests.repo import tree
from tests.repo.pages import Page, pages

# A new public page is a deliberate act: it is named here too.
PUBLIC = {
    "healthcode:signing_keys",
    "core:healthz",
    "core:sign_in",
    "core:code",
    "core:staff",
    "core:out",
    "core:language",
    "core:mode",
    "core:design",
    "core:gone",
    "healthcode:appeal_figures",
    # Drawn from a signed cookie, which is given to whoever has signed in.
    "healthcode:code",
    "healthcode:code_key",
    "healthcode:code_worker",
    "healthcode:picture",
    "healthcode:code_called",
    "healthcode:rules",
    "healthcode:rules_version",
    "healthcode:rules_file",
    "healthcode:risk_areas_file",
}
ARGUMENTS = {
    "IntConverter": 1,
    "UUIDConverter": uuid.UUID(int=1),
    "RefConverter": uuid.UUID(int=1),
    "StringConverter": "x",
    "SlugConverter": "x",
}


def test_every_url_declares_its_permission() -> None:
    silent = (f"{page.name} ({page.route})" for page in pages() if not page.needs_act and not page.is_public)
    tree.expect_none(silent, "say who may: @access.requires(Act.…), `permission = Act.…` or @access.public('why')")


def test_public_pages_are_those_that_were_meant_to_be() -> None:
    found = {page.name for page in pages() if page.is_public}
    assert found == PUBLIC, "name a new public page in PUBLIC above, when everyone may really see it"


def test_every_url_has_a_name_of_its_own() -> None:
    names = Counter(page.name for page in pages())
    tree.expect_none(
        (name for name, times in names.items() if times > 1 or name.endswith("None")), "name each URL once"
    )


def test_a_visitor_who_is_not_signed_in_is_sent_away_before_the_database_is_asked() -> None:
    # This test may not touch the database, so a page that reads before it checks fails too.
    let_in = (f"{page.name}: {answers}" for page in pages() if page.needs_act and (answers := _let_in(page)))
    tree.expect_none(let_in, "the page declares a permission, and does not keep it")


def _let_in(page: Page) -> str:
    """Return what a visitor got who was not sent to sign in or refused."""
    url = reverse(page.name, kwargs={name: ARGUMENTS[kind] for name, kind in page.converters})
    client = Client()
    sign_in = resolve_url(settings.LOGIN_URL)
    answers = [answer for answer in (client.get(url), client.post(url)) if answer.status_code != 405]
    wrong = [
        a for a in answers if a.status_code not in {401, 403} and not a.headers.get("Location", "").startswith(sign_in)
    ]
    return ", ".join(str(answer.status_code) for answer in wrong) or ("" if answers else "answers neither GET nor POST")
