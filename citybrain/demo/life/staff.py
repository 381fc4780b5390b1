"""Who works in the district besides those whose logins are given away: guards, grid workers, those who verify."""

from collections.abc import Iterable

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import transaction
from django.db.models import Q

from accesslog.models import Place
from citybrain.core import roles, scope
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, AreaGrant, OrganisationGrant, User
from citybrain.core.roles import Act
from citybrain.demo.accounts import ACCOUNTS

# Their orders stay for whoever tries the demo.
LOGINS = frozenset(account.username for account in ACCOUNTS)
# Accounts that life makes.
ACCOUNT_PREFIX = "life-"
# An account of a street: the end of its name, its role and its title.
Post = tuple[str, type[roles.Role], str]
GUARD: Post = ("guard", roles.GateStaff, "卡口值守员")
# Two, so that one verifies what the other carried out.
ON_DUTY: tuple[Post, ...] = (("duty-1", roles.StreetStaff, "值班员甲"), ("duty-2", roles.StreetStaff, "值班员乙"))
# Who knows the grid best comes first.
NEAREST = {roles.GridWorker.codename: 0, roles.CommunityStaff.codename: 1}


class Staff:
    """Accounts to which nobody can sign in, by what they may do where."""

    def __init__(self) -> None:
        """Read who works where; where nobody could carry out or verify an order, the street is given staff."""
        areas = Area.objects.filter(is_smoke=False)
        # The second step of a path: the first is the district.
        self.streets = {
            area: int(path.split("/")[2]) for area, path in areas.values_list("id", "path") if _is_below(path)
        }
        self._grids = list(areas.filter(level=Area.Level.GRID).values_list("id", flat=True))
        self._read()
        uncovered = {self.streets[grid] for grid in self._grids if not self._covers(grid)}
        for street in areas.filter(pk__in=uncovered):
            _make(street, ON_DUTY)
        if uncovered:
            self._read()

    def _read(self) -> None:
        users = User.objects.filter(is_active=True, is_smoke=False, password__startswith=UNUSABLE_PASSWORD_PREFIX)
        staff = users.exclude(username__in=LOGINS).exclude(areagrant=None, organisationgrant=None)
        self._users = {user.pk: user for user in staff}
        self._workers = self._able(Act.HANDLE_ORDERS)
        self._verifiers = self._able(Act.VERIFY_ORDERS)
        held = {"permission__codename": roles.GateStaff.codename, "user__in": self._users}
        self._guards = {
            (kind, on): self._users[user]
            for kind, grants in (("area", AreaGrant), ("organisation", OrganisationGrant))
            for on, user in grants._default_manager.filter(**held).values_list("content_object_id", "user_id")
        }

    def guard(self, place: Place) -> User:
        """Return who stands at the gates of a place: of who runs it, of its grid, else of its street."""
        nearest = [("organisation", place.organisation_id), ("area", place.area_id)]
        street = ("area", self.streets[place.area_id])
        found = next((guard for on in (*nearest, street) if (guard := self._guards.get(on))), None)
        if found is None:
            found = self._guards[street] = _make(Area.objects.get(pk=street[1]), [GUARD])
        return found

    def user(self, user: int | None) -> User | None:
        """Return an account of ours."""
        return self._users.get(user or 0)

    def worker(self, grid: int) -> User | None:
        """Return who is given an order that nobody has."""
        return next((self._users[user] for user in self._workers[grid]), None)

    def verifier(self, grid: int, but: set[int]) -> User | None:
        """Return who verifies what others carried out."""
        return next((self._users[user] for user in self._verifiers[grid] if user not in but), None)

    def _covers(self, grid: int) -> bool:
        worker = self.worker(grid)
        return worker is not None and self.verifier(grid, {worker.pk}) is not None

    def _able(self, act: Act) -> dict[int, list[int]]:
        return {
            grid: [
                one.user for one in sorted(held, key=lambda one: NEAREST.get(one.role, 2)) if one.user in self._users
            ]
            for grid, held in scope.holders(act, self._grids).items()
        }


def of_others() -> Q:
    """Return the condition that an order is in the hands of nobody who can sign in."""
    nobody_signs_in = Q(assignee__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return Q(assignee=None) | (nobody_signs_in & ~Q(assignee__username__in=LOGINS))


def _is_below(path: str) -> bool:
    return path.count("/") > len("//")


@transaction.atomic
def _make(street: Area, posts: Iterable[Post]) -> User:
    """Make the accounts of a street's posts where they are missing; return the last."""
    for name, role, title in posts:
        user, is_made = User.objects.get_or_create(
            username=f"{ACCOUNT_PREFIX}{street.pk}-{name}",
            defaults={"display_name": f"{street.name}{title}", "password": make_password(None)},
        )
        if is_made:
            grant_role(user=user, role=role, on=street, by=None)
    return user
