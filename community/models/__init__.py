"""What the community keeps; one file per thing in the world."""

from community.models.alert import Alert
from community.models.care import CareRequest
from community.models.duty import Duty
from community.models.housing import Building, Estate, Household, HouseholdMember, Room
from community.models.order import OrderStep, Visit, VisitPhoto, WorkOrder
from community.models.visit_draft import VisitDraft, VisitDraftPhoto

__all__ = [
    "Alert",
    "Building",
    "CareRequest",
    "Duty",
    "Estate",
    "Household",
    "HouseholdMember",
    "OrderStep",
    "Room",
    "Visit",
    "VisitDraft",
    "VisitDraftPhoto",
    "VisitPhoto",
    "WorkOrder",
]
