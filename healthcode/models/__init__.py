"""What the health code keeps; one file per thing in the world."""

from healthcode.models.code import CodeChange, CodeState, State
from healthcode.models.evidence import Evidence
from healthcode.models.reason import Reason
from healthcode.models.risk_area import RiskArea
from healthcode.models.rule_set import RuleActivation, RuleSet

__all__ = ["CodeChange", "CodeState", "Evidence", "Reason", "RiskArea", "RuleActivation", "RuleSet", "State"]
