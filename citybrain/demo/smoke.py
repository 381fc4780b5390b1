"""`python -m citybrain.demo.smoke BASE_URL`: walk the chain over HTTP against a running system.

Signs in with the accounts of `manage.py smoke_accounts` and goes from declaration to cockpit as people do: by the pages
and their forms. Prints each link with its milliseconds and ends with 1 at the first that is broken.
"""

import argparse
import contextlib
import io
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import mechanicalsoup
import requests
import zxingcpp
from PIL import Image

TIME_OUT_SECONDS = 15
# For what other processes do: consumer, dispatcher, cockpit.
PATIENCE_SECONDS = 15.0
MOST_PAGES = 25
TOKEN_LENGTH = 48

# What is answered to each question of the declaration; a function picks from what the page offers.
FIRST = object()
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "who": {"name": "测试员", "kind": "passport", "number": "SMOKE0001", "born_on": "1980-01-01"},
    "same": {"same": "yes"},
    "address": {"street": FIRST},
    "community": {"community": FIRST},
    "estate": {"estate": FIRST},
    "building": {"building": FIRST},
    "room": {"room": "1-101"},
    "household": {"registered": "none"},
    "work": {"kind": "none"},
    "arrival": {"arrived": "no"},
    "stays": {"areas": "none"},
    "contact": {"contact": "none"},
    "health": {"symptoms": "fever", "celsius": "38.5"},
}


class BrokenError(Exception):
    """A link is broken; the text says how."""


