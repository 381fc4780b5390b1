"""Templates look downwards only, and a variable that is not there fails the test that meets it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template import Context, Template, engines

from citybrain.core.forms import PhoneForm
from tests.repo import tree
from tests.repo.pages import pages

APPS = [app.removeprefix("citybrain.") for app in tree.APPS]
SHARED = {"base.html", "_components", "_partials"}
URL_TAG = re.compile(r"{%-?\s*url\s+(\S+)")
TEMPLATE_TAG = re.compile(r"{%-?\s*(?:extends|include)\s+[\"']([^\"']+)[\"']")
ADDRESS = re.compile(r"(?:href|action|src|hx-[a-z]+)\s*=\s*[\"']/[^\"']+")


def test_templates_reverse_names_of_their_own_app_or_a_lower_one() -> None:
    advice = "a template is a hidden import: build the link in citybrain/navigation.py or move the page up"
    tree.expect_none(_upward(URL_TAG, ":"), advice)


def test_templates_include_templates_of_their_own_app_or_a_lower_one() -> None:
    tree.expect_none(_upward(TEMPLATE_TAG, "/"), "a template is a hidden import: share it in templates/_partials")


def test_templates_reverse_names_that_exist() -> None:
    known = {page.name for page in pages()}
    unknown = (f"{where} {name}" for where, name in _found(URL_TAG) if name.strip("\"'") != name)
    gone = (one for one in unknown if one.split()[1].strip("\"'") not in known)
    tree.expect_none(gone, "no URL has this name")


def test_templates_write_no_address_by_hand() -> None:
    # Home is "/" everywhere, also where no name may be reversed.
    tree.expect_none((f"{where} {text}" for where, text in _found(ADDRESS)), "use {% url %} or {% static %}")


def _found(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Return (file:line, what the pattern's group or the pattern itself matched)."""
    for path in tree.files("*.html", "templates"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            for match in pattern.finditer(line):
                yield f"{tree.short(path)}:{number}", match[pattern.groups]


def _upward(pattern: re.Pattern[str], separator: str) -> Iterator[str]:
    for where, name in _found(pattern):
        folder = Path(where).parts[1].partition(":")[0]
        is_shared = folder in SHARED
        plain = name.strip("\"'")
        if plain == name and pattern is URL_TAG:  # a variable, as in the navigation
            if not is_shared:
                yield f"{where} reverses the variable {name}"
        elif (owner := plain.partition(separator)[0]) not in SHARED:
            allowed = APPS[:1] if is_shared else APPS[: APPS.index(folder) + 1]
            if owner not in allowed:
                yield f"{where} names {plain}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ known.missing }}",
        "{{ missing|default:'' }}",
        "{% if missing %}{% endif %}",
        "{% if not missing %}{% endif %}",
        "{% if known == missing %}{% endif %}",
        "{% for one in missing %}{% endfor %}",
        "{% blocktranslate %}{{ missing }}{% endblocktranslate %}",
        "{% with one=missing %}{{ one }}{% endwith %}",
    ],
)
def test_an_undefined_template_variable_fails_the_test(source: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"undefined template variable: (known\.)?missing"):
        engines["django"].from_string(source).render({"known": "here"})


def test_an_undefined_variable_in_an_included_template_fails_the_test() -> None:
    inner = Template("{{ missing }}")
    with pytest.raises(pytest.fail.Exception, match="undefined template variable: missing"):
        Template("{% include inner %}").render(Context({"inner": inner}))


def test_variables_that_are_there_render_even_when_empty() -> None:
    source = "{% if none %}{% endif %}{% for one in nothing %}{% endfor %}{{ none|default:'–' }}{{ empty }}"
    assert engines["django"].from_string(source).render({"none": None, "nothing": [], "empty": ""}) == "–"


def test_widgets_of_forms_still_render() -> None:
    assert 'inputmode="tel"' in engines["django"].from_string("{{ form }}").render({"form": PhoneForm()})
