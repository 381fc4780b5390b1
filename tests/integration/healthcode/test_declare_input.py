"""Bad answers of a declaration: a message in the field, everything else kept, never an error page."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area
from healthcode.models import Declaration, RiskArea
from tests.declarations import CALM, as_typed, fill, page_url, place, post, smoke_community, today
from tests.people import SINCE, District

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]


LONG = "王" * 200
BAD = [
    ("who", {"number": "330199198001010010"}, "number"),
    ("who", {"number": "330199198002300016"}, "number"),
    ("who", {"number": "330199299901010015"}, "number"),
    ("who", {"number": "12"}, "number"),
    ("who", {"number": "1" * 200}, "number"),
    ("who", {"number": "33019919\x0001010017"}, "number"),
    ("who", {"number": ""}, "number"),
    ("who", {"name": LONG}, "name"),
    ("who", {"name": ""}, "name"),
    ("who", {"name": " 　 "}, "name"),
    ("who", {"name": "王\x00五"}, "name"),
    ("who", {"name": "王\u202e五"}, "name"),
    ("who", {"name": "12345"}, "name"),
    ("who", {"kind": "library_card"}, "kind"),
    ("who", {"kind": ""}, "kind"),
    ("who", {"kind": "passport", "number": "AB123456"}, "born_on"),
    ("who", {"kind": "passport", "number": "AB123456", "born_on": "2999-01-01"}, "born_on"),
    ("who", {"kind": "passport", "number": "AB123456", "born_on": "1990-02-30"}, "born_on"),
    ("who", {"kind": "passport", "number": "AB123456", "born_on": "0001-01-01"}, "born_on"),
    ("who", {"kind": "passport", "number": "AB123456", "born_on": "\x00"}, "born_on"),
    ("address", {"street": ""}, "street"),
    ("address", {"street": "COMMUNITY"}, "street"),
    ("address", {"street": "9" * 40}, "street"),
    ("address", {"street": "\x00"}, "street"),
    ("community", {"community": "GRID"}, "community"),
    ("community", {"community": "STREET"}, "community"),
    ("community", {"community": "ELSEWHERE"}, "community"),
    ("community", {"community": "SMOKE"}, "community"),
    ("community", {"community": "x"}, "community"),
    ("estate", {"estate": "99999999999999999999"}, "estate"),
    ("estate", {"estate": ""}, "estate"),
    ("building", {"building": "99999999999999999999"}, "building"),
    ("building", {"building": "-1"}, "building"),
    ("room", {"room": ""}, "room"),
    ("room", {"room": LONG}, "room"),
    ("room", {"room": "\x00"}, "room"),
    ("work", {"kind": "employer", "name": ""}, "name"),
    ("work", {"kind": "employer", "name": LONG}, "name"),
    ("work", {"kind": "employer", "name": "a\x00b"}, "name"),
    ("work", {"kind": "property_company", "name": "安居物业"}, "kind"),
    ("arrival", {"arrived": "yes"}, "day"),
    ("arrival", {"arrived": "yes", "day": "TODAY", "origin": "武汉"}, "transport"),
    ("arrival", {"arrived": "yes", "day": "TOMORROW", "origin": "武汉", "transport": "car"}, "day"),
    ("arrival", {"arrived": "yes", "day": "LONG AGO", "origin": "武汉", "transport": "car"}, "day"),
    ("arrival", {"arrived": "yes", "day": "2020-02-30", "origin": "武汉", "transport": "car"}, "day"),
    ("arrival", {"arrived": "yes", "day": "TODAY", "origin": LONG, "transport": "car"}, "origin"),
    ("arrival", {"arrived": "yes", "day": "TODAY", "origin": "武汉", "transport": "broom"}, "transport"),
    ("arrival", {"arrived": "maybe"}, "arrived"),
    ("stays", {"areas": []}, "areas"),
    ("stays", {"areas": ["none", "AREA"]}, "areas"),
    ("stays", {"areas": ["999999"]}, "areas"),
    ("stays", {"areas": ["AREA"]}, "first_"),
    ("stays", {"areas": ["AREA"], "first_": "TODAY", "last_": "YESTERDAY"}, "last_"),
    ("stays", {"areas": ["AREA"], "first_": "TODAY", "last_": "TOMORROW"}, "last_"),
    ("stays", {"areas": ["AREA"], "first_": "2020-02-30", "last_": "TODAY"}, "first_"),
    ("stays", {"areas": ["AREA"], "first_": "1000-01-01", "last_": "TODAY"}, "first_"),
    ("contact", {"contact": "close"}, "day"),
    ("contact", {"contact": "close", "day": "TOMORROW"}, "day"),
    ("contact", {"contact": "close", "day": "LONG AGO"}, "day"),
    ("contact", {"contact": "friend"}, "contact"),
    ("health", {"symptoms": []}, "symptoms"),
    ("health", {"symptoms": ["none", "cough"]}, "symptoms"),
    ("health", {"symptoms": ["green"]}, "symptoms"),
    ("health", {"symptoms": "none", "celsius": "99"}, "celsius"),
    ("health", {"symptoms": "none", "celsius": "29.9"}, "celsius"),
    ("health", {"symptoms": "none", "celsius": "hot"}, "celsius"),
    ("health", {"symptoms": "none", "celsius": "NaN"}, "celsius"),
    ("health", {"symptoms": "none", "celsius": "1e99"}, "celsius"),
    ("health", {"symptoms": "none", "celsius": "36.55555"}, "celsius"),
    ("health", {"symptoms": "none", "celsius": "\x00"}, "celsius"),
]


def _bad_values(district: District) -> dict[str, Any]:
    elsewhere = None
    for level, code in (("district", "330104000000"), ("street", "330104001000"), ("community", "330104001001")):
        elsewhere = create_area(
            level=Area.Level(level), code=code, name="别处", parent=elsewhere, valid_from=SINCE, by=None
        )
    assert elsewhere is not None
    return {
        "COMMUNITY": district.community.pk,
        "STREET": district.street.pk,
        "GRID": district.grid.pk,
        "ELSEWHERE": elsewhere.pk,
        "SMOKE": smoke_community().pk,
        "AREA": str(RiskArea.objects.get(prefix="42").pk),
        "TODAY": today(),
        "YESTERDAY": today(1),
        "TOMORROW": today(-1),
        "LONG AGO": today(15),
    }


@pytest.mark.parametrize(("page", "typed", "field"), BAD)
def test_a_bad_answer_gets_a_message_in_its_field_and_keeps_everything_else(
    newcomer: Client, district: District, page: str, typed: dict[str, Any], field: str
) -> None:
    values = _bad_values(district)

    def real(value: Any) -> Any:
        return [real(one) for one in value] if isinstance(value, list) else values.get(value, value)

    def name_of(field: str) -> str:
        return f"{field}{values['AREA']}" if field.endswith("_") else field

    fill(newcomer, {**CALM, **place(district)}, until=page)
    whole = {**(CALM["who"] if page == "who" else {}), **{name_of(k): real(v) for k, v in typed.items()}}
    response = post(newcomer, page, **whole)
    assert response.status_code == 200
    form = response.context["form"]
    assert name_of(field) in form.errors, form.errors
    for name, values_sent in as_typed(whole).items():
        shown = form[name].value()
        assert [one for one in (shown if isinstance(shown, list) else [shown]) if one] == [
            one for one in values_sent if one
        ], name
    assert not Declaration.objects.exists()
    if page in CALM:
        assert newcomer.get(reverse("healthcode:declare_review")).headers["Location"] == page_url(page), (
            "it is still open"
        )


def test_an_answer_is_followed_by_a_redirect_right_or_wrong_so_that_nothing_is_sent_again_by_going_back(
    newcomer: Client, district: District
) -> None:
    newcomer.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    fill(newcomer, {**CALM, **place(district)})
    for query in ("", "?change"):
        url = f"{page_url('health')}{query}"
        wrong = newcomer.post(url, {"go": "on", "symptoms": ["cough", "none"], "celsius": "99"})
        assert wrong.status_code == 302
        page = newcomer.get(wrong.headers["Location"])
        text = page.content.decode()
        assert page.context["form"].errors.keys() == {"symptoms", "celsius"}
        assert 'href="#id_celsius_error"' in text
        assert 'id="id_celsius_error"' in text
        mended = newcomer.post(wrong.headers["Location"], {"go": "on", "symptoms": "none", "celsius": "36.4"})
        assert mended.headers["Location"] == reverse("healthcode:declare_review")
        # Gone back to: nothing is wrong any more.
        assert not newcomer.get(wrong.headers["Location"]).context["form"].errors


@pytest.mark.parametrize("typed", ["385", "hot", "36.55555"])
def test_a_wrong_temperature_gets_one_answer(newcomer: Client, district: District, typed: str) -> None:
    fill(newcomer, {**CALM, **place(district)}, until="health")
    form = post(newcomer, "health", symptoms="none", celsius=typed).context["form"]
    assert len(form.errors["celsius"]) == 1
    assert all(bound in form.errors["celsius"][0] for bound in ("30", "45"))


NASTY = (
    *("\x00", "\ufffe", "\u200b", "\r\n", "😀" * 50, "9" * 5000, "-1", "1e999999", "1e99999999999999999999", "0x10"),
    *(
        "٣٦.٥",
        "２０２０－０２－１１",
        "NaN",
        "Infinity",
        "%s%(a)s{0}{x}",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "none",
    ),
)


@pytest.mark.steady
@pytest.mark.parametrize("page", [*CALM, "address", "community", "estate", "building", "organisation"])
def test_nothing_that_can_be_typed_breaks_a_page(newcomer: Client, district: District, page: str) -> None:
    answers = {**CALM, **place(district), "work": {"kind": "employer", "name": "东"}}
    fill(newcomer, answers, until=page)
    shown = newcomer.get(page_url(page))
    fields = list(shown.context["form"].fields) if shown.status_code == 200 else ["same"]
    for value in NASTY:
        typed = dict.fromkeys(fields, value)
        assert post(newcomer, page, **typed).status_code in {200, 302}, value[:30]
    assert post(newcomer, page, **{**dict.fromkeys(fields, NASTY[0]), "go": "back"}).status_code == 302
    assert newcomer.get(page_url(page)).status_code in {200, 302}
    assert newcomer.get(reverse("healthcode:declare")).status_code == 200
