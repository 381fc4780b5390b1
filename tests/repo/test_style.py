"""Lint, format, types, and how long things may be."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.repo import tree

FILE_LINES = 500
FUNCTION_LINES = 80


def test_ruff_finds_nothing() -> None:
    status, output = tree.run(tree.tool("ruff"), "check", "--output-format=concise", "--quiet")
    tree.expect_none([output] if status else [], "ruff check (some of it mends `ruff check --fix`)")


def test_the_formatter_would_change_nothing() -> None:
    status, output = tree.run(tree.tool("ruff"), "format", "--check", "--quiet")
    tree.expect_none([output] if status else [], "run `ruff format`")


def test_mypy_strict_finds_nothing() -> None:
    status, output = tree.run(sys.executable, "-m", "mypy", "--no-error-summary")
    tree.expect_none([output] if status else [], "mypy --strict (run `make check`)")


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in _ours()}
    long = [f"{tree.short(path)}: {lines} lines" for path, lines in lengths.items() if lines > FILE_LINES]
    tree.expect_none(long, f"split what is longer than {FILE_LINES} lines, by subject")


def test_no_function_is_longer_than_80_lines() -> None:
    advice = f"a function of more than {FUNCTION_LINES} lines does several things: give each a name"
    tree.expect_none((place for path in _ours() for place in _long_functions(tree.syntax(path), path.name)), advice)


def _ours() -> list[Path]:
    return [path for path in tree.files("*.py") if path.parent.name != "migrations"]


def _long_functions(module: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{name}:{node.lineno} {node.name}: {lines} lines"
