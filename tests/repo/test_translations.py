"""Every text can be read in Chinese: it is marked, translated, and compiled."""

import ast
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.template.base import Lexer, TokenType

from tests.repo import tree

CATALOGUE = Path("citybrain/locale/zh_Hans/LC_MESSAGES/django.po")
# As in `make messages`.
OPTIONS = ("-l", "zh_Hans", "--no-obsolete", "--add-location", "file", "-i", "static/vendor")
NO_TEXTS = ("tests", "bench", "docs")
ADVICE = "run `make messages`, translate in citybrain/locale, run it again"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}")
WORD = re.compile(r"[^\W\d_]{2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Names, and what stands in its own language on purpose.
AS_THEY_ARE = {"CityBrain", "English", "中文"}
# Shown when anything may be broken, the choice of language too.
IN_BOTH_LANGUAGES = {"templates/core/errors/500.html"}
# They fill attributes.
BLOCKS_NOT_SHOWN = {"audience", "display_mode", "language_next"}
SHOWN_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription"}
SHOWN = {"label", "help_text", "empty_label", "verbose_name", "title", "sentence"}

Key = tuple[str | None, str]


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> polib.POFile:
    """Return the catalogue as makemessages would leave it."""
    copy = tree.copy(tmp_path_factory.mktemp("messages") / "tree", without=NO_TEXTS)
    status, output = tree.run(sys.executable, "manage.py", "makemessages", *OPTIONS, cwd=copy)
    assert status == 0, output
    return polib.pofile(str(copy / CATALOGUE))


@pytest.fixture(scope="module")
def kept() -> polib.POFile:
    """Return the catalogue of the repository."""
    path = tree.ROOT / CATALOGUE
    return polib.pofile(str(path)) if path.exists() else polib.POFile()


def test_every_text_is_translated(wanted: polib.POFile) -> None:
    missing = (f"{entry.msgid!r} ({_where(entry)})" for entry in wanted if not entry.translated())
    tree.expect_none(missing, f"not translated, or only guessed (fuzzy): {ADVICE}")


def test_the_catalogue_holds_no_text_that_nobody_shows(wanted: polib.POFile, kept: polib.POFile) -> None:
    tree.expect_none([msgid for _context, msgid in set(map(_key, kept)) - set(map(_key, wanted))], f"gone: {ADVICE}")


def test_translations_keep_the_placeholders(kept: polib.POFile) -> None:
    wrong = (
        f"{entry.msgid!r} → {text!r}"
        for entry in kept
        for text in filter(None, [entry.msgstr, *entry.msgstr_plural.values()])
        if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
    )
    tree.expect_none(wrong, "the translation must have the same placeholders")


def test_the_compiled_catalogue_says_what_the_source_says(kept: polib.POFile) -> None:
    path = (tree.ROOT / CATALOGUE).with_suffix(".mo")
    compiled = {_key(entry): _said(entry) for entry in polib.mofile(str(path))} if path.exists() else {}
    source = {_key(entry): _said(entry) for entry in kept.translated_entries()}
    differ = (key[1] for key in source.keys() | compiled.keys() if source.get(key) != compiled.get(key))
    tree.expect_none(differ, "compile it: `make messages`")


# Packages whose texts describe fields for programmers, in OpenAPI: the standard's Chinese words beside English ones.
DESCRIBED = {"api"}


def test_no_text_stands_bare_in_a_template() -> None:
    bare = (
        f"{tree.short(path)}: {text!r}"
        for path in tree.files("*.html", "templates")
        if tree.short(path) not in IN_BOTH_LANGUAGES
        for text in _bare_texts(path.read_text())
    )
    tree.expect_none(bare, "wrap it in {% translate %} or {% blocktranslate %}")


def test_no_text_of_a_form_or_role_stands_bare_in_the_code() -> None:
    bare = (
        f"{tree.short(path)}:{value.lineno} {value.value!r}"
        for path in tree.files("*.py", *tree.PACKAGES)
        if path.name != "apps.py" and path.parent.name not in {"migrations", *DESCRIBED}
        for name, value in _named_values(tree.syntax(path))
        if name in SHOWN and isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value
    )
    tree.expect_none(bare, "wrap it in gettext_lazy")


def test_scripts_bring_no_chinese_texts_of_their_own() -> None:
    texts = (tree.short(path) for path in tree.files("*.js", "static/js") if CHINESE.search(path.read_text()))
    tree.expect_none(texts, "hand texts to scripts in data attributes: the server knows the language")


def _key(entry: polib.POEntry | polib.MOEntry) -> Key:
    return entry.msgctxt, entry.msgid


def _said(entry: polib.POEntry | polib.MOEntry) -> object:
    return entry.msgstr or {int(number): text for number, text in entry.msgstr_plural.items()}


def _where(entry: polib.POEntry) -> str:
    return ", ".join(file for file, _line in entry.occurrences)


def _named_values(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Return keyword arguments and assignments with their names."""
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _bare_texts(source: str) -> list[str]:
    """Return what a template shows without asking for a translation."""
    html, silent_until = [], ""
    for token in Lexer(source).tokenize():
        if token.token_type is TokenType.BLOCK:
            tag, *words = token.contents.split()
            if tag == "blocktranslate" or (tag == "block" and words[0] in BLOCKS_NOT_SHOWN):
                silent_until = f"end{tag}"
            elif tag == silent_until:
                silent_until = ""
        elif token.token_type is TokenType.TEXT and not silent_until:
            html.append(token.contents)
    page = _Texts()
    page.feed("".join(html))
    return [text.strip() for text in page.texts if set(WORD.findall(text)) - AS_THEY_ARE]


class _Texts(HTMLParser):
    """Collects what a reader or a screen reader meets."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if value and name in SHOWN_ATTRIBUTES]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.texts.append(data)
