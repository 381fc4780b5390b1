"""The size of type, kept in the browser; the gallery; and answers that Django would leave blank."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from citybrain.core import display
from citybrain.core.roles import CommunityStaff, Resident
from tests.people import District, browse

ELDER = 'data-mode="elder"'


@pytest.mark.parametrize("role", [None, Resident, CommunityStaff])
def test_anyone_chooses_large_type_by_a_button_and_every_page_keeps_it(district: District, role: type | None) -> None:
    client = browse(district.user(role) if role else None)
    start = reverse("dashboard:home" if role else "core:sign_in")
    assert ELDER not in client.get(start).content.decode()
    chosen = client.post(reverse("core:mode"), {"mode": "elder", "next": start})
    assert (chosen.status_code, chosen.headers["Location"]) == (302, start)
    cookie = chosen.cookies[display.COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert bool(cookie["secure"]) == settings.SECURE_COOKIES
    assert ELDER in client.get(start).content.decode()
    client.post(reverse("core:mode"), {"mode": "standard", "next": start})
    assert ELDER not in client.get(start).content.decode()


@pytest.mark.parametrize("given", [{"mode": "wall"}, {"mode": "x"}, {}, {"next": "https://elsewhere.example/"}])
def test_a_choice_that_is_none_changes_nothing_and_leads_nowhere_else(client: Client, given: dict[str, str]) -> None:
    answer = client.post(reverse("core:mode"), given)
    assert answer.headers["Location"] == "/"
    assert display.COOKIE not in answer.cookies


def test_a_cookie_of_nonsense_is_the_standard(client: Client) -> None:
    client.cookies[display.COOKIE] = '"><script>'
    assert 'data-mode="standard"' in client.get(reverse("core:sign_in")).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["standard", "elder", "wall"])
def test_the_gallery_shows_every_component_in_every_mode(client: Client, mode: str) -> None:
    page = client.get(reverse("core:design"), {"mode": mode}).content.decode()
    assert f'data-mode="{mode}"' in page
    shown = (
        "button danger",
        "state bad",
        "note warn",
        "field-error",
        "table cards",
        "pager",
        "tile",
        "steps",
        "confirm",
    )
    assert not [part for part in shown if part not in page]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["core:out", "core:mode"])
def test_a_page_that_is_only_an_answer_says_so_and_names_the_method(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "<main" in answer.content.decode()


@pytest.mark.django_db
def test_a_form_with_too_much_in_it_is_answered_by_a_page(client: Client) -> None:
    answer = client.post(reverse("core:sign_in"), {"phone": "1" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)})
    assert answer.status_code == 413
    assert "<main" in answer.content.decode()


def test_a_printed_page_says_where_it_came_from_and_when(district: District) -> None:
    page = browse(district.user(Resident)).get(reverse("core:me")).content.decode()
    assert 'class="on-paper">http://testserver/me/ ·' in page
