"""Drafts as the API shows them."""

from collections.abc import Sequence

import orjson

from countersign_router.api.models.drafts import (
    ApprovalView,
    CertificateView,
    DiagnosticView,
    DraftEntry,
    DraftView,
    PublishPreview,
    StepView,
    VersionInForce,
)
from countersign_router.domain.doubts import VoidedCertificate
from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.loading import PolicyRefused, read_document
from countersign_router.life.progress import Approval, Effect, Progress
from countersign_router.life.steps import APPROVAL
from countersign_router.store import StoredStep
from countersign_shared.http import Principal


def draft_entry(one: Progress) -> DraftEntry:
    """Return a draft as the list has it."""
    draft = one.draft
    return DraftEntry(
        draft_id=draft.id, id=f"{draft.tenant}/{draft.decision_type}", tenant=draft.tenant,
        decision_type=draft.decision_type, version=draft.version, sha256=draft.sha256,
        automation_sha256=draft.automation_sha256, authors=list(draft.authors), returns=draft.returns,
        reason=draft.reason, state="open" if draft.state == "open" else "published", created_at=draft.created_at,
        changed_at=draft.changed_at, tested=_step(one.tested), replayed=_step(one.replayed),
        approvals=[_approval(approval) for approval in one.approvals], approvals_needed=APPROVAL.count,
        needs=list(one.needs),
    )  # fmt: skip


def draft_view(one: Progress) -> DraftView:
    """Return a draft with its text."""
    try:
        document = read_document(one.draft.document, name="the draft").model_dump(mode="json", by_alias=True)
    except PolicyRefused:
        document = {}  # Written for a release that read it otherwise; the text is shown, and a test says what is wrong.
    text = one.draft.document.decode(errors="replace")
    return DraftView(**draft_entry(one).model_dump(), document=document, yaml=text)


def publish_preview(found: Effect, diagnostics: Sequence[Diagnostic], principal: Principal) -> PublishPreview:
    """Return what publishing would do, as far as it concerns tenants that this caller may see."""
    before = found.in_force
    return PublishPreview(
        draft=draft_entry(found.progress),
        in_force=None if before is None else VersionInForce(
            version=before.version, sha256=before.sha256, automation_sha256=before.automation_sha256
        ),
        automation_changes=found.automation_changes,
        certificates_voided=[
            certificate_view(one) for one in found.certificates_voided if principal.sees(one.tenant)
        ],
        diagnostics=[DiagnosticView.model_validate(one) for one in diagnostics],
    )  # fmt: skip


def certificate_view(one: VoidedCertificate) -> CertificateView:
    """Return a certificate that a change would void."""
    return CertificateView(
        tenant=one.tenant, tier=one.tier, certificate_id=one.certificate.id, threshold=one.certificate.threshold,
        model_version=one.certificate.model_version, expires_at=one.certificate.expires_at,
    )  # fmt: skip


def _step(step: StoredStep | None) -> StepView | None:
    if step is None:
        return None
    return StepView(
        passed=step.passed, by=step.pseudonym, role=step.role, at=step.done_at, result=orjson.loads(step.result)
    )


def _approval(one: Approval) -> ApprovalView:
    return ApprovalView(
        by=one.signature.pseudonym, role=one.signature.role, signed_at=one.signature.signed_at,
        expires_at=one.expires_at, comment=one.comment, counts=one.void is None,
        void=None if one.void is None else str(one.void),
    )  # fmt: skip
