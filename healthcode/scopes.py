"""What a key for programs may be good for: services of the health code, and kinds of evidence that a body sends."""

from collections.abc import Mapping

from django_stubs_ext import StrOrPromise

from citybrain.core.models import Organisation
from citybrain.core.roles import ClinicStaff, Role
from healthcode.kinds import Kind
from healthcode.models.app_key import Service
from healthcode.permissions import RECORDED_UNDER

# What a program sends is what the body's own staff may record, by the kind's own act.
BODIES: Mapping[str, type[Role]] = {Organisation.Kind.HOSPITAL: ClinicStaff}
EVIDENCE = "evidence:"


def evidence_scope(kind: str) -> str:
    """Return the scope for sending a kind of evidence."""
    return f"{EVIDENCE}{kind}"


def kinds_for(organisation: Organisation) -> list[Kind]:
    """Return the kinds of evidence that a program of an organisation may be let send."""
    role = BODIES.get(organisation.kind)
    return [Kind(kind) for kind, acts in RECORDED_UNDER.items() if role and acts[0] in role.may]


def scopes_for(organisation: Organisation) -> list[tuple[str, StrOrPromise]]:
    """Return every scope that a key of an organisation may have, with its name."""
    return [*choices()[: len(Service)], *((evidence_scope(kind), kind.label) for kind in kinds_for(organisation))]


def choices() -> list[tuple[str, StrOrPromise]]:
    """Return every scope with its name: the services, then what some body may send."""
    sent = {act for role in BODIES.values() for act in role.may}
    kinds = [Kind(kind) for kind, acts in RECORDED_UNDER.items() if acts[0] in sent]
    return [*((one.value, one.label) for one in Service), *((evidence_scope(kind), kind.label) for kind in kinds)]
