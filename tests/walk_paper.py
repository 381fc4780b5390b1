"""Stops of the walk: the code on paper, and the gate that reads it."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from citybrain.core import clock, roles
from healthcode import paper_queries
from healthcode.actions import paper
from healthcode.models import PaperCode
from tests.people import make_person

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

    from tests.walk import Stop, Walk

NO_PAGES = {
    "healthcode:paper_give_up": "redirects",
    "healthcode:paper_lost": "redirects",
    "healthcode:paper_make": "redirects",
    "healthcode:paper_of_make": "redirects",
    "healthcode:signing_keys": "JSON",
}
Make = Callable[..., "Stop"]


def paper_stops(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    """Let 张三 have a paper, one whose time is over and none; a grid worker and a guard see it."""
    zhang, resident = walk.district.zhang, walk.district.user(roles.Resident)
    worker = walk.role(roles.GridWorker)
    yield get("healthcode:paper", "green", says="none")
    yield get("healthcode:paper_of", worker, make_person("王五", walk.district.grid).ref, says="none")
    for _again in range(2):
        made = paper.issue(person=zhang, by=resident)
    yield get("healthcode:paper", "resident", says="in use")
    for size in ("a4", "card"):
        yield get("healthcode:paper_print", "resident", size)
        yield get("healthcode:paper_of_print", worker, zhang.ref, size)
    yield get("healthcode:paper_of", worker, zhang.ref, says="in use")
    yield post("healthcode:paper_of_void", worker, zhang.ref, says="with errors", data={})
    over = paper.issue(person=walk.city.people[3], by=resident)
    PaperCode.objects.filter(pk=over.pk).update(expires_on=clock.today() - dt.timedelta(days=1))
    yield get("healthcode:paper", "red", says="its time is over")
    yield get("accesslog:paper", "guard")
    yield post("accesslog:paper", "guard", says="with errors", data={"code": "1"})
    for says, found in (("to compare", {}), ("compared", {"is_holder": "no"})):
        stop = get("accesslog:paper", "guard", says=says)
        yield replace(stop, ask=_shown(stop.url, paper_queries.number_of(made), found))


def _shown(url: str, number: str, found: dict[str, str]) -> "Callable[[Client], HttpResponse]":
    def ask(client: "Client") -> "HttpResponse":
        opened = client.get(url).context["form"]["opened"].value()
        return client.post(url, {"opened": opened, "code": number, **found}, follow=True)  # type: ignore[return-value]

    return ask
