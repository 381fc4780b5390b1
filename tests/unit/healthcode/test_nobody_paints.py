"""Nobody can paint a person: no action takes a colour, one module writes states, one door takes evidence."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from citybrain.core.roles import ROLES, Act
from healthcode.kinds import Kind
from healthcode.models import CodeChange, CodeState, Evidence, Reason
from healthcode.permissions import FACE_TO_FACE, RECORDED_UNDER
from healthcode.recording_forms import FORMS
from tests.repo import tree

EVALUATOR = "healthcode/actions/evaluate.py"
RECORDER = "healthcode/actions/evidence.py"
WRITES = {"create", "bulk_create", "update", "bulk_update", "update_or_create", "get_or_create", "save"}
WRITTEN = ("healthcode_reason", "healthcode_codestate", "healthcode_codechange", "healthcode_evidence")
# Who may write evidence past the door, because it comes from its person, from whoever acts for them, or from the rules.
PAST_THE_DOOR = {
    "healthcode/actions/check_in.py": {"check_in"},
    "healthcode/actions/declare.py": {"_declare"},
    "healthcode/actions/isolation.py": {"_end_by_rules"},
    # That data were corrected: no rule may hang on it.
    "healthcode/actions/correction.py": {"approve"},
    # What a person says at a program's terminal, by a one-time code of their own phone.
    "healthcode/actions/services.py": {"record_with_consent"},
    # The door itself, and inside it the recorder.
    "healthcode/actions/submit.py": {"record_and_compare"},
    RECORDER: {"record_evidence"},
    # Plays the residents of the demo.
    "citybrain/demo/life/health.py": {"_tell"},
}
# Pieces of evidence that are only put into words, and never kept.
ONLY_TOLD = {"healthcode/views/recording.py", "healthcode/views/holds.py", "healthcode/rule_words.py"}


def _actions() -> Iterator[tuple[str, Any]]:
    for path in tree.files("*.py", "healthcode/actions"):
        module = import_module(tree.module_of(path))
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{path.stem}.{name}", function


def _product() -> Iterator[Path]:
    return (path for path in tree.files("*.py", *tree.PACKAGES) if path.parent.name != "migrations")


def _calls(path: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """Return each call in a file: the function that it stands in, what is called, the call."""
    for function in ast.walk(tree.syntax(path)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield function.name, ast.unparse(node.func), node


def test_no_action_takes_a_colour_or_a_state() -> None:
    actions = dict(_actions())
    assert {"evaluate.evaluate", "evidence.record_evidence", "rules.adopt_rules", "submit.submit_evidence"} <= set(
        actions
    )
    for name, function in actions.items():
        parameters = inspect.signature(function).parameters
        assert not set(parameters) & {"colour", "color", "state", "reasons"}, name
        if {"person", "persons", "said"} & set(parameters):
            assert not set(parameters) & {"until", "since"}, name
        # One that exists may be named; none may be made.
        assert "reason" not in parameters or parameters["reason"].annotation is Reason, name


def test_reasons_states_and_evidence_are_written_each_in_one_place() -> None:
    writers = {Reason: EVALUATOR, CodeState: EVALUATOR, CodeChange: EVALUATOR, Evidence: RECORDER}
    for path in _product():
        short = tree.short(path)
        if short == EVALUATOR:
            continue
        # The demo's past is written by the table, before anybody uses it.
        if not short.startswith("citybrain/demo/"):
            text = path.read_text()
            for table in WRITTEN:
                for verb in ("INSERT INTO", "UPDATE", "COPY"):
                    assert f"{verb} {table}" not in text, short
        for _inside, called, node in _calls(path):
            owner, _dot, verb = called.rpartition(".")
            painted = [
                model.__name__ for model, home in writers.items() if owner.startswith(model.__name__) and short != home
            ]
            assert verb not in WRITES or not painted, f"{short}:{node.lineno} {called}"


def test_evidence_of_others_comes_through_one_door() -> None:
    for path in _product():
        short = tree.short(path)
        for inside, called, node in _calls(path):
            where = f"{short}:{node.lineno} {inside}"
            name = called.rpartition(".")[2]
            if name in {"record_evidence", "record_all"}:
                assert inside in PAST_THE_DOOR.get(short, ()), (
                    f"{where} calls {name}: let it go through submit_evidence"
                )
            if name == "Evidence" and not short.startswith("citybrain/demo/"):
                assert short in {RECORDER, *ONLY_TOLD}, f"{where} makes evidence"
            if name == "record_and_compare":
                # Without limits: the door, and whoever opens it for what has waited.
                assert short in {"healthcode/actions/submit.py", "healthcode/actions/holds.py"}, where
            if called.startswith(("Hold.", "HeldItem.", "Impact.")) and name in WRITES:
                assert short in {"healthcode/actions/submit.py", "healthcode/actions/holds.py"}, where


def test_each_kind_has_its_own_permission_and_what_comes_from_elsewhere_has_none() -> None:
    assert set(Kind.values) - set(RECORDED_UNDER) == {Kind.CORRECTION}
    first = [acts[0] for kind, acts in RECORDED_UNDER.items() if kind != Kind.RELEASED]
    assert len(set(first)) == len(first)
    # A case is released by whoever records cases.
    assert RECORDED_UNDER[Kind.RELEASED] == RECORDED_UNDER[Kind.CASE]
    assert not set(FORMS) & {Kind.DECLARATION, Kind.CHECK_IN, Kind.APPEAL_DECISION, Kind.CORRECTION}


def test_nobody_both_records_and_sits_above_and_no_resident_records() -> None:
    recording = {acts[0] for acts in RECORDED_UNDER.values()}
    for codename in ("resident", "district_commander", "auditor", "system_administrator", "employer"):
        assert not ROLES[codename].may & recording, codename
    assert not any({Act.APPROVE_HELD, Act.READ_AUDIT} <= role.may for role in ROLES.values())
    # Those who meet people wherever they live let nothing in, and take back nothing but their own.
    for codename in FACE_TO_FACE:
        assert not ROLES[codename].may & {Act.APPROVE_HELD, Act.WITHDRAW_EVIDENCE, Act.RECORD_EXPOSURE, Act.RECORD_CASE}
