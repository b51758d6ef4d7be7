"""One transaction of the HTTP side."""

from countersign_router.store.controls import ControlWrites
from countersign_router.store.policies import PolicyWrites
from countersign_router.store.releases import ReleaseWrites


class ControlChange(ControlWrites, PolicyWrites, ReleaseWrites):
    """One transaction of the HTTP side, alone with the controls: no batch is in flight while it runs."""
