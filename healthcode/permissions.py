"""Permissions: which act permits to record which kind of evidence of others, and of whom."""

from collections.abc import Collection, Mapping, Sequence

from citybrain.core import scope
from citybrain.core.models import Person, User
from citybrain.core.roles import Act, ClinicStaff, GateStaff, GridWorker, HealthOfficer
from healthcode.kinds import Kind
from healthcode.models import Evidence

# Each kind has its own act, the first; what a declaration asks about may also be told by whoever takes it down for
# somebody present. A kind that is missing here cannot be recorded of others: a correction comes from its own action.
RECORDED_UNDER: Mapping[str, tuple[Act, ...]] = {
    Kind.DECLARATION: (Act.DECLARE_FOR_PRESENT,),
    Kind.TRIP: (Act.RECORD_TRIP, Act.DECLARE_FOR_PRESENT),
    Kind.RISK_AREA_STAY: (Act.RECORD_STAY, Act.DECLARE_FOR_PRESENT),
    Kind.EXPOSURE: (Act.RECORD_EXPOSURE, Act.DECLARE_FOR_PRESENT),
    Kind.TEST_RESULT: (Act.RECORD_TEST,),
    Kind.CHECK_IN: (Act.RECORD_CHECK_IN,),
    Kind.TEMPERATURE: (Act.RECORD_TEMPERATURE,),
    Kind.FEVER_CLINIC_VISIT: (Act.RECORD_CLINIC_VISIT,),
    Kind.ISOLATION_ORDER: (Act.ORDER_ISOLATION,),
    Kind.ISOLATION_RELEASE: (Act.RELEASE_FROM_ISOLATION,),
    Kind.COUNTY_CONFIRMATION: (Act.CONFIRM_RELEASE,),
    Kind.CASE: (Act.RECORD_CASE,),
    Kind.RELEASED: (Act.RECORD_CASE,),
    Kind.VACCINATION: (Act.RECORD_VACCINATION,),
    Kind.RECOVERY: (Act.RECORD_RECOVERY,),
    # By the action that decides appeals; no form offers it.
    Kind.APPEAL_DECISION: (Act.DECIDE_APPEALS,),
    Kind.WITHDRAWAL: (Act.WITHDRAW_EVIDENCE,),
}
# Nobody takes these back by hand: a decision and a withdrawal stand, and an isolation ends by its release.
STANDING = frozenset(
    {Kind.WITHDRAWAL, Kind.APPEAL_DECISION, Kind.CORRECTION, Kind.ISOLATION_ORDER, Kind.ISOLATION_RELEASE}
)
# They record of whoever stands before them, wherever that person lives.
FACE_TO_FACE = frozenset({GateStaff.codename, ClinicStaff.codename})
# What the evidence of a role is, for whoever reads it; every other role knows its own grid.
_SOURCES: Mapping[str, Evidence.Source] = {
    GateStaff.codename: Evidence.Source.GATE,
    ClinicStaff.codename: Evidence.Source.CLINIC,
    HealthOfficer.codename: Evidence.Source.DISEASE_CONTROL,
    GridWorker.codename: Evidence.Source.GRID_WORKER,
}


def fits(kind: str, under: Act, withdraws: Evidence | None = None, by: User | None = None) -> bool:
    """Return whether an act permits a kind; the author of evidence withdraws it under the act it was recorded by."""
    if kind == Kind.WITHDRAWAL and withdraws is not None:
        if withdraws.kind in STANDING:
            return False
        if by is not None and withdraws.author == by.pk:
            return under in {Act.WITHDRAW_EVIDENCE, *RECORDED_UNDER.get(withdraws.kind, ())}
    return under in RECORDED_UNDER.get(kind, ())


def may_record_of(user: User, under: Act, person: Person) -> bool:
    """Return whether the user may do the act for a person: of their area, or before them at a gate or clinic."""
    held = scope.of(user)
    return person.area_id in held.ids("area", under) or (
        meets_people(user, under) and person.area.is_smoke == user.is_smoke
    )


def is_in_charge(user: User, acts: Collection[Act], person: Person) -> bool:
    """Return whether the user may do one of the acts for whoever lives there, document or not."""
    able = (one for one in scope.of(user).held if one.kind == "area" and one.role not in FACE_TO_FACE)
    return any(person.area_id in one.ids and any(map(one.permits, acts)) for one in able)


def meets_people(user: User, under: Act) -> bool:
    """Return whether the user does the act for whoever stands before them."""
    return any(one.role in FACE_TO_FACE and one.permits(under) for one in scope.of(user).held)


def kinds_for(user: User, person: Person, kinds: Sequence[str]) -> list[str]:
    """Return which of the kinds the user may record of a person, by the kind's own act."""
    return [kind for kind in kinds if may_record_of(user, RECORDED_UNDER[kind][0], person)]


def may_withdraw(user: User, evidence: Evidence) -> Act | None:
    """Return the act under which the user may withdraw a piece of evidence; None when they may not."""
    if evidence.kind in STANDING:
        return None
    own = RECORDED_UNDER.get(evidence.kind, ()) if evidence.author == user.pk else ()
    acts = (Act.WITHDRAW_EVIDENCE, *own)
    return next((act for act in acts if may_record_of(user, act, evidence.person)), None)


def units_of(user: User) -> set[str]:
    """Return every unit that somebody belongs to."""
    return {f"{held.role}@{held.kind}:{held.id}" for held in scope.of(user).held}


def source_of(user: User, under: Act, person: Person) -> Evidence.Source:
    """Return what evidence of this user is, by the role that permits the act."""
    role, _holding = scope.of(user).under(under, "area", [person.area_id])[0]
    return _SOURCES.get(role, Evidence.Source.GRID_WORKER)
