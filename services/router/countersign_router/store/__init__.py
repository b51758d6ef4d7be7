"""The only package that sees a database connection: one file a noun, `Store` for all of them."""

from countersign_router.store.change import Change, ControlChange
from countersign_router.store.controls import BatchInFlightError, ControlKey, StoredControl
from countersign_router.store.counts import AutomaticDecision, CellCount
from countersign_router.store.drafts import GivenAnswer, StoredDraft, StoredStep
from countersign_router.store.judgements import CellChance, CellErrors, NewJudgement
from countersign_router.store.people import PersonChange
from countersign_router.store.policies import StoredPolicy
from countersign_router.store.releases import ReleaseRequest, Said
from countersign_router.store.routings import Batch, CaseKey, HeldControls, KnownCasesError, NewRouting, StoredRouting
from countersign_router.store.statements import SCHEMA
from countersign_router.store.store import Store

__all__ = [
    "SCHEMA",
    "AutomaticDecision",
    "Batch",
    "BatchInFlightError",
    "CaseKey",
    "CellChance",
    "CellCount",
    "CellErrors",
    "Change",
    "ControlChange",
    "ControlKey",
    "GivenAnswer",
    "HeldControls",
    "KnownCasesError",
    "NewJudgement",
    "NewRouting",
    "PersonChange",
    "ReleaseRequest",
    "Said",
    "Store",
    "StoredControl",
    "StoredDraft",
    "StoredPolicy",
    "StoredRouting",
    "StoredStep",
]
