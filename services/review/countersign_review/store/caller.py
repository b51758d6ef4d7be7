"""Who acts at the desk."""

from dataclasses import dataclass
from typing import Any

from countersign_review.domain.eligibility import Profile
from countersign_review.domain.events import person


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the desk: their authority, narrowed by the key they came with, and whether they sit at the console."""

    profile: Profile
    at_console: bool
    undo_seconds: int | None = None

    @property
    def role(self) -> str:
        """The role they decide in."""
        return "reviewer" if "reviewer" in self.profile.roles else "lead"

    @property
    def actor(self) -> dict[str, Any]:
        """How records name them."""
        return person(self.profile.pseudonym, self.role)

    @property
    def tenants(self) -> list[str]:
        """The tenants in whose name they act."""
        return sorted(self.profile.tenants)

    def acts_for(self, tenant: str) -> bool:
        """Tell whether a tenant is among those in whose name they act."""
        return "*" in self.profile.tenants or tenant in self.profile.tenants
