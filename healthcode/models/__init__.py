"""What the health code keeps; one file per thing in the world."""

from healthcode.models.app_key import (
    AppKey,
    AppKeySecret,
    Consent,
    FeedItem,
    KeyCount,
    KeyNonce,
    KeyRefusal,
    ShownToken,
)
from healthcode.models.appeal import Appeal, AppealNumber, AppealPaper, AppealStep
from healthcode.models.change_of_rules import RiskList, Round, RoundChunk, RuleProposal, Trial
from healthcode.models.code import CodeChange, CodeState, State
from healthcode.models.correction import Correction
from healthcode.models.declaration import Declaration, DeclarationDraft, NoDocument
from healthcode.models.evidence import Evidence
from healthcode.models.family import Guardianship
from healthcode.models.hold import HeldItem, Hold, Impact
from healthcode.models.isolation import CheckInReminder, Isolation
from healthcode.models.paper import PaperCode
from healthcode.models.reason import Reason
from healthcode.models.risk_area import RiskArea
from healthcode.models.rule_set import RuleActivation, RuleSet
from healthcode.models.token import CodeNumber

__all__ = [
    "AppKey",
    "AppKeySecret",
    "Appeal",
    "AppealNumber",
    "AppealPaper",
    "AppealStep",
    "CheckInReminder",
    "CodeChange",
    "CodeNumber",
    "CodeState",
    "Consent",
    "Correction",
    "Declaration",
    "DeclarationDraft",
    "Evidence",
    "FeedItem",
    "Guardianship",
    "HeldItem",
    "Hold",
    "Impact",
    "Isolation",
    "KeyCount",
    "KeyNonce",
    "KeyRefusal",
    "NoDocument",
    "PaperCode",
    "Reason",
    "RiskArea",
    "RiskList",
    "Round",
    "RoundChunk",
    "RuleActivation",
    "RuleProposal",
    "RuleSet",
    "ShownToken",
    "State",
    "Trial",
]
