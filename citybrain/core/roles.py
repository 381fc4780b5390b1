"""Roles: what each kind of user is, in a sentence a manager can read, and what it may do.

A role is held by a grant (django-guardian object permission, codename = role) on an area, where it holds for
everything below, or on an organisation. What a role may do is code, here, and nowhere else.
"""

from enum import StrEnum
from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


class Act(StrEnum):
    """What can be permitted; every URL names one of these or says why it is public."""

    SEE_OWN_DATA = "see_own_data"
    DECLARE = "declare"
    SHOW_CODE = "show_code"
    CHECK_IN = "check_in"
    APPEAL = "appeal"
    ACT_FOR_FAMILY = "act_for_family"
    # Recording what is known of others: one for each kind of evidence (see healthcode.permissions).
    DECLARE_FOR_PRESENT = "declare_for_present"
    RECORD_CHECK_IN = "record_check_in"
    RECORD_TRIP = "record_trip"
    RECORD_STAY = "record_stay"
    RECORD_EXPOSURE = "record_exposure"
    RECORD_CASE = "record_case"
    RECORD_TEST = "record_test"
    RECORD_TEMPERATURE = "record_temperature"
    RECORD_CLINIC_VISIT = "record_clinic_visit"
    RECORD_VACCINATION = "record_vaccination"
    RECORD_RECOVERY = "record_recovery"
    ORDER_ISOLATION = "order_isolation"
    RELEASE_FROM_ISOLATION = "release_from_isolation"
    CONFIRM_RELEASE = "confirm_release"
    WITHDRAW_EVIDENCE = "withdraw_evidence"
    # The second pair of eyes.
    APPROVE_HELD = "approve_held"
    DECIDE_APPEALS = "decide_appeals"
    PROPOSE_RULES = "propose_rules"
    APPROVE_RULES = "approve_rules"
    CARE_FOR_ISOLATED = "care_for_isolated"
    VERIFY_FAMILY = "verify_family"
    CHECK_AT_GATE = "check_at_gate"
    SET_UP_GATES = "set_up_gates"
    HANDLE_ORDERS = "handle_orders"
    VERIFY_ORDERS = "verify_orders"
    SET_DUTY = "set_duty"
    SEE_COCKPIT = "see_cockpit"
    SEE_AREAS = "see_areas"
    SEE_PEOPLE = "see_people"
    UNMASK_PERSON = "unmask_person"
    EXPORT_PEOPLE = "export_people"
    SEE_MEMBERS = "see_members"
    SEE_ESTATES = "see_estates"
    READ_AUDIT = "read_audit"
    RUN_SYSTEM = "run_system"
    # A key lets a program in: the one who runs the system proposes it, another decides.
    APPROVE_KEYS = "approve_keys"
    CORRECT_DATA = "correct_data"
    # What a program may ask for by a signed request, in the name of an organisation; no role has it.
    USE_SERVICES = "use_services"
    # Needs no role: every account in use has it.
    SIGNED_IN = "signed_in"


class Role:
    """One kind of user; subclasses are the whole list."""

    codename: ClassVar[str]
    title: ClassVar[StrOrPromise]
    sentence: ClassVar[StrOrPromise]
    held_on: ClassVar[tuple[str, ...]] = ("area",)
    # What the role does cannot be cut into areas: it is held at the top of the tree.
    is_for_the_whole: ClassVar[bool] = False
    may: ClassVar[frozenset[Act]]


class Resident(Role):
    """Everyone with a phone; the one role that needs no grant."""

    codename = "resident"
    title = _("Resident")
    sentence = _("Declares, shows their code, sees their own data and who looked at it, and nobody else's.")
    held_on = ()
    may = frozenset(
        {Act.SEE_OWN_DATA, Act.DECLARE, Act.SHOW_CODE, Act.CHECK_IN, Act.APPEAL, Act.ACT_FOR_FAMILY},
    )


class GateStaff(Role):
    """Guards and venue staff."""

    codename = "gate_staff"
    title = _("Gate staff")
    sentence = _("Checks whoever stands at the gate; cannot search for anyone by name.")
    held_on = ("area", "organisation")
    may = frozenset({Act.SEE_AREAS, Act.CHECK_AT_GATE, Act.RECORD_TEMPERATURE, Act.DECLARE_FOR_PRESENT})


class GridWorker(Role):
    """网格员: knows the households of one grid."""

    codename = "grid_worker"
    title = _("Grid worker")
    sentence = _("Looks after the households of their own grid and sees nobody outside it.")
    may = frozenset(
        {
            Act.SEE_AREAS,
            Act.SEE_ESTATES,
            Act.SEE_PEOPLE,
            Act.UNMASK_PERSON,
            Act.EXPORT_PEOPLE,
            Act.HANDLE_ORDERS,
            Act.CARE_FOR_ISOLATED,
            Act.VERIFY_FAMILY,
            Act.DECLARE_FOR_PRESENT,
            Act.RECORD_CHECK_IN,
            Act.RECORD_TEMPERATURE,
        },
    )


