"""Scope: the one place that decides whose data a user may reach.

Grants are read once per request in one statement. Querysets of whatever has an area start from
`visible_to(user, act)`; nothing else turns grants into rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

from django.db import connection, models

from citybrain.core.roles import ROLES, Act, Resident

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from citybrain.core.models.user import User

M_co = TypeVar("M_co", bound=models.Model, covariant=True)

# Guardian's `get_objects_for_user` would hand every object to a superuser or to the holder of a global
# permission; here only a row in the grant tables counts.
_GRANTS = """
SELECT 'area', permission.codename, granted.id, array_agg(below.id ORDER BY below.id)
  FROM core_areagrant AS held
  JOIN auth_permission AS permission ON permission.id = held.permission_id
  JOIN core_area AS granted ON granted.id = held.content_object_id
  JOIN core_area AS below ON starts_with(below.path, granted.path)
 WHERE held.user_id = %(user)s
 GROUP BY permission.codename, granted.id
UNION ALL
SELECT 'organisation', permission.codename, held.content_object_id, ARRAY[held.content_object_id]
  FROM core_organisationgrant AS held
  JOIN auth_permission AS permission ON permission.id = held.permission_id
 WHERE held.user_id = %(user)s
 ORDER BY 1, 2, 3
"""

_HOLDERS = """
SELECT area.id, account.id, permission.codename, granted.id
  FROM core_area AS area
  JOIN core_area AS granted ON starts_with(area.path, granted.path)
  JOIN core_areagrant AS held ON held.content_object_id = granted.id
  JOIN auth_permission AS permission ON permission.id = held.permission_id
  JOIN core_user AS account ON account.id = held.user_id AND account.is_active
 WHERE area.id = ANY(%(areas)s) AND permission.codename = ANY(%(roles)s)
 ORDER BY account.username, permission.codename, granted.id
"""


@dataclass(frozen=True)
class Held:
    """One grant: a role on an area (with the ids of all areas below) or on an organisation."""

    kind: str
    role: str
    id: int
    ids: tuple[int, ...]

    def permits(self, act: Act) -> bool:
        """Whether the role may do this at all."""
        return self.role in ROLES and act in ROLES[self.role].may


@dataclass(frozen=True)
class Scope:
    """All that a user holds."""

    held: tuple[Held, ...] = ()
    is_signed_in: bool = False
    is_resident: bool = False
    _cache: dict[tuple[str, Act], list[int]] = field(default_factory=dict, compare=False, repr=False)

    def may(self, act: Act) -> bool:
        """Whether any role held permits the act somewhere."""
        if act == Act.SIGNED_IN:
            return self.is_signed_in
        return (self.is_resident and act in Resident.may) or any(held.permits(act) for held in self.held)

    def ids(self, kind: str, act: Act) -> list[int]:
        """Return the ids of areas or organisations in which the user may do the act, sorted."""
        if (kind, act) not in self._cache:
            found = {i for held in self.held if held.kind == kind and held.permits(act) for i in held.ids}
            self._cache[kind, act] = sorted(found)
        return self._cache[kind, act]

    def under(self, act: Act, kind: str = "area", ids: Iterable[int] = ()) -> list[tuple[str, str]]:
        """Return the roles and holdings ("area:17") that permit the act where it was done, for the record.

        `ids` are the areas or organisations that it touched: one holding that covers them all if there is one, else as
        many as it takes.
        """
        able = [held for held in self.held if act == Act.SIGNED_IN or held.permits(act)]
        left = set(ids)
        chosen: list[Held] = []
        while left and (best := max(able, key=lambda held: _covered(held, kind, left), default=None)):
            if not _covered(best, kind, left):
                break
            chosen.append(best)
            left -= set(best.ids)
        if not able:
            return [(Resident.codename if self.is_resident else "", "")]
        return [(held.role, f"{held.kind}:{held.id}") for held in chosen or able[:1]]


def _covered(held: Held, kind: str, ids: set[int]) -> int:
    return len(ids & set(held.ids)) if held.kind == kind else 0


def of(user: "User | AnonymousUser") -> Scope:
    """Return the user's scope, read once per request (the user object lives as long as the request)."""
    if not user.is_authenticated or not user.is_active:
        return Scope()
    known: Scope | None = user.__dict__.get("_scope")
    if known is None:
        with connection.cursor() as cursor:
            cursor.execute(_GRANTS, {"user": user.pk})
            held = tuple(Held(kind, role, held_id, tuple(ids)) for kind, role, held_id, ids in cursor.fetchall())
        known = user.__dict__["_scope"] = Scope(held, is_signed_in=True, is_resident=user.is_resident)
    return known


@dataclass(frozen=True)
class Holder:
    """A user in use whose role on an area (`on`, perhaps above) permits an act."""

    user: int
    role: str
    on: int


def holders(act: Act, areas: Iterable[int]) -> dict[int, list[Holder]]:
    """Return, for each area, who may do the act there by a grant on areas, in the order of their names."""
    found: dict[int, list[Holder]] = {area: [] for area in areas}
    able = [role.codename for role in ROLES.values() if act in role.may]
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, {"areas": list(found), "roles": able})
        for area, user, role, on in cursor.fetchall():
            found[area].append(Holder(user, role, on))
    return found


class AreaScoped(models.QuerySet[M_co]):
    """Rows with an area."""

    area_field = "area_id"

    def visible_to(self, user: "User | AnonymousUser", act: Act) -> Self:
        """Keep what lies in the areas where the user may do `act`."""
        return self.filter(**{f"{self.area_field}__any": of(user).ids("area", act)})


class OrganisationScoped(models.QuerySet[M_co]):
    """Rows that belong to an organisation."""

    organisation_field = "organisation_id"

    def visible_to(self, user: "User | AnonymousUser", act: Act) -> Self:
        """Keep what belongs to the organisations where the user may do `act`."""
        return self.filter(**{f"{self.organisation_field}__any": of(user).ids("organisation", act)})
