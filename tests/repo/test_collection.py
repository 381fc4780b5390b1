"""Tests that are written are run, and their names say what they prove."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.repo import tree

# Called by the name of the place, as those who know what happened there do.
NAMED = "test_zhengzhou"
LOOKS_LIKE_TESTS = ("test*.py", "*_test.py", "*_tests.py")
WORDS = 3


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Return what a plain `pytest` collects, as "tests/unit/test_x.py::test_that_it_works"."""
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    status, output = tree.run(*command, env={"CITYBRAIN_TEST_SERVICES": "off"})
    assert status == 0, output
    return {line.partition("[")[0] for line in output.splitlines() if "::" in line}


def test_every_test_is_collected(collected: set[str]) -> None:
    written = (f"{tree.short(path)}::{name}" for path in tree.files("*.py") for name in _tests(tree.syntax(path)))
    tree.expect_none(
        (name for name in written if name not in collected),
        "pytest does not run this: it belongs into a test_*.py below tests/, in a class Test… without __init__",
    )


def test_every_file_that_looks_like_a_test_is_collected(collected: set[str]) -> None:
    modules = {name.partition("::")[0] for name in collected}
    looks = (tree.short(path) for pattern in LOOKS_LIKE_TESTS for path in tree.files(pattern))
    tree.expect_none((name for name in looks if name not in modules), "call it test_*.py below tests/, or otherwise")


def test_no_test_hides_another_of_the_same_name() -> None:
    for path in tree.files("*.py", "tests"):
        names = Counter(_tests(tree.syntax(path)))
        twice = (f"{tree.short(path)}::{name}" for name, times in names.items() if times > 1)
        tree.expect_none(twice, "only the last of them is run: give each a name of its own")


def test_every_test_name_is_a_sentence() -> None:
    short = (
        f"{tree.short(path)}::{name}"
        for path in tree.files("*.py", "tests")
        for name in _tests(tree.syntax(path))
        if len(name.rpartition("::")[2].split("_")) <= WORDS and name != NAMED
    )
    tree.expect_none(short, f"say in {WORDS} words or more what holds")


def test_no_test_is_left_out_for_good() -> None:
    left_out = (
        f"{tree.short(path)}:{node.lineno} {ast.unparse(node)}"
        for path in tree.files("*.py", "tests")
        for node in ast.walk(tree.syntax(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.skip"
    )
    tree.expect_none(left_out, "delete it or make it run")


def _tests(module: ast.AST, inside: str = "") -> Iterator[str]:
    """Return the names of test functions, those in classes and functions with where they are."""
    for node in ast.iter_child_nodes(module):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from [f"{inside}{name}"] * name.startswith("test_")
                yield from _tests(node, f"{inside}{name}::")
            case ast.ClassDef(name=name):
                yield from _tests(node, f"{inside}{name}::")
            case _:
                yield from _tests(node, inside)
