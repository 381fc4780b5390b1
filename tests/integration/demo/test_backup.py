"""The commands that docs/operations.md gives for backup and restore, run: dump a district, go on in another cluster."""

import datetime as dt
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from accesslog import consumer
from accesslog.models import Pass
from citybrain.core import audit, chain, clock
from citybrain.core.models.audit import Deed
from citybrain.demo.cluster import Cluster
from healthcode.actions.code import number_of
from tests.gates import make_gate, set_state, token_of
from tests.passages import write_pass
from tests.people import browse, make_district
from tests.repo import tree
from tests.services import cluster_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SECTION = re.compile(r"^## Backup and restore$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh$(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDER = "/var/lib/citybrain/backup"
# What needs a machine of its own; everything else that is told is done.
OF_THE_MACHINE = ("systemctl ", "install ", "docker ")
ROLES = {"DATABASE_URL": "app", "DATABASE_OWNER_URL": "owner", "DATABASE_RETENTION_URL": "retention"}
# Tries each process that must not start yet, at the moment before `after_restore`.
PYTHON = """#!/bin/sh
if [ "$*" = "manage.py after_restore" ]; then
    for process in "-c 'import citybrain.wsgi'" "manage.py sealer" "manage.py pass_consumer"; do
        (eval timeout 60 {python} "$process" >>{log} 2>&1 && echo "it started: $process" >>{log}) &
    done
    wait
fi
exec {python} "$@"
"""


def test_a_district_goes_on_in_a_new_cluster_by_the_commands_of_the_handbook(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "published.ndjson"
    number, passes = _live_a_little()
    backup, create_roles, restore = _told()
    environment = _here(tmp_path)
    dump = Path(_run(backup.replace(FOLDER, str(tmp_path / "backup")), environment).strip())
    assert sorted(path.name for path in dump.iterdir()) == ["SHA256SUMS", "audit-heads.ndjson", "citybrain.dump"]
    _write_after_the_dump()
    cluster = cluster_in(tmp_path / "other")
    cluster.init()
    cluster.start()
    try:
        there = _there(cluster, tmp_path, environment)
        _run(create_roles, there)
        said = _run(re.sub(rf"{FOLDER}/\S+", str(dump), restore), there)
        assert "whole: " in said
        assert "accesslog_pass: 1\n" in said, "what is older than 28 days is erased before anybody looks"
        refusals = (tmp_path / "refusals.log").read_text()
        assert refusals.count("restored into another cluster") == 3
        assert "it started" not in refusals
        _look(there, number, passes - 1)
        with pytest.raises(AssertionError, match="holds data: restore into an empty one"):
            _run(f"deploy/restore.sh {dump}", there)
        with pytest.raises(AssertionError, match=r"citybrain\.dump: FAILED"):
            _run(f"deploy/restore.sh {_damaged(dump)}", there)
    finally:
        cluster.stop()


def _live_a_little() -> tuple[int, int]:
    """Let a small district live; return the number of a resident's code, and how many passes there are."""
    district = make_district()
    set_state(district.zhang, "green")
    gate = make_gate(district)
    assert gate.scan(token_of(district.zhang)).result == "green"
    write_pass(gate.device, district.li, scanned_at=clock.now() - dt.timedelta(days=29))
    assert consumer.follow() == 2
    while chain.seal():
        pass
    chain.publish_head()
    # What has not been followed, and not been sealed, when the dump is made.
    gate.scan("no code")
    audit.record(Deed.SIGN_IN, by=None)
    browse(gate.guard)
    return number_of(person=district.zhang, by=None).number, Pass.objects.count()


def _write_after_the_dump() -> None:
    """Seal and publish what is lost with the old cluster."""
    audit.record(Deed.SIGN_IN, by=None)
    chain.seal()
    chain.publish_head()


def _told() -> list[str]:
    """Return the commands of the handbook's section that a test can run, without who they are run by."""
    section = SECTION.findall((tree.ROOT / "docs" / "operations.md").read_text())[0]
    lines = [line for block in BLOCK.findall(section) for line in block.strip().splitlines()]
    told = [line for line in lines if not line.startswith(OF_THE_MACHINE)]
    assert all(line.startswith("deploy/operator ") for line in told)
    return [line.removeprefix("deploy/operator ") for line in told]


def _here(folder: Path) -> dict[str, str]:
    """Return the environment of the old cluster, with PostgreSQL's tools and the interpreter of the tests."""
    python = folder / "python"
    log = shlex.quote(str(folder / "refusals.log"))
    python.write_text(PYTHON.format(python=shlex.quote(sys.executable), log=log))
    python.chmod(0o755)
    tools = f"{cluster_in(folder).binaries}:{os.environ['PATH']}"
    heads = {"CITYBRAIN_AUDIT_HEADS": str(django_settings.AUDIT_HEADS_FILE)}
    return {**os.environ, **heads, "PATH": tools, "PYTHON": str(python)}


def _there(cluster: Cluster, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of the new cluster: roles of the same names, the keyring from its safe place."""
    var = folder / "var"
    var.mkdir()
    shutil.copy(django_settings.KEYRING_FILE, var / "keyring.json")
    urls = {name: cluster.url(f"citybrain_{role}", "x", "citybrain") for name, role in ROLES.items()}
    urls["DATABASE_ADMIN_URL"] = cluster.admin_url
    place = {"CITYBRAIN_VAR": str(var), "CITYBRAIN_KEYRING": str(var / "keyring.json")}
    return {**environment, **urls, **place, "CITYBRAIN_AUDIT_HEADS": str(var / "audit-heads.ndjson")}


def _look(environment: dict[str, str], number: int, passes: int) -> None:
    """See the code resolve, the consumer go on and the trail whole, by the rights that each role had."""
    seen = json.loads(_run(f"{shlex.quote(sys.executable)} -m tests.restored {number}", environment))
    assert seen.pop("blocks") >= 3
    assert seen == {
        "passes": passes,
        "sessions": 0,
        "result": "green",
        "name": "张*",
        # Those followed before the dump and after it, each once.
        "counted": passes + 2,
        "faults": [],
        "excess": "",
        "may_drop": False,
    }


def _damaged(dump: Path) -> Path:
    """Return a copy of the backup with one byte more."""
    copy = Path(shutil.copytree(dump, dump.with_name("damaged")))
    with (copy / "citybrain.dump").open("ab") as file:
        file.write(b"x")
    return copy


def _run(command: str, environment: dict[str, str]) -> str:
    """Run a command at the top of the tree; return what it printed."""
    local = re.sub(r"^\.venv/bin/python", shlex.quote(sys.executable), command)
    done = subprocess.run(
        shlex.split(local), cwd=tree.ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