class CommunityStaff(Role):
    """社区工作人员."""

    codename = "community_staff"
    title = _("Community staff")
    sentence = _("Runs one community: its grids, gates and duty roster; closes orders that others have carried out.")
    may = GridWorker.may | {
        Act.VERIFY_ORDERS,
        Act.SET_DUTY,
        Act.SET_UP_GATES,
        Act.SEE_COCKPIT,
        Act.CORRECT_DATA,
    }


class StreetStaff(Role):
    """街道工作人员."""

    codename = "street_staff"
    title = _("Street staff")
    sentence = _("Runs one street: its communities, their gates and orders; decides on appeals.")
    may = CommunityStaff.may | {Act.DECIDE_APPEALS}


class PropertyCompany(Role):
    """物业公司."""

    codename = "property_company"
    title = _("Property company")
    sentence = _("Sees the estates it serves, their buildings and rooms, and no resident's name.")
    held_on = ("organisation",)
    may = frozenset({Act.SEE_ESTATES})


class Employer(Role):
    """An employer's or a school's office."""

    codename = "employer"
    title = _("Employer")
    sentence = _("Sees its own staff or pupils by name, never anyone's reasons or address.")
    held_on = ("organisation",)
    may = frozenset({Act.SEE_MEMBERS})


class DepartmentStaff(Role):
    """职能部门."""

    codename = "department_staff"
    title = _("Department staff")
    sentence = _("Handles what streets and the district send to their department.")
    held_on = ("organisation",)
    may = frozenset({Act.SEE_AREAS})


class ClinicStaff(Role):
    """发热门诊与检测机构人员."""

    codename = "clinic_staff"
    title = _("Clinic or laboratory staff")
    sentence = _(
        "Records visits, tests, vaccinations and recoveries of whoever stands before them; searches for nobody."
    )
    held_on = ("organisation",)
    may = frozenset(
        {
            Act.SEE_AREAS,
            Act.RECORD_TEST,
            Act.RECORD_TEMPERATURE,
            Act.RECORD_CLINIC_VISIT,
            Act.RECORD_VACCINATION,
            Act.RECORD_RECOVERY,
        },
    )


class HealthOfficer(Role):
    """流调人员."""

    codename = "health_officer"
    title = _("Health officer")
    sentence = _("Investigates cases in their area, records contacts and isolation, proposes rules; exports nothing.")
    may = frozenset(
        {
            Act.SEE_AREAS,
            Act.SEE_PEOPLE,
            Act.UNMASK_PERSON,
            Act.RECORD_TRIP,
            Act.RECORD_STAY,
            Act.RECORD_EXPOSURE,
            Act.RECORD_CASE,
            Act.RECORD_TEST,
            Act.RECORD_TEMPERATURE,
            Act.ORDER_ISOLATION,
            Act.RELEASE_FROM_ISOLATION,
            Act.CONFIRM_RELEASE,
            Act.WITHDRAW_EVIDENCE,
            Act.APPROVE_HELD,
            Act.DECIDE_APPEALS,
            Act.PROPOSE_RULES,
        },
    )


class DistrictCommander(Role):
    """指挥员."""

    codename = "district_commander"
    title = _("District commander")
    sentence = _("Sees the whole district and gives orders; names stay masked.")
    may = frozenset(
        {
            Act.SEE_AREAS,
            Act.SEE_ESTATES,
            Act.SEE_PEOPLE,
            Act.SEE_COCKPIT,
            Act.APPROVE_HELD,
            Act.APPROVE_RULES,
            Act.APPROVE_KEYS,
        },
    )


class Auditor(Role):
    """审计员."""

    codename = "auditor"
    title = _("Auditor")
    sentence = _("Reads every trail and changes nothing.")
    is_for_the_whole = True
    may = frozenset({Act.READ_AUDIT, Act.SEE_AREAS})


class SystemAdministrator(Role):
    """系统管理员."""

    codename = "system_administrator"
    title = _("System administrator")
    sentence = _("Runs the system; may not read residents' data.")
    is_for_the_whole = True
    may = frozenset({Act.RUN_SYSTEM, Act.SEE_AREAS})


STAFF_ROLES: tuple[type[Role], ...] = (
    GateStaff,
    GridWorker,
    CommunityStaff,
    StreetStaff,
    PropertyCompany,
    Employer,
    DepartmentStaff,
    ClinicStaff,
    HealthOfficer,
    DistrictCommander,
    Auditor,
    SystemAdministrator,
)
ROLES: dict[str, type[Role]] = {Resident.codename: Resident} | {role.codename: role for role in STAFF_ROLES}


def permissions_on(kind: str) -> list[tuple[str, StrOrPromise]]:
    """Return (codename, English name) of the roles that can be held on `kind` ("area" or "organisation")."""
    return [(role.codename, role.__name__) for role in STAFF_ROLES if kind in role.held_on]
