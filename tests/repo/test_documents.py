"""Documents: links lead somewhere, decisions can be found."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.repo import tree

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
TEST = re.compile(r"`(test_[\w.…]+)`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def test_every_relative_link_in_a_document_leads_to_a_file_and_heading() -> None:
    tree.expect_none(_dead_links(), "nothing is there")


def test_decisions_are_numbered_without_holes_and_linked_from_another_document() -> None:
    records = sorted(tree.files("[0-9]*.md", "docs/adr"))
    numbers = [int(path.name.split("-")[0]) for path in records]
    assert numbers == list(range(1, len(numbers) + 1)), "number the next record by one more than the last"
    linked = {target for path in tree.files("*.md") for _link, target, _anchor in _links(path) if target != path}
    tree.expect_none((tree.short(path) for path in records if path not in linked), "link it from the list of decisions")


def test_every_test_that_a_document_names_as_its_proof_is_there() -> None:
    named = {name for page in ("docs/security.md", "CONTRIBUTING.md") for name in TEST.findall(_text(page))}
    files = {path.name: path.read_text() for path in tree.files("test_*.py", "tests")}
    functions = "\n".join(files.values())
    gone = (name for name in named if name not in files and f"def {name.rstrip('…')}" not in functions)
    tree.expect_none(gone, "a measure without its test: name the one that proves it")


def _text(page: str) -> str:
    return (tree.ROOT / page).read_text()


def _dead_links() -> Iterator[str]:
    for path in tree.files("*.md"):
        for link, target, anchor in _links(path):
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
                yield f"{tree.short(path)} → {link}"


def _links(path: Path) -> Iterator[tuple[str, Path, str]]:
    """Return each relative link as written, the file it leads to and its anchor."""
    for link in LINK.findall(FENCED.sub("", path.read_text())):
        if not re.match(r"[a-z]+:", link):
            name, _hash, anchor = link.partition("#")
            yield link, (path.parent / name).resolve() if name else path, anchor


def _anchors(path: Path) -> set[str]:
    """Return a document's anchors as GitHub makes them."""
    titles = HEADING.findall(FENCED.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
