"""Places with a gate for the demo: one admits green only, one is where people live. Devices are enrolled by hand."""

from dataclasses import dataclass

from accesslog.actions.places import add_point, make_place
from accesslog.models import Place
from citybrain.core.models import Area, Organisation
from citybrain.demo.loader import LIVED_IN

MARKET, ESTATE = "东新路农贸市场", "东新园东区"


@dataclass(frozen=True)
class DemoPlace:
    """A place, who runs it, and its points."""

    name: str
    kind: str
    organisation: str
    grid: str
    admits: tuple[str, ...]
    points: tuple[tuple[str, str], ...]


PLACES = (
    DemoPlace(MARKET, "market", MARKET, f"{LIVED_IN[0]}001", ("green",), (("南门", "in"), ("北门", "in"))),
    DemoPlace(
        ESTATE,
        "residential",
        "下城安居物业服务有限公司",
        f"{LIVED_IN[0]}001",
        ("green", "yellow"),
        (("大门", "in"), ("后门", "out")),
    ),
)


def make_places() -> None:
    """Make the places that are missing."""
    for planned in PLACES:
        grid = Area.objects.get(code=planned.grid)
        if Place.objects.filter(area=grid, name=planned.name).exists():
            continue
        run_by = Organisation.objects.get(name=planned.organisation)
        place = make_place(
            kind=planned.kind, name=planned.name, area=grid, organisation=run_by, admits=planned.admits, by=None
        )
        for name, direction in planned.points:
            add_point(place=place, name=name, direction=direction, by=None)
