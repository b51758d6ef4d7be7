"""The only package that sees a database connection: one file a noun, `Store` for all of them."""

from countersign_router.store.change import ControlChange
from countersign_router.store.controls import BatchInFlightError, ControlKey, StoredControl
from countersign_router.store.counts import AutomaticDecision, CellCount
from countersign_router.store.policies import StoredPolicy
from countersign_router.store.releases import ReleaseRequest
from countersign_router.store.routings import Batch, CaseKey, HeldControls, NewRouting, StoredRouting
from countersign_router.store.statements import SCHEMA
from countersign_router.store.store import Store

__all__ = [
    "SCHEMA",
    "AutomaticDecision",
    "Batch",
    "BatchInFlightError",
    "CaseKey",
    "CellCount",
    "ControlChange",
    "ControlKey",
    "HeldControls",
    "NewRouting",
    "ReleaseRequest",
    "Store",
    "StoredControl",
    "StoredPolicy",
    "StoredRouting",
]
