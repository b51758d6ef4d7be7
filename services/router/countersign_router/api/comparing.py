"""Two texts of a policy compared, in words."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from countersign_router.api.desk import Desk
from countersign_router.api.parts import Reader, WithDesk
from countersign_router.language.document import PolicyDocument
from countersign_router.language.loading import PolicyRefused, read_document
from countersign_router.showing.differences import differences
from countersign_shared.http import Problem

router = APIRouter(tags=["policies"])
Hash = Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="Of a published version or an open draft.")]


class DifferenceView(BaseModel):
    """One thing that the second text does differently; `effect` is null where that depends on the cases."""

    path: str
    text: str
    effect: Literal["stricter", "looser"] | None


class PolicyDifferences(BaseModel):
    """Everything the second text does differently, and whether certificates survive it."""

    before: int = Field(description="Version of the first.")
    after: int = Field(description="Version of the second.")
    differences: list[DifferenceView]
    voids_certificates: bool
    because: str


@router.get("/policies/diff", summary="What one version does differently from another")
async def compare_policies(desk: WithDesk, principal: Reader, before: Hash, after: Hash) -> PolicyDifferences:
    """Published versions or drafts, by their hashes, part by part in words."""
    tenants = None if "*" in principal.tenants else sorted(principal.tenants)
    first, second = [await _document(desk, one, tenants) for one in (before, after)]
    if first.decision_type != second.decision_type:
        raise Problem(422, "invalid", "Not to be compared", "They are policies of different decision types.")
    return compared(desk, first, second)


def compared(desk: Desk, before: PolicyDocument, after: PolicyDocument) -> PolicyDifferences:
    """Compare two documents for the same decision type."""
    known = desk.decision_types.get(after.decision_type)
    found = differences(before, after, known.adverse_outcomes if known is not None else ())
    return PolicyDifferences(
        before=found.before, after=found.after, voids_certificates=found.voids_certificates, because=found.because,
        differences=[DifferenceView(path=one.path, text=one.text, effect=one.effect) for one in found.differences],
    )  # fmt: skip


async def _document(desk: Desk, sha256: str, tenants: Sequence[str] | None) -> PolicyDocument:
    unknown = Problem(
        404, "policy-unknown", "No such policy", f"No published policy and no draft has the hash {sha256}."
    )
    version = await desk.store.published(sha256)
    if version is not None:
        found = await desk.store.policy_document(sha256)
        if found is None or (tenants is not None and version.tenant not in tenants):
            raise unknown
        data = found.data
    else:
        text = await desk.store.draft_document(sha256, tenants)
        if text is None:
            raise unknown
        data = text
    try:
        return read_document(data, name="the policy")
    except PolicyRefused as refused:
        raise Problem(422, "policy-refused", "It cannot be read by this release", str(refused)) from refused
