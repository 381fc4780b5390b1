"""What the health code keeps; one file per thing in the world."""

from healthcode.models.code import CodeChange, CodeState, State
from healthcode.models.declaration import Declaration, DeclarationDraft
from healthcode.models.evidence import Evidence
from healthcode.models.reason import Reason
from healthcode.models.risk_area import RiskArea
from healthcode.models.rule_set import RuleActivation, RuleSet
from healthcode.models.token import CodeNumber

__all__ = [
    "CodeChange",
    "CodeNumber",
    "CodeState",
    "Declaration",
    "DeclarationDraft",
    "Evidence",
    "Reason",
    "RiskArea",
    "RuleActivation",
    "RuleSet",
    "State",
]