class Visitor:
    """Someone with a browser of their own, without scripts, who reads English."""

    def __init__(self, base: str, name: str, password: str) -> None:
        self.name, self._base, self._password = name, base, password
        self._browser = mechanicalsoup.StatefulBrowser(raise_on_404=False)
        self._browser.session.headers["Accept-Language"] = "en"
        self._browser.session.request = _with_time_out(self._browser.session.request)

    def sign_in(self) -> None:
        """Sign in by name and password, as the smoke accounts do."""
        self.open("/sign-in/staff/")
        self.send("main form", username=self.name, password=self._password)
        if self.path.startswith("/sign-in/"):
            raise BrokenError(f"{self.name} cannot sign in: run `manage.py smoke_accounts` and take its new file")

    def open(self, path: str) -> None:
        """Open a page; where it asks for a purpose, state one."""
        self._judge(self._browser.open(urljoin(self._base, path)))
        if self.path.startswith("/purpose/"):
            self.send("main form", purpose="visit")

    def send(self, form: str, **answers: Any) -> None:
        """Fill in the form that a CSS selector finds and send it."""
        chosen = self._browser.select_form(form)
        for name, answer in answers.items():
            if answer is FIRST:
                chosen.set(name, self._first_choice(form, name))
            else:
                chosen.set(name, answer)
        self._judge(self._browser.submit_selected())

    def post_json(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send JSON as a page's script does."""
        token = self.page.select_one("[name=csrfmiddlewaretoken]")["value"]
        headers = {"X-CSRFToken": token, "Referer": urljoin(self._base, self.path)}
        answer = self._browser.session.post(urljoin(self._base, path), json=body, headers=headers)
        self._judge(answer)
        answered: dict[str, Any] = answer.json()
        return answered

    def fetch(self, path: str) -> bytes:
        """Return what is not a page."""
        answer = self._browser.session.get(urljoin(self._base, path))
        self._judge(answer)
        return bytes(answer.content)

    def has(self, selector: str) -> bool:
        """Return whether the page has such an element."""
        return self.page.select_one(selector) is not None

    def link(self, selector: str) -> str:
        """Return where a link leads."""
        found = self.page.select_one(selector)
        if found is None:
            raise BrokenError(f"{self.path} has no {selector}")
        return str(found["href"])

    @property
    def page(self) -> Any:
        """The page as a tree."""
        return self._browser.page

    @property
    def path(self) -> str:
        """Where the browser is."""
        return str(urlsplit(self._browser.url).path)

    @property
    def text(self) -> str:
        """What the page says."""
        said: str = self.page.select_one("main").get_text(" ")
        return " ".join(said.split())

    def _first_choice(self, form: str, name: str) -> str:
        for option in self.page.select(f'{form} [name="{name}"], {form} [name="{name}"] option'):
            if option.get("value") and option.get("value") != "none":
                return str(option["value"])
        raise BrokenError(f"{self.path} offers nothing for {name}")

    def _judge(self, answer: requests.Response) -> None:
        if not answer.ok:
            raise BrokenError(f"{self.name}: {answer.url} answers {answer.status_code}: {_words(answer)}")


def _with_time_out(request: Callable[..., Any]) -> Callable[..., Any]:
    def send(*args: Any, **kwargs: Any) -> Any:
        return request(*args, **{"timeout": TIME_OUT_SECONDS, **kwargs})

    return send


def _words(answer: requests.Response) -> str:
    text = re.sub(r"<(script|style|head).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())[:200]


class Walk:
    """One walk along the chain."""

    def __init__(self, base: str, passwords: Mapping[str, str]) -> None:
        self._who = {name.removeprefix("smoke-"): Visitor(base, name, password) for name, password in passwords.items()}
        self._before: dict[str, int] = {}

    def run(self) -> None:
        """Walk every link; raise BrokenError at the first that is broken."""
        with _link("sign-in"):
            for visitor in self._who.values():
                visitor.sign_in()
        with _link("figures before"):
            self._before = self._figures()
        with _link("declaration → evidence"):
            self._declare()
        with _link("evidence → colour"):
            self._explain()
        with _link("colour → code"):
            self._read_code()
        with _link("enrolled gate"):
            self._enrol()
        with _link("code → pass"):
            self._pass()
        with _link("pass → alert → order"):
            order = self._find_order()
        with _link("figures meanwhile"):
            self._await_figures(open_now=1)
        with _link("order → feedback"):
            self._carry_out(order)
        with _link("feedback → closed by another"):
            self._verify(order)
        with _link("figures after"):
            self._await_figures(open_now=0)

    def _declare(self) -> None:
        resident = self._who["resident"]
        resident.open("/declare/")
        resident.open(resident.link("main a.button[href^='/declare/']"))
        for _page in range(MOST_PAGES):
            name = resident.path.rstrip("/").rpartition("/")[2]
            if name == "review":
                resident.send("main form:has(button)", pledge="yes")
                break
            if name not in ANSWERS:
                raise BrokenError(f"the declaration asks something new: {resident.path}")
            resident.send("main form", **ANSWERS[name])
            if resident.path.rstrip("/").endswith(f"/{name}"):
                raise BrokenError(f"the answer to {name} is not taken: {resident.text[:200]}")
        if not resident.path.startswith("/declare/done"):
            raise BrokenError(f"the declaration ended at {resident.path}: {resident.text[:200]}")

    def _explain(self) -> None:
        self._who["resident"].open("/code/why/")
        text = self._who["resident"].text.lower()
        if "yellow" not in text or "38.5" not in text:
            raise BrokenError(f"a declared fever does not explain a yellow code: {text[:200]}")

    def _read_code(self) -> str:
        self._who["resident"].open("/code/")
        picture = Image.open(io.BytesIO(self._who["resident"].fetch("/code/picture.png")))
        found = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
        if len(found) != 1 or len(found[0].text) != TOKEN_LENGTH:
            raise BrokenError("the picture holds no code that a gate can read")
        return str(found[0].text)

    def _enrol(self) -> None:
        community, gate = self._who["community"], self._who["gate"]
        community.open("/gates/")
        community.open(community.link("main a[href^='/gates/']:not([href$='/new/'])"))
        if community.has("form[action$='/code/']"):
            community.send("form[action$='/code/']")
        else:
            community.send("form[action$='/devices/']", name="smoke")
        code = "".join(community.page.select_one(".enrolment-code").get_text().split())
        gate.open("/gate/enrol/")
        gate.send("main form", code=code)

    def _pass(self) -> None:
        gate = self._who["gate"]
        gate.open("/gate/")

        def scan() -> dict[str, Any] | None:
            now = datetime.now(UTC).isoformat()  # noqa: TID251 (a device's own clock)
            body = {"lane": "token", "nonce": str(uuid.uuid4()), "scanned_at": now, "sent_at": now}
            body["token"] = self._read_code()
            first = gate.post_json("/gate/scan", body)
            if first["repeat"]:
                return None  # a walk a moment ago showed the same code here
            again = gate.post_json("/gate/scan", body)
            if first != again:
                raise BrokenError(f"the same scan sent again is answered otherwise: {first}, then {again}")
            return first

        answer = _patiently(scan, "a code that was shown before counts as the same person standing there")
        if (answer["result"], answer["admitted"]) != ("yellow", False):
            raise BrokenError(f"a yellow code is not refused: {answer}")

    def _find_order(self) -> str:
        worker = self._who["grid"]

        def found() -> str | None:
            worker.open("/orders/")
            links = worker.page.select("main a[href^='/orders/']")
            refs = [link["href"] for link in links if re.fullmatch(r"/orders/[0-9a-f-]{36}/(#\w+)?", link["href"])]
            return str(refs[0]).partition("#")[0] if refs else None

        return str(_patiently(found, "no order reaches the worker on duty"))

    def _carry_out(self, order: str) -> None:
        worker = self._who["grid"]
        worker.open(order)
        for step in ("accept", "arrive"):
            if worker.has(f"form[action$='/{step}/']"):
                worker.send(f"form[action$='/{step}/']")
                worker.open(order)
        photo = io.BytesIO()
        Image.new("RGB", (320, 240), "gray").save(photo, "JPEG")
        photo.name = "door.jpg"
        photo.seek(0)
        worker.send("form[action*='/report/']", outcome="met", feedback="smoke", photo_1=photo)

    def _verify(self, order: str) -> None:
        community = self._who["community"]
        community.open(order.replace("/orders/", "/orders/verify/"))
        community.send("form[action$='/close/']")
        community.open("/alerts/")
        if community.has("main tbody tr"):
            raise BrokenError("the order is closed, its alert is not")

    def _figures(self) -> dict[str, int]:
        """Return every figure of the smoke tree's own cockpit by its name."""
        commander = self._who["commander"]
        commander.open("/cockpit/")
        # Thousands are grouped: 1,234.
        texts = ((one["data-figure"], one.get_text()) for one in commander.page.select("[data-figure]"))
        shown = {name: text.strip().replace(",", "") for name, text in texts}
        return {name: int(text) for name, text in shown.items() if text.isdecimal()}

    def _await_figures(self, *, open_now: int) -> None:
        """Wait until the refused pass is counted and so many alerts and orders are open."""
        wanted = {name: self._before.get(name, 0) + 1 for name in ("passes_today", "refused_today")}
        wanted |= {"alerts": open_now, "orders": open_now}

        def agrees() -> bool | None:
            now = self._figures()
            return all(now.get(name) == count for name, count in wanted.items()) or None

        _patiently(agrees, f"the cockpit does not come to {wanted}")


@contextlib.contextmanager
def _link(name: str) -> Iterator[None]:
    """Print how long a link took; name it when it is broken."""
    began = time.monotonic()
    try:
        yield
    except BrokenError as problem:
        raise BrokenError(f"{name}: {problem}") from None
    except (requests.RequestException, mechanicalsoup.LinkNotFoundError, AttributeError, KeyError) as problem:
        raise BrokenError(f"{name}: {type(problem).__name__}: {problem}") from problem
    sys.stdout.write(f"{name:<30}{(time.monotonic() - began) * 1000:8.0f} ms\n")
    sys.stdout.flush()


def _patiently(ask: Callable[[], Any], problem: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise BrokenError(f"{problem} within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.1)
    return answer


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m citybrain.demo.smoke", description=__doc__)
    parser.add_argument("base_url", help="such as http://127.0.0.1:8000")
    default = os.environ.get("CITYBRAIN_SMOKE") or Path(os.environ.get("CITYBRAIN_VAR") or "var") / "smoke.json"
    parser.add_argument("--accounts", type=Path, default=default, help="file of `manage.py smoke_accounts`")
    options = parser.parse_args()
    try:
        passwords = json.loads(Path(options.accounts).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"smoke: {options.accounts}: {problem}: run `manage.py smoke_accounts` first\n")
        return 1
    try:
        Walk(options.base_url, passwords).run()
    except BrokenError as problem:
        sys.stderr.write(f"smoke: broken at {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
