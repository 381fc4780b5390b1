"""Ground: the areas in which a user may do something, and the way through them, for pages that drill down."""

from dataclasses import dataclass

from citybrain.core import scope
from citybrain.core.models import Area, User
from citybrain.core.roles import Act

# What is longer is no id.
LONGEST_ID = 18
CODE_LENGTHS = (12, 15)


@dataclass(frozen=True)
class Ground:
    """The areas in which a user may do something, and the way through them from the widest to the grids."""

    areas: dict[int, Area]

    def find(self, text: str) -> Area | None:
        """Return the area that an id or a code of today names; None when it is none of these. Raises ValueError."""
        if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID):
            message = "neither an id nor a code of an area"
            raise ValueError(message)
        if len(text) in CODE_LENGTHS:
            return next((area for area in self.areas.values() if area.code == text), None)
        return self.areas.get(int(text))

    @property
    def tops(self) -> list[Area]:
        """The areas that lie in no other."""
        return [area for area in self.areas.values() if area.parent_id not in self.areas]

    def start(self) -> Area | None:
        """Return the area that holds all others; None where there are several, or none at all."""
        return self.tops[0] if len(self.tops) == 1 else None

    def parts(self, area: Area | None) -> list[Area]:
        """Return what an area is divided into; of no area, the widest ones."""
        if area is None:
            return self.tops
        return [part for part in self.areas.values() if part.parent_id == area.pk]

    def trail(self, area: Area | None) -> list[Area]:
        """Return the areas above one, the widest first."""
        above: list[Area] = []
        while area and (area := self.areas.get(area.parent_id or 0)):
            above.insert(0, area)
        return above

    def where(self, user: User, *acts: Act) -> "Ground":
        """Keep the areas in which the user may do one of these acts."""
        held = scope.of(user)
        ids = {pk for act in acts for pk in held.ids("area", act)}
        return Ground({pk: area for pk, area in self.areas.items() if pk in ids})

    def below(self, area: Area | None) -> list[int]:
        """Return the ids of an area and all in it; of no area, of all."""
        return [pk for pk, one in self.areas.items() if area is None or one.path.startswith(area.path)]

    def has_samples(self, area: Area | None) -> bool:
        """Whether of some area in this one only a sample of the residents is on the register."""
        return any(self.areas[pk].register_is_partial for pk in self.below(area))


def ground(user: User, *acts: Act) -> Ground:
    """Return the areas in which a user may do one of the acts, in the order of their codes, without borders."""
    held = scope.of(user)
    ids = sorted({pk for act in acts for pk in held.ids("area", act)})
    rows = Area.objects.filter(id__any=ids).defer("boundary").order_by("code")
    return Ground({area.pk: area for area in rows})
