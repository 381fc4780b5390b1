"""Helpers of the declaration's tests: a phone that nobody has declared with, and what is typed on each page."""

import datetime as dt
from typing import Any

from django.test import Client
from django.urls import reverse

from citybrain.core import clock, crypto
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, User
from community.models import Building
from healthcode import declaring
from healthcode.models import CodeState, DeclarationDraft, RiskArea
from tests.people import SINCE, District

NEW_ID = "330199199003070018"
NEW_PHONE = "19900007777"
# What is typed on each page, unless a test types something else.
CALM: dict[str, dict[str, Any]] = {
    "who": {"name": "王五", "kind": "resident_id", "number": NEW_ID},
    "same": {"same": "yes"},
    "room": {"room": "2单元301室"},
    "household": {"registered": "none"},
    "work": {"kind": "none"},
    "arrival": {"arrived": "no"},
    "stays": {"areas": "none"},
    "contact": {"contact": "none"},
    "health": {"symptoms": "none"},
}


def account(phone: str, **more: Any) -> User:
    index, cipher = crypto.blind_index("phone", phone), crypto.seal("phone", phone)
    return User.objects.create(username=phone, phone_index=index, phone_cipher=cipher, **more)


def page_url(page: str) -> str:
    return reverse("healthcode:declare_page", args=[page])


def post(client: Client, page: str, **typed: Any) -> Any:
    """Answer a page; return what leads on, or the page again with what is wrong."""
    answer = client.post(page_url(page), {"go": "on", **typed})
    return client.get(answer.headers["Location"]) if answer.headers["Location"].endswith("wrong") else answer


def place(district: District) -> dict[str, dict[str, Any]]:
    """Return the way to 张三's building."""
    building = Building.objects.get(area=district.grid)
    return {
        "address": {"street": district.street.pk},
        "community": {"community": district.community.pk},
        "estate": {"estate": building.estate_id},
        "building": {"building": building.pk},
    }


def fill(client: Client, answers: dict[str, dict[str, Any]], until: str = "", whom: str = "") -> None:
    """Keep answers in a draft, one's own or that for somebody else, as if they had been typed, up to a page."""
    user = User.objects.get(pk=client.session["_auth_user_id"])
    pages = list(declaring.PAGES)
    before = pages[: pages.index(until)] if until else pages
    draft = DeclarationDraft.objects.filter(user=user, whom=whom).first() or DeclarationDraft(user=user, whom=whom)
    typed = {page: as_typed(answers[page]) for page in before if page in answers}
    draft.keep({**(draft.answers() if draft.pk else {}), **typed})


def as_typed(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {
        field: [str(one) for one in (value if isinstance(value, list) else [value])] for field, value in answer.items()
    }


def send(client: Client) -> Any:
    review = client.get(reverse("healthcode:declare_review"))
    assert review.status_code == 200, review.headers
    return client.post(reverse("healthcode:declare_review"), {"version": review.context["version"], "pledge": "yes"})


def declare(client: Client, district: District, **pages: dict[str, Any]) -> Any:
    """Declare calmly but for some pages; return the page at the end."""
    typed = {name.replace("_", "-"): fields for name, fields in pages.items()}
    fill(client, {**CALM, **place(district), **typed})
    sent = send(client)
    assert sent.headers["Location"] == reverse("healthcode:declare_done")
    return client.get(sent.headers["Location"])


def today(back: int = 0) -> str:
    return (clock.today() - dt.timedelta(days=back)).isoformat()


def colour(client: Client) -> str:
    """Return the colour of whoever uses this browser."""
    user = User.objects.get(pk=client.session["_auth_user_id"])
    return CodeState.objects.get(person=user.person).state


def stayed(prefix: str, first: int, last: int) -> dict[str, Any]:
    """Return what is typed of a stay in the area with this prefix, in days before today."""
    area = RiskArea.objects.get(prefix=prefix)
    return {"areas": [str(area.pk)], f"first_{area.pk}": today(first), f"last_{area.pk}": today(last)}


def smoke_community() -> Area:
    parent = None
    for level, code in (("district", "999999000000"), ("street", "999999001000"), ("community", "999999001001")):
        made = create_area(
            level=Area.Level(level), code=code, name=f"测试{level}", parent=parent, valid_from=SINCE, by=None
        )
        Area.objects.filter(pk=made.pk).update(is_smoke=True)
        parent = made
    assert parent is not None
    return parent
