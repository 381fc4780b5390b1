"""What life knows of the district: who lives where and goes to work where, and the gates at which they stand."""

import bisect
import random
from array import array
from dataclasses import dataclass, field

from accesslog.models import Device, Place, Point
from citybrain.core.models import Area, Membership, Organisation, Person, User
from citybrain.demo.life.staff import ACCOUNT_PREFIX
from community.models import Building, Estate, HouseholdMember

NOWHERE = -1
# One in so many has no phone and shows an identity card.
WITHOUT_PHONE = 31
# Those who work for these stand at gates of their own employer.
EMPLOYERS = frozenset(set(Organisation.Kind.values) - {Organisation.Kind.PROPERTY_COMPANY})


@dataclass(frozen=True)
class Dweller:
    """Somebody who lives here: ids of person and grid, and of the places of home and work, NOWHERE for none."""

    person: int
    grid: int
    home: int
    work: int

    @property
    def has_phone(self) -> bool:
        """Whether they show a code; always the same people do not."""
        return self.person % WITHOUT_PHONE != 0


@dataclass
class Town:
    """People in arrays, places by kind, and the devices at each."""

    persons: "array[int]" = field(default_factory=lambda: array("q"))
    grids: "array[int]" = field(default_factory=lambda: array("q"))
    homes: "array[int]" = field(default_factory=lambda: array("q"))
    works: "array[int]" = field(default_factory=lambda: array("q"))
    # Place → its devices.
    gates: dict[int, list[Device]] = field(default_factory=dict)
    # Kind of place → street (0: anywhere) → places.
    kinds: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    # Area → street.
    streets: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many live here."""
        return len(self.persons)

    def anybody(self, chance: random.Random) -> Dweller:
        """Draw somebody."""
        return self._dweller(chance.randrange(len(self)))

    def find(self, person: int) -> Dweller | None:
        """Return who a person is, None for somebody that life leaves alone."""
        at = bisect.bisect_left(self.persons, person)
        return self._dweller(at) if at < len(self) and self.persons[at] == person else None

    def near(self, chance: random.Random, kind: str, grid: int) -> int:
        """Draw a place of a kind, mostly of the street in which a grid lies; NOWHERE when there is none."""
        places = self.kinds.get(kind, {})
        anywhere = places.get(0, [])
        own = places.get(self.streets.get(grid, 0), [])
        chosen = own if own and chance.random() < 0.8 else anywhere  # noqa: PLR2004 (mostly)
        return chance.choice(chosen) if chosen else NOWHERE

    def _dweller(self, at: int) -> Dweller:
        return Dweller(self.persons[at], self.grids[at], self.homes[at], self.works[at])


def read(streets: dict[int, int]) -> Town:
    """Read the district as it is now; `streets` says in which street an area lies."""
    town = Town(streets=streets)
    _read_gates(town)
    _read_people(town)
    return town


def _read_gates(town: Town) -> None:
    """Keep the first device at work of each point by which people enter."""
    at_work = Device.objects.filter(enrolled_at__isnull=False, revoked_at=None, point__place__area__is_smoke=False)
    devices = at_work.filter(point__direction=Point.Direction.IN).order_by("point_id", "id").distinct("point_id")
    for device in devices.select_related("point__place__area"):
        place = device.point.place
        if place.pk not in town.gates:
            by_street = town.kinds.setdefault(place.kind, {})
            for street in (0, town.streets.get(place.area_id, 0)):
                by_street.setdefault(street, []).append(place.pk)
        town.gates.setdefault(place.pk, []).append(device)


def _read_people(town: Town) -> None:
    home_of = _homes()
    estate_of = dict(Building.objects.values_list("id", "estate_id"))
    rooms = HouseholdMember.objects.filter(person__area__is_smoke=False).values_list(
        "person_id", "household__room__building_id"
    )
    estates = {person: estate_of[building] for person, building in rooms.iterator()}
    works = _works(town)
    # Whoever has signed in is somebody who tries the demo; newcomers were made by life itself.
    tried = User.objects.exclude(person=None).exclude(username__startswith=ACCOUNT_PREFIX).values("person_id")
    people = Person.objects.filter(area__is_smoke=False, area__level=Area.Level.GRID).exclude(pk__in=tried)
    by_grid = _home_by_grid(town)
    for person, grid in people.order_by("id").values_list("id", "area_id").iterator():
        home = home_of.get(estates.get(person, 0), NOWHERE)
        town.persons.append(person)
        town.grids.append(grid)
        town.homes.append(home if home in town.gates else by_grid.get(grid, NOWHERE))
        town.works.append(works.get(person, NOWHERE))


def _homes() -> dict[int, int]:
    """Return the place of each estate that has one: it bears the estate's name in the estate's community."""
    residential = Place.objects.filter(kind=Place.Kind.RESIDENTIAL, area__is_smoke=False)
    places = {(area, name): place for place, area, name in residential.values_list("id", "area__parent_id", "name")}
    places |= {(area, name): place for place, area, name in residential.values_list("id", "area_id", "name")}
    estates = Estate.objects.values_list("id", "area_id", "name")
    return {estate: places[area, name] for estate, area, name in estates if (area, name) in places}


def _home_by_grid(town: Town) -> dict[int, int]:
    """Return an estate's gate for whoever lives in a grid, or at least in a community, that has one."""
    residential = Place.objects.filter(pk__in=town.gates, kind=Place.Kind.RESIDENTIAL)
    places = list(residential.values_list("id", "area_id", "area__parent_id"))
    by_community = {community: place for place, _grid, community in places}
    grids = Area.objects.filter(level=Area.Level.GRID, parent__in=by_community).values_list("id", "parent_id")
    return {grid: by_community[community] for grid, community in grids if community is not None} | {
        grid: place for place, grid, _community in places
    }


def _works(town: Town) -> dict[int, int]:
    """Return the place of work or school of whoever has one with a gate."""
    run = Place.objects.filter(pk__in=town.gates, organisation__kind__in=EMPLOYERS)
    of_organisation = dict(run.values_list("organisation_id", "id"))
    members = Membership.objects.filter(organisation__in=of_organisation).values_list("person_id", "organisation_id")
    return {person: of_organisation[organisation] for person, organisation in members.iterator()}
