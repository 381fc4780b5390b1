"""Granting and revoking roles."""

from django.db import transaction
from guardian.shortcuts import assign_perm, remove_perm

from citybrain.core import audit
from citybrain.core.models import Area, Organisation, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import ROLES, Role


def grant_role(*, user: User, role: type[Role], on: Area | Organisation, by: User | None) -> None:
    """Give `user` a role on an area (and all below) or an organisation; `by` None is the command line.

    Raises ValueError when the role cannot be held there.
    """
    kind = _kind(role, on)
    area = on if isinstance(on, Area) else on.area
    if area.is_smoke != user.is_smoke:
        raise ValueError("smoke accounts hold roles in the smoke tree of areas, and nobody else does")
    with transaction.atomic():
        assign_perm(role.codename, user, on)
        _record(Deed.GRANT_ROLE, user, role, f"{kind}:{on.pk}", by)


def revoke_role(*, user: User, role: type[Role], on: Area | Organisation, by: User | None) -> None:
    """Take a role on an area or organisation away; open sessions lose it with their next request."""
    kind = _kind(role, on)
    with transaction.atomic():
        remove_perm(role.codename, user, on)
        _record(Deed.REVOKE_ROLE, user, role, f"{kind}:{on.pk}", by)


def _kind(role: type[Role], on: Area | Organisation) -> str:
    kind = "area" if isinstance(on, Area) else "organisation"
    if ROLES.get(role.codename) is not role or kind not in role.held_on:
        message = f"the role {role.codename} cannot be held on an {kind}"
        raise ValueError(message)
    if role.is_for_the_whole and isinstance(on, Area) and on.parent_id is not None:
        message = f"the role {role.codename} cannot be held below the top of the area tree"
        raise ValueError(message)
    if role.is_for_the_whole and isinstance(on, Area) and on.is_smoke:
        message = f"the role {role.codename} reaches beyond areas: no smoke account may hold it"
        raise ValueError(message)
    return kind


def _record(deed: Deed, user: User, role: type[Role], holding: str, by: User | None) -> None:
    audit.record(deed, by=by, target=f"user:{user.pk}", detail={"role": role.codename, "on": holding})
