"""What is handed to operators holds: units, nginx, compose, environment, each asked of the tool that will read it."""

import configparser
import datetime as dt
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from django.conf import settings

from citybrain.core import clock
from citybrain.demo import processes
from tests.nginx import NGINX, configuration
from tests.repo import tree
from tests.repo.test_settings import _documented

DEPLOY = tree.ROOT / "deploy"
UNITS = DEPLOY / "systemd"
COMMON = UNITS / "citybrain-.service.d" / "10-common.conf"
SCHEMA = tree.ROOT / "tests" / "vendor" / "compose-spec"
# systemd-analyze counts from 0 (closed) to 10 (open); what is left are the network and a readable umask.
EXPOSURE = "20"
# Where deploy's files look for the system; a check looks here.
INSTALLED = "/opt/citybrain/"
# Settings of units of which systemd keeps each; of all others the last that it reads holds.
LISTS = {"After", "Wants", "Environment", "EnvironmentFile", "ExecStart", "SystemCallFilter"}
ACCOUNTS = {"worker": "citybrain-worker", "migrate": "citybrain-owner", "backup": "citybrain-owner"}
# What a district never sets.
NOT_FOR_A_DISTRICT = {"CITYBRAIN_DEMO", "CITYBRAIN_TEST_SERVICES", "CI", "PORT", "RESIDENTS", "DAYS", "LIFE"}
ONLY_FOR = {
    "DATABASE_RETENTION_URL": {"worker", "migrate", "tools"},
    "DATABASE_OWNER_URL": {"migrate", "backup", "tools"},
    "DATABASE_ADMIN_URL": {"migrate"},
}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the units as they are, but for the folder of the installation, which is the tree."""
    folder = Path(shutil.copytree(UNITS, tmp_path_factory.mktemp("units") / "system"))
    for unit in folder.rglob("*.*"):
        if unit.is_file():
            text = unit.read_text().replace(f"{INSTALLED}.venv/bin/", f"{Path(sys.executable).parent}/")
            unit.write_text(text.replace(INSTALLED, f"{tree.ROOT}/"))
    return folder


def test_systemd_finds_nothing_wrong_with_any_unit(units: Path) -> None:
    names = sorted(str(path) for kind in ("service", "target", "timer") for path in units.glob(f"*.{kind}"))
    status, said = tree.run("systemd-analyze", "verify", "--man=no", *names)
    tree.expect_none([said] if said or status else [], "systemd-analyze verify")


def test_systemd_would_make_the_accounts_that_the_units_name(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    status, said = tree.run("systemd-sysusers", f"--root={tmp_path}", UNITS / "sysusers.conf")
    assert status == 0, said
    accounts = {line.partition(":")[0] for line in (tmp_path / "etc" / "passwd").read_text().splitlines()}
    assert {user for _name, unit in _services() for user in unit["User"]} <= accounts


def test_no_drop_in_takes_back_what_a_unit_says_of_itself() -> None:
    common = _unit(COMMON)
    for file in UNITS.glob("citybrain-*.service"):
        assert not common.keys() & _unit(file).keys() - {"After", "Wants"}, file.name


def test_each_strength_has_its_own_account_and_its_own_keyring() -> None:
    for name, unit in _services():
        account = ACCOUNTS.get(name, "citybrain")
        assert (unit["User"], unit["Group"]) == ([account], ["citybrain"]), name
        files = [_environment(file) for file in unit["EnvironmentFile"]]
        assert files[0] == _environment("citybrain.env"), "what is particular wins over what is common"
        keyring = next(read["CITYBRAIN_KEYRING"] for read in reversed(files) if "CITYBRAIN_KEYRING" in read)
        assert keyring == f"/etc/citybrain/keyring.{account}.json", name


def test_nginx_can_read_the_static_files_and_nobody_else_the_rest() -> None:
    masks = {name: unit["UMask"] for name, unit in _services()}
    assert masks == {name: ["0022" if name == "migrate" else "0027"] for name in masks}


def test_no_process_can_do_much_more_than_it_needs(units: Path) -> None:
    exposed = [
        f"{unit.name}: {said.splitlines()[-1]}"
        for unit in sorted(units.glob("citybrain-*.service"))
        for status, said in [_exposure(unit)]
        if status
    ]
    tree.expect_none(exposed, f"systemd-analyze security wants {EXPOSURE} or less")


def _exposure(unit: Path) -> tuple[int, str]:
    command = ("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}", str(unit))
    return tree.run(*command, env={"SYSTEMD_UNIT_PATH": f"{unit.parent}:"})


def test_every_process_has_a_unit_and_a_container_that_run_it_as_the_demo_does() -> None:
    started = {process.name: _work(list(process.arguments)) for process in processes.table(8000)}
    assert set(started) == set(settings.PROCESSES)
    by_systemd = {name: _work(shlex.split(unit["ExecStart"][0])) for name, unit in _services() if name in started}
    services = _compose()["services"]
    by_compose = {name: _work(shlex.split(services[name]["command"])) for name in started if name in services}
    assert by_systemd == by_compose == started
    wanted = " ".join(_unit(UNITS / "citybrain.target")["Wants"]).split()
    assert set(wanted) == {f"citybrain-{name}.service" for name in started}


def _work(command: list[str]) -> str:
    """Return what a command line runs: the application, or the management command."""
    names = ("citybrain.wsgi:application", "citybrain.asgi:application", "worker", "beat")
    named = (word for word in command if word in names)
    return next(named, command[-1])


def test_only_the_processes_that_need_a_stronger_role_are_given_its_password() -> None:
    given = {name: _given_by_systemd(unit) for name, unit in _services()}
    in_containers = {name: _given_by_compose(one) for name, one in _compose()["services"].items()}
    for setting, allowed in ONLY_FOR.items():
        assert {name for name, has in given.items() if setting in has} <= allowed, setting
        assert {name for name, has in in_containers.items() if setting in has} <= allowed, setting
    assert "DATABASE_RETENTION_URL" in given["worker"] & in_containers["worker"]
    assert "DATABASE_OWNER_URL" in given["migrate"] & in_containers["migrate"]


def _given_by_systemd(unit: dict[str, list[str]]) -> set[str]:
    return {name for file in unit["EnvironmentFile"] for name in _environment(file)}


def _environment(file: str) -> dict[str, str]:
    """Return what an example of the environment sets."""
    text = (DEPLOY / "environment" / Path(file).name).read_text()
    return dict(re.findall(r"^([A-Z_]+)='([^']*)'$", text, re.MULTILINE))


def _given_by_compose(service: dict[str, Any]) -> set[str]:
    return {*service.get("secrets", ()), *service.get("environment", {})}


def test_the_examples_of_the_environment_name_every_setting_that_is_documented() -> None:
    files = sorted((DEPLOY / "environment").glob("*.env"))
    named = {name for file in files for name in _example(file)}
    tree.expect_none(_documented() - NOT_FOR_A_DISTRICT - named, "name it in deploy/environment/")
    tree.expect_none(named - _documented() | named & NOT_FOR_A_DISTRICT, "take it out of deploy/environment/")


def test_the_examples_of_the_environment_can_be_read_by_a_shell_as_by_systemd() -> None:
    for file in sorted((DEPLOY / "environment").glob("*.env")):
        status, said = tree.run("sh", "-c", f"set -eua; . {shlex.quote(str(file))}; env")
        read = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        plain = re.findall(r"^([A-Z_]+)='([^'\\$]*)'$", file.read_text(), re.MULTILINE)
        assert status == 0, said
        assert plain
        assert plain == [(name, read[name]) for name, _value in plain]


@pytest.mark.parametrize("script", ["backup.sh", "restore.sh", "operator", "hand-out-keyring", "docker/entrypoint.sh"])
def test_every_script_can_be_parsed_and_run(script: str) -> None:
    assert (DEPLOY / script).stat().st_mode & 0o100
    status, said = tree.run("sh", "-n", DEPLOY / script)
    assert status == 0, said


def test_a_backup_goes_after_28_days_and_nothing_else_goes_with_it(tmp_path: Path) -> None:
    for name in ("psql", "pg_dump"):
        (tmp_path / name).write_text(
            '#!/bin/sh\nfor last; do :; done\ncase $last in --file=*) : >"${last#--file=}" ;; esac\n'
        )
        (tmp_path / name).chmod(0o755)
    folder = tmp_path / "backup"
    kept = {_age(days) for days in (0, 6, 27)} | {"2020-03-01", "2020-03-01T19-10-04Z.tar", "of somebody else"}
    for name in (*kept, _age(29), "2020-03-01T19-10-04Z", "2020-03-01T19-10-04Z.partial"):
        (folder / name).mkdir(parents=True)
    (folder / "2020-03-02T19-10-04Z").write_text("a file")
    assert _backed_up(tmp_path, folder) == kept | {"2020-03-02T19-10-04Z"}
    assert _backed_up(tmp_path, folder, "7") == (kept - {_age(27)}) | {"2020-03-02T19-10-04Z"}
    assert tree.run("sh", DEPLOY / "backup.sh", folder, "a week")[0] == 2


def _age(days: int) -> str:
    """Return the name of a backup that was made at this hour, some days ago."""
    return f"{clock.now() - dt.timedelta(days=days):%Y-%m-%dT%H-00-00Z}"


def _backed_up(folder: Path, *arguments: object) -> set[str]:
    """Back up with tools of cardboard; return what lies beside the new backup."""
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "PYTHON": sys.executable,
        "DATABASE_OWNER_URL": "postgresql:///citybrain",
        "CITYBRAIN_AUDIT_HEADS": str(folder / "none"),
    }
    command = ("sh", str(DEPLOY / "backup.sh"), *map(str, arguments))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    made = Path(done.stdout.strip())
    names = {path.name for path in made.parent.iterdir()} - {made.name}
    shutil.rmtree(made)
    return names


def test_nginx_finds_nothing_wrong_with_its_configuration(tmp_path: Path) -> None:
    said = subprocess.run([NGINX, "-t", *configuration(tmp_path)], capture_output=True, text=True, check=False)
    assert "test is successful" in said.stderr, said.stderr
    assert "[warn]" not in said.stderr, said.stderr


def test_nginx_lets_through_as_much_as_a_form_of_ours_sends_and_keeps_the_workers_policy() -> None:
    text = (DEPLOY / "nginx" / "citybrain.conf").read_text()
    limit = int(re.findall(r"client_max_body_size (\d+)m;", text)[0]) * 1024 * 1024
    assert settings.UPLOAD_TOTAL < limit <= settings.UPLOAD_TOTAL * 1.2
    assert f'"{settings._WORKER_POLICY}"' in text


def test_the_compose_file_is_one_by_the_schema_of_compose() -> None:
    schema = json.loads((SCHEMA / "compose-spec.json").read_text())
    problems = jsonschema.Draft201909Validator(schema).iter_errors(_compose())
    tree.expect_none((f"{problem.json_path}: {problem.message}" for problem in problems), "compose-spec.json says")


def test_the_schema_of_compose_is_as_it_was_published() -> None:
    noted, name = (SCHEMA / "SHA256SUMS").read_text().split()
    assert hashlib.sha256((SCHEMA / name).read_bytes()).hexdigest() == noted
    assert (SCHEMA / "LICENSE").exists()


def test_containers_are_pinned_need_no_rights_and_open_no_port_but_nginx() -> None:
    services = _compose()["services"]
    images = [one["image"] for one in services.values()]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    tree.expect_none((image for image in images if not re.search(r":\d+\.\d+", image)), "pin the image by its version")
    assert [name for name, one in services.items() if "ports" in one] == ["nginx"]
    ours = {name: one for name, one in services.items() if one["image"].startswith("citybrain:")}
    assert set(ours) == {*settings.PROCESSES, "migrate", "backup", "tools"}
    assert all(one["cap_drop"] == ["ALL"] and one["read_only"] for one in ours.values())


def test_each_command_of_the_handbook_in_a_container_has_the_folders_that_it_names() -> None:
    services = _compose()["services"]
    commands = re.findall(r"docker compose run (?:-\S+ )+(\w+)(.*)", (tree.ROOT / "docs" / "operations.md").read_text())
    assert {"tools", "migrate", "backup"} == {name for name, _rest in commands}
    for name, rest in commands:
        mounted = [mount.split(":")[1] for mount in services[name]["volumes"]]
        for path in re.findall(r"/var/lib/citybrain/\w+", rest):
            assert path in mounted, f"{name}: {path}"


def test_what_restores_in_containers_has_all_it_needs_and_does_not_migrate_before() -> None:
    tools = _compose()["services"]["tools"]
    assert tools["profiles"] == ["tools"]
    assert set(tools["depends_on"]) == {"postgres"}
    assert set(tools["secrets"]) >= {"DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_RETENTION_URL", "keyring.json"}
    folders = {mount.split(":")[1] for mount in tools["volumes"]}
    made = (DEPLOY / "docker" / "Dockerfile").read_text()
    assert folders == {f"/var/lib/citybrain/{name}" for name in ("backup", "heads", "owner")}
    tree.expect_none((folder for folder in folders if f"citybrain/{Path(folder).name}" not in made), "nobody owns it")
    assert Path(tools["environment"]["CITYBRAIN_SMOKE"]).parent == Path("/var/lib/citybrain/owner")


def test_nginx_in_its_container_follows_a_container_that_was_made_anew() -> None:
    text = (DEPLOY / "nginx" / "upstreams.compose.conf").read_text()
    upstreams = re.findall(r"^upstream \w+ \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    assert len(upstreams) == 2
    assert re.search(r"^resolver 127\.0\.0\.11 valid=\d+s;$", text, re.MULTILINE)
    for upstream in upstreams:
        assert re.search(r"^    zone \w+ \w+;$", upstream, re.MULTILINE)
        assert re.search(r"^    server \w+:\d+ resolve ", upstream, re.MULTILINE)
    # The first that can do so without a licence.
    version = re.findall(r"nginx:(\d+)\.(\d+)\.(\d+)", _compose()["services"]["nginx"]["image"])[0]
    assert tuple(map(int, version)) >= (1, 27, 3)


def test_the_image_carries_the_version_of_the_project() -> None:
    version = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = {one["image"] for one in _compose()["services"].values() if one["image"].startswith("citybrain:")}
    assert ours == {f"citybrain:{version}"}


def test_each_secret_of_the_compose_file_is_declared_and_each_file_that_it_mounts_is_there() -> None:
    compose = _compose()
    used = {secret for one in compose["services"].values() for secret in one.get("secrets", ())}
    assert used == set(compose["secrets"])
    mounts = (mount.split(":")[0] for one in compose["services"].values() for mount in one.get("volumes", ()))
    files = [mount for mount in mounts if mount.startswith("..")]
    tree.expect_none((file for file in files if not (DEPLOY / "docker" / file).exists()), "it is not there")


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    return found


def _services() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Return each service by its process's name, with what holds for all of them, which systemd reads last."""
    common = _unit(COMMON)
    for file in sorted(UNITS.glob("citybrain-*.service")):
        own = _unit(file)
        lists = {name: [*own.get(name, []), *common.get(name, [])] for name in LISTS}
        last = {name: values[-1:] for name, values in {**own, **common}.items()}
        yield file.stem.removeprefix("citybrain-"), {**last, **lists}


def _unit(file: Path) -> dict[str, list[str]]:
    """Read a unit; a key may stand several times."""
    parser = configparser.RawConfigParser(dict_type=_Gathering, strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(file)
    return {name: value.splitlines() for section in parser.sections() for name, value in parser.items(section)}


class _Gathering(dict[str, Any]):
    """A mapping that gathers values of one key instead of replacing them."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and isinstance(self.get(key), list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def _example(file: Path) -> set[str]:
    """Return the settings that an example of the environment names, those commented out too."""
    return set(re.findall(r"^#?([A-Z_]+)=", file.read_text(), re.MULTILINE))
