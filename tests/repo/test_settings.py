"""Every setting that is read is documented in docs/operations.md, and nothing else stands there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.repo import tree

TABLE = tree.ROOT / "docs" / "operations.md"
# A string like this is the name of a setting wherever it stands: names are also kept in tables and loops.
OUR_NAME = re.compile(r"(CITYBRAIN|DATABASE|CELERY)_[A-Z][A-Z_]*")
READERS = {"text", "required", "flag", "number", "names", "path", "get", "getenv"}
# What Django's own entry points set for themselves.
NOT_OURS = {"DJANGO_SETTINGS_MODULE"}


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    documented = _documented()
    # Of the tests, those modules that start services; what tests set and read themselves is no setting.
    sources = [*tree.files("*.py", *tree.PACKAGES, "bench"), *(tree.ROOT / "tests").glob("*.py")]
    read = {name: place for path in sources for name, place in _read(path)}
    missing = (f"{name} ({place})" for name, place in read.items() if name not in documented)
    tree.expect_none(missing, "write a row for it into the table of docs/operations.md")
    tree.expect_none(documented - set(read), "nothing reads it: take its row out of docs/operations.md")


def _documented() -> set[str]:
    cells = re.findall(r"^\|([^|]*)\|", TABLE.read_text() if TABLE.exists() else "", re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([A-Z][A-Z_]+)`", cell)}


def _read(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree.syntax(path)):
        if (name := _name(node)) and name not in NOT_OURS:
            yield name, f"{tree.short(path)}:{getattr(node, 'lineno', 0)}"


def _name(node: ast.AST) -> str:
    """Return the setting that a node names, or ""."""
    match node:
        case ast.Constant(value=str(text)) if OUR_NAME.fullmatch(text):
            return text
        case ast.Call(func=ast.Attribute(value=holder, attr=reader), args=[ast.Constant(value=str(text)), *_]):
            return (
                text if reader in READERS and ast.unparse(holder) in {"env", "os", "os.environ", "environment"} else ""
            )
        case ast.Subscript(value=holder, slice=ast.Constant(value=str(text)), ctx=ast.Load()):
            return text if ast.unparse(holder) in {"os.environ", "environment"} else ""
    return ""
