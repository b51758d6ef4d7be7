"""One transaction of the HTTP side."""

from countersign_router.store.controls import ControlSight, ControlWrites
from countersign_router.store.drafts import DraftWrites
from countersign_router.store.people import PeopleWrites
from countersign_router.store.policies import PolicyWrites
from countersign_router.store.releases import ReleaseWrites


class Change(ControlSight, DraftWrites, PeopleWrites, PolicyWrites):
    """One transaction of the HTTP side that changes no control; batches go on meanwhile."""


class ControlChange(Change, ControlWrites, ReleaseWrites):
    """One transaction of the HTTP side, alone with the controls: no batch is in flight while it runs."""
