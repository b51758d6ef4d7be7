"""Signing over HTTP: what evidence proposes, what it holds back, and what people say to that."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter

from countersign_router.api.desk import Desk
from countersign_router.api.draft_views import certificate_view
from countersign_router.api.models.controls import Control
from countersign_router.api.models.proposals import (
    Proposal,
    ProposalAnswer,
    ProposalList,
    Said,
    SignedView,
)
from countersign_router.api.once import OnlyOnce
from countersign_router.api.parts import Reader, WithDesk, check_tenant
from countersign_router.api.refusals import BUSY, answered
from countersign_router.controls import proposals
from countersign_router.controls.events import Actor
from countersign_router.controls.gauges import show_automation
from countersign_router.domain.controls import ANY, Controls
from countersign_router.domain.doubts import VoidedCertificate, certificate_doubts, voided_by_calibrator
from countersign_router.store import ControlKey
from countersign_shared.http import Principal, require

router = APIRouter(tags=["router"])

SIGNERS = tuple(sorted(proposals.RULE.roles))
"""Who may sign what lets the machine decide more."""
Signer = Annotated[Principal, require(*SIGNERS)]
_NOT_SIGNED: dict[int | str, dict[str, Any]] = {
    **BUSY,
    403: {"description": "Not for your role, or not any more."},
    404: {"description": "Nothing waits for signatures there."},
    409: {"description": "You have signed already, or what waits has another hash: read it again."},
}


@router.get("/controls/proposals", summary="What waits for signatures")
async def list_proposals(desk: WithDesk, principal: Reader) -> ProposalList:
    """Certificates and calibrators that evidence proposes, and tiers that it holds back until people lift that."""
    now = desk.clock()
    found, held = await proposals.open_proposals(desk.store, now), await desk.controls()
    seen = [one for one in found if _seen(principal, one.waiting.becomes[1])]
    return ProposalList(items=[_view(one, desk, held, now, principal) for one in seen])


@router.post("/controls/proposals/sign", summary="Sign a change", responses=_NOT_SIGNED)
async def sign_proposal(desk: WithDesk, principal: Signer, once: OnlyOnce, asked: ProposalAnswer) -> SignedView:
    """One of two signatures. The second brings the change into force; another person must give it within a day."""
    check_tenant(principal, asked.tenant)
    operation = proposals.sign_proposal(
        desk.store, _key(asked), sha256=asked.sha256, reason=asked.reason, actor=_actor(principal),
        roles=principal.roles, once=once,
    )  # fmt: skip
    signed: proposals.Signed = await answered(operation, proposals.ProposalRefusal, "It was not signed")
    if signed.control is not None:
        show_automation(desk.metrics, await desk.controls(), desk.shelf, desk.clock())
    return SignedView(
        signatures=signed.signatures, signatures_needed=proposals.RULE.count,
        control=None if signed.control is None else Control.model_validate(signed.control),
    )  # fmt: skip


@router.post("/controls/proposals/refuse", summary="Refuse a change", responses=_NOT_SIGNED)
async def refuse_proposal(desk: WithDesk, principal: Signer, once: OnlyOnce, asked: ProposalAnswer) -> ProposalList:
    """The signatures it has are void; it goes on waiting, and new ones may be given. Answers with what still waits."""
    check_tenant(principal, asked.tenant)
    operation = proposals.refuse_proposal(
        desk.store, _key(asked), sha256=asked.sha256, reason=asked.reason, actor=_actor(principal), once=once
    )
    await answered(operation, proposals.ProposalRefusal, "It was not refused")
    return await list_proposals(desk, principal)


def _key(asked: ProposalAnswer) -> ControlKey:
    return ControlKey(asked.becomes, asked.tenant, asked.decision_type, asked.tier)


def _seen(principal: Principal, tenant: str) -> bool:
    return tenant == ANY or principal.sees(tenant)


def _actor(principal: Principal) -> Actor:
    return Actor(principal.subject, next(role for role in SIGNERS if role in principal.roles))


def _view(found: proposals.Open, desk: Desk, held: Controls, now: datetime, principal: Principal) -> Proposal:
    one = found.waiting
    becomes, tenant, decision_type, tier = one.becomes
    doubts: list[str] = []
    voided: list[VoidedCertificate] = []
    if becomes == "certificate.active":
        shelved = desk.shelf.get(held.policy(tenant, decision_type) or "")
        policy = None if shelved is None else shelved.loaded.policy
        doubts = list(certificate_doubts(one.state, (tenant, decision_type, tier), policy, held, now))
    elif becomes == "calibrator.active":
        voided = voided_by_calibrator(one.state, tenant, decision_type, held, now)
    return Proposal(
        becomes=becomes, tenant=tenant, decision_type=decision_type, tier=tier, revision=one.revision,
        sha256=one.sha256, why=one.why, state=dict(one.state), doubts=doubts,
        certificates_voided=[certificate_view(each) for each in voided if principal.sees(each.tenant)],
        signatures_needed=proposals.RULE.count,
        said=[Said.model_validate(said, from_attributes=True) for said in found.said],
    )  # fmt: skip
