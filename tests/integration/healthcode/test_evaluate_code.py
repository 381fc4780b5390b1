"""`manage.py evaluate_code`: a verdict on each person of a file of evidence by a file of rules, and nothing is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from healthcode import rules
from tests.repo import tree

DECLARED = {"kind": "declaration", "facts": {"symptoms": [], "explained": [], "pledged": True}}
WITHDRAWN = {"kind": "withdrawal", "true_at": "2020-02-13", "facts": {"because": "wrong_person"}}
CASE = {"kind": "case", "true_at": "2020-02-12T10:00:00+08:00", "facts": {"status": "suspected"}}
STRICT = rules.FOLDER / "strict-1.json"
AT = "2020-02-14T12:00:00+08:00"


def _file(folder: Path, *lines: Mapping[str, Any] | str) -> Path:
    path = folder / "evidence.ndjson"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def _judge(evidence: Path, at: str = AT, by: Path = rules.SHIPPED) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("evaluate_code", rules=by, evidence=evidence, at=at, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.django_db
def test_each_person_gets_a_line_with_state_and_reasons_in_the_order_of_the_file(tmp_path: Path) -> None:
    evidence = _file(
        tmp_path,
        {"person": "b", "id": "b-1", "true_at": "2020-02-12T09:00:00+08:00", **DECLARED},
        {"person": 7, "true_at": "2020-02-12T09:00:00", **DECLARED},
        "",
        {"person": "b", "id": "b-2", "kind": "exposure", "true_at": "2020-02-12T10:00:00+08:00",
         "known_at": "2020-02-13T10:00:00+08:00", "facts": {"grade": "close"}, "source": "disease_control"},
        {"person": "a", "kind": "trip", "true_at": "2020-02-12T10:00:00Z",
         "facts": {"from": "温州", "day": "2020-02-12", "transport": "train"}},
    )  # fmt: skip
    assert _judge(evidence) == [
        {
            "person": "b",
            "state": "red",
            "reasons": [
                {
                    "rule": "close_contact",
                    "colour": "red",
                    "since": "2020-02-12T10:00:00+08:00",
                    "until": "2020-02-27T00:00:00+08:00",
                    "closes_when": [{"check_ins": 14}],
                    "evidence": ["b-2"],
                }
            ],
        },
        {"person": 7, "state": "green", "reasons": []},
        {"person": "a", "state": "not_known", "reasons": []},
    ]
    assert [one["state"] for one in _judge(evidence, "2020-02-13T09:59:59+08:00")] == ["green", "green", "not_known"]
    assert [one["state"] for one in _judge(evidence, "2020-03-20")] == ["red", "expired", "not_known"]
    assert _judge(_file(tmp_path)) == []


@pytest.mark.django_db
def test_what_a_line_withdraws_counts_no_more_from_then_on(tmp_path: Path) -> None:
    evidence = _file(
        tmp_path,
        {"person": 1, "true_at": "2020-02-12T09:00:00+08:00", **DECLARED},
        {"person": 1, "id": "x", **CASE},
        {"person": 1, **WITHDRAWN, "withdraws": "x"},
    )
    assert [_judge(evidence, at)[0]["state"] for at in ("2020-02-12T23:00:00+08:00", AT)] == ["red", "green"]


@pytest.mark.django_db
def test_nothing_is_written_and_no_table_is_read(tmp_path: Path) -> None:
    evidence = _file(tmp_path, {"person": 1, "true_at": "2020-02-12T09:00:00+08:00", **DECLARED})
    with CaptureQueriesContext(connection) as asked:
        _judge(evidence, by=STRICT)
    (statement,) = [one["sql"] for one in asked.captured_queries]
    assert statement.lstrip().startswith("WITH")
    assert not any(word in statement for word in ("INSERT", "UPDATE", "DELETE", "CREATE", "healthcode_", "core_"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 1: no JSON"),
        ("[]", "line 1: is no JSON object"),
        ({"kind": "trip", "true_at": "2020-02-12", "facts": {}}, "person: must be"),
        ({"person": 1, "kind": "other", "true_at": "2020-02-12", "facts": {}}, "no evidence of the kind “other”"),
        ({"person": 1, "kind": "case", "true_at": "yesterday", "facts": {"status": "confirmed"}}, "true_at: must be"),
        ({"person": 1, "kind": "case", "true_at": "2020-02-12", "facts": {"status": "bad"}}, "case: status:"),
        ({"person": 1, "kind": "case", "true_at": "2020-02-12", "facts": 3}, "facts: must be an object"),
        ({"person": 1, **WITHDRAWN}, "names the id"),
        ({"person": 1, **WITHDRAWN, "withdraws": "z"}, "no line has as its id"),
    ],
)
def test_a_line_that_cannot_be_is_named_with_what_is_wrong(
    tmp_path: Path, line: Mapping[str, Any] | str, says: str
) -> None:
    with pytest.raises(CommandError, match=says) as refused:
        _judge(_file(tmp_path, line))
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_what_is_said_of_one_person_is_not_withdrawn_by_what_is_said_of_another(tmp_path: Path) -> None:
    evidence = _file(
        tmp_path,
        {"person": 1, "id": 1, "true_at": "2020-02-12T09:00:00+08:00", **DECLARED},
        {"person": 2, **WITHDRAWN, "withdraws": 1},
        {"person": 1, "id": 1, "true_at": "2020-02-12T09:00:00+08:00", **DECLARED},
        {"person": 1, **CASE, "withdraws": 1},
    )
    with pytest.raises(CommandError) as refused:
        _judge(evidence)
    for says in (
        "line 2: it withdraws what is said of another person",
        "line 3: the id 1 stands on line 1 too",
        "line 4:",
    ):
        assert says in str(refused.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--at", "noon"], "not a time"),
        (["--rules", "nowhere.json"], "nowhere.json"),
        (["--evidence", "nowhere.ndjson"], "nowhere.ndjson"),
    ],
)
@pytest.mark.django_db
def test_what_is_not_there_is_said_in_a_line(tmp_path: Path, options: list[str], says: str) -> None:
    given = ["--rules", str(rules.SHIPPED), "--evidence", str(_file(tmp_path)), "--at", AT, *options]
    with pytest.raises(CommandError, match=says):
        call_command("evaluate_code", *given)


@pytest.mark.steady
def test_it_runs_in_a_checkout_where_nothing_was_set_up(tmp_path: Path) -> None:
    evidence = _file(tmp_path, {"person": "张三", "true_at": "2020-02-12T09:00:00+08:00", **DECLARED})
    given = ["--rules", str(STRICT), "--evidence", str(evidence), "--at", AT]
    command = [sys.executable, "manage.py", "evaluate_code", *given]
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    ran = subprocess.run(command, cwd=tree.ROOT, env=bare, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, '{"person": "张三", "state": "green", "reasons": []}\n', "")
