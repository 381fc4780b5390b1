"""What must be true before the processes start: roles, migrated tables, static files, demo data."""

import hashlib
import json
import re
import site
from collections.abc import Mapping
from pathlib import Path

from citybrain.demo.database import Urls, holds_data
from citybrain.demo.place import Place
from citybrain.demo.processes import ROOT, manage
from citybrain.demo.terminal import say

# Whatever the prepared state follows from: code with its migrations, static files, the data of the demo.
SOURCES = ("citybrain", "healthcode", "community", "accesslog", "dashboard", "static", "requirements.txt")


def prepare(place: Place, urls: Urls, environment: Mapping[str, str], *, is_own_database: bool) -> str:
    """Bring database and static files up to date with the code; return the lines that show a login per role.

    Each step changes nothing when there is nothing to do. On our own cluster all are left out when the code is the
    one that was prepared last; of another database nobody knows what happened to it since.
    """
    _compare_district(place)
    logins = place.var / "logins.txt"
    now = fingerprint(place)
    if is_own_database and _is_current(place, now) and logins.exists():
        return logins.read_text(encoding="utf-8")
    log = place.logs / "setup.log"
    log.write_bytes(b"")
    every_role = {**environment, **urls.environment("app", "owner", "retention")}
    if urls.admin:
        say("making the database roles")
        manage(("create_roles",), every_role | urls.environment("admin"), log)
    is_new = not holds_data(urls)
    say("migrating the database")
    manage(("migrate", "--noinput"), every_role, log)
    say("collecting static files")
    manage(("collectstatic", "--noinput", "--verbosity", "0"), every_role, log)
    say("loading the demo district")
    district = {"residents": place.residents, "days": place.days}
    options = [word for name, number in district.items() for word in (f"--{name}", str(number))]
    manage(("load_demo", *options), every_role, log, tell=_tell)
    if is_new:
        place.loaded.write_text(json.dumps(district), encoding="utf-8")
    manage(("smoke_accounts",), every_role, log)
    logins.write_text(manage(("load_demo", "--logins"), every_role, log), encoding="utf-8")
    if is_own_database:
        place.prepared.write_text(now, encoding="utf-8")
    return logins.read_text(encoding="utf-8")


def _tell(line: str) -> None:
    """Say a line of a command that has its own clock by ours."""
    say(re.sub(r"^\[ *[\d.]+ s\] ", "", line))


def _compare_district(place: Place) -> None:
    """Say so when another district was loaded than is asked for: what is loaded stays."""
    if not place.loaded.exists():
        return
    loaded = json.loads(place.loaded.read_text(encoding="utf-8"))
    if (loaded["residents"], loaded["days"]) != (place.residents, place.days):
        say(
            f"{place.var} was loaded with RESIDENTS={loaded['residents']} DAYS={loaded['days']} and stays so;"
            f" for RESIDENTS={place.residents} DAYS={place.days} set CITYBRAIN_VAR to another folder"
        )


def fingerprint(place: Place) -> str:
    """Return a digest of the code, the static files, the installed packages and the roles' passwords."""
    digest = hashlib.sha256(place.passwords.read_bytes() if place.passwords.exists() else b"")
    for source in SOURCES:
        for file in _files(ROOT / source):
            digest.update(f"{file.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    for folder in site.getsitepackages():
        digest.update("\n".join(sorted(path.name for path in Path(folder).glob("*.dist-info"))).encode())
    return digest.hexdigest()


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc")


def _is_current(place: Place, now: str) -> bool:
    has_static = (place.var / "static" / "staticfiles.json").exists()
    return has_static and place.prepared.exists() and place.prepared.read_text(encoding="utf-8") == now
