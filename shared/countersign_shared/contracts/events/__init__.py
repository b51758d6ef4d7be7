"""The events: one model per topic, with every field that any part of the product fills.

A model is the contract of one topic; its JSON Schema is generated from it and committed. Fields that nobody knows yet
are kept. The hot paths do not build these models: they pass dicts, and the contract tests prove the dicts fit.
`EVENTS` names a `TypeAdapter`-ready type per topic.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from countersign_shared.contracts.events.activity import ActivityRecorded
from countersign_shared.contracts.events.case import CaseCreated, CaseUpdated
from countersign_shared.contracts.events.checkpoint import CheckpointSigned
from countersign_shared.contracts.events.control import ControlChanged, control_key
from countersign_shared.contracts.events.dead_letter import DeadLetterHeaders
from countersign_shared.contracts.events.decision import DecisionMade, Judgement
from countersign_shared.contracts.events.routed import CaseRouted
from countersign_shared.contracts.events.scored import CaseScored

EVENTS: Mapping[str, Any] = MappingProxyType(
    {
        "case.created": CaseCreated,
        "case.updated": CaseUpdated,
        "case.scored": CaseScored,
        "case.routed": CaseRouted,
        "decision.made": DecisionMade,
        "activity.recorded": ActivityRecorded,
        "control.changed": ControlChanged,
        "countersign.dead-letter": DeadLetterHeaders,
        "checkpoint.signed": CheckpointSigned,
    }
)

LEVEL_NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "full_automation",
        2: "automation_with_audit",
        3: "automation_with_review",
        4: "human_with_ai_assist",
        5: "full_human_control",
    }
)

__all__ = [
    "EVENTS",
    "LEVEL_NAMES",
    "ActivityRecorded",
    "CaseCreated",
    "CaseRouted",
    "CaseScored",
    "CaseUpdated",
    "CheckpointSigned",
    "ControlChanged",
    "DeadLetterHeaders",
    "DecisionMade",
    "Judgement",
    "control_key",
]
