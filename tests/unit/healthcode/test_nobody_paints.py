"""Nobody can paint a person: no action takes a colour, and one module writes reasons and states."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from healthcode.models import CodeChange, CodeState, Reason
from tests.repo import tree

ACTIONS = ("code", "evaluate", "evidence", "rules", "sweep")
EVALUATOR = "healthcode/actions/evaluate.py"
WRITES = {"create", "bulk_create", "update", "bulk_update", "update_or_create", "get_or_create", "save"}
WRITTEN = ("healthcode_reason", "healthcode_codestate", "healthcode_codechange")


def _functions() -> Iterator[tuple[str, Any]]:
    for name in ACTIONS:
        module = import_module(f"healthcode.actions.{name}")
        for function_name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not function_name.startswith("_"):
                yield f"{name}.{function_name}", function


def test_no_action_takes_a_colour_or_a_state() -> None:
    functions = dict(_functions())
    assert {"evaluate.evaluate", "evidence.record_evidence", "rules.adopt_rules"} <= functions.keys()
    for name, function in functions.items():
        parameters = set(inspect.signature(function).parameters)
        assert not parameters & {"colour", "color", "state", "reason", "reasons", "until", "since"}, name


def test_reasons_and_states_are_written_by_the_evaluator_alone() -> None:
    for path in tree.files("*.py", *tree.PACKAGES):
        if tree.short(path) == EVALUATOR or path.parent.name == "migrations":
            continue
        text = path.read_text()
        for table in WRITTEN:
            for verb in ("INSERT INTO", "UPDATE", "DELETE FROM"):
                assert f"{verb} {table}" not in text, tree.short(path)
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                target = ast.unparse(node.func)
                painted = [one.__name__ for one in (Reason, CodeState, CodeChange) if f"{one.__name__}." in target]
                assert not painted, f"{tree.short(path)}:{node.lineno} {target}"
