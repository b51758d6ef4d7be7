"""The activities of a policy's life, numbered per policy."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from countersign_router.controls.events import SOURCE, Actor, Fact
from countersign_router.domain.controls import ANY
from countersign_router.store import Change, StoredDraft
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import control_key
from countersign_shared.errors import CountersignError
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import write_event


async def tell(change: Change, tenant: str, decision_type: str, fact: Fact, *, actor: Actor, moment: datetime) -> None:
    """Announce a fact about a policy, numbered per policy so that a hole shows."""
    number = await change.count_in_thread(tenant, decision_type)
    name = control_key("policy", tenant, decision_type).decode()
    event_id = derived_event_id(tenant, name, "activity", number)
    body = {
        "tenant": tenant, "case_id": None, "decision_type": decision_type, "entity_id": name, "sequence": number,
        "occurred_at": rfc3339(moment), "actor": actor.wire(), "kind": fact.kind, "body": fact.body,
    }  # fmt: skip
    message = write_event(
        "activity.recorded", event_id=event_id, source=SOURCE, case_id=name, time=rfc3339(moment),
        body=orjson.dumps(body), partition=None,
    )  # fmt: skip
    await change.announce(message, event_id, moment)


def policy_fact(
    kind: str, draft: StoredDraft, *, comment: str | None = None, previous_version: int | None = None, **result: Any
) -> Fact:
    """Return a fact about a draft; ``result`` is what the step found."""
    return Fact(kind, {
        "policy_id": f"{draft.tenant}/{draft.decision_type}", "version": draft.version, "sha256": draft.sha256,
        "automation_sha256": draft.automation_sha256, "previous_version": previous_version, "comment": comment,
        "result": {"draft_id": str(draft.id), **result},
    })  # fmt: skip


async def tell_refused(
    change: Change, draft: StoredDraft, step: str, refusal: CountersignError, *,
    actor: Actor, moment: datetime, named: str | None,
) -> None:  # fmt: skip
    """Announce that a step was refused: by whom it was tried, on which hash, and why not."""
    state: Mapping[str, Any] = {
        "step": step, "refusal": refusal.code, "draft_id": str(draft.id), "version": draft.version,
        "sha256": draft.sha256, "named_sha256": named, "authors": list(draft.authors),
    }  # fmt: skip
    body = {
        "control": "policy", "decision_type": draft.decision_type, "tier": ANY, "revision": None,
        "reason": str(refusal), "state": state,
    }  # fmt: skip
    fact = Fact("control.refused", body)
    await tell(change, draft.tenant, draft.decision_type, fact, actor=actor, moment=moment)
