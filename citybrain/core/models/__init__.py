"""What the ground keeps; one file per thing in the world."""

from citybrain.core.models.area import Area, AreaCode
from citybrain.core.models.audit import AuditBlock, AuditHead, AuditRow, RefusalNotice, XidEra
from citybrain.core.models.erasure import ErasureRequest
from citybrain.core.models.grant import AreaGrant, OrganisationGrant
from citybrain.core.models.organisation import Membership, Organisation
from citybrain.core.models.outbox import Delivery, Event
from citybrain.core.models.person import Document, Person, Phone
from citybrain.core.models.photo import Photo
from citybrain.core.models.process import ProcessBeat
from citybrain.core.models.sign_in import SignInCode, SignInFailure
from citybrain.core.models.user import User

__all__ = [
    "Area",
    "AreaCode",
    "AreaGrant",
    "AuditBlock",
    "AuditHead",
    "AuditRow",
    "Delivery",
    "Document",
    "ErasureRequest",
    "Event",
    "Membership",
    "Organisation",
    "OrganisationGrant",
    "Person",
    "Phone",
    "Photo",
    "ProcessBeat",
    "RefusalNotice",
    "SignInCode",
    "SignInFailure",
    "User",
    "XidEra",
]
