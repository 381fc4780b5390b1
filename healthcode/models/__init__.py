"""What the health code keeps; one file per thing in the world."""

from healthcode.models.appeal import Appeal, AppealNumber, AppealPaper, AppealStep
from healthcode.models.change_of_rules import RiskList, Round, RoundChunk, RuleProposal, Trial
from healthcode.models.code import CodeChange, CodeState, State
from healthcode.models.declaration import Declaration, DeclarationDraft
from healthcode.models.evidence import Evidence
from healthcode.models.family import Guardianship
from healthcode.models.hold import HeldItem, Hold, Impact
from healthcode.models.isolation import CheckInReminder, Isolation
from healthcode.models.reason import Reason
from healthcode.models.risk_area import RiskArea
from healthcode.models.rule_set import RuleActivation, RuleSet
from healthcode.models.token import CodeNumber

__all__ = [
    "Appeal",
    "AppealNumber",
    "AppealPaper",
    "AppealStep",
    "CheckInReminder",
    "CodeChange",
    "CodeNumber",
    "CodeState",
    "Declaration",
    "DeclarationDraft",
    "Evidence",
    "Guardianship",
    "HeldItem",
    "Hold",
    "Impact",
    "Isolation",
    "Reason",
    "RiskArea",
    "RiskList",
    "Round",
    "RoundChunk",
    "RuleActivation",
    "RuleProposal",
    "RuleSet",
    "State",
    "Trial",
]
