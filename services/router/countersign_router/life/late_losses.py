"""A signer lost the role before a change came into force, and the router heard of it only afterwards.

The change stands: it was signed by somebody who held the role, and taking it back by itself could loosen something.
It is put on the record and into the log instead, for people to look at it again (docs/adr/0024).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from countersign_router.controls.events import ROUTER, Fact, control_fact, record
from countersign_router.domain.signatures import Standing
from countersign_router.life.facts import tell
from countersign_router.store import ControlChange, ControlKey, PersonChange, Store
from countersign_shared.clock import rfc3339

log = logging.getLogger(__name__)

Body = Mapping[str, Any]


def rests_on(bodies: Iterable[Body], change: PersonChange) -> list[tuple[Body, str]]:
    """Return the controls that rest on a signature which this person could not have given any more, with its role.

    ``bodies`` are control.changed bodies. Only what came into force after the loss counts: what they signed and brought
    into force while they held the role is theirs for good.
    """
    standing = Standing(_set(change.roles), _set(change.tenants), disabled=bool(change.disabled))
    return [
        (body, signature["role"])
        for body in bodies
        if change.at < datetime.fromisoformat(body["changed_at"]) and not _stops(body)
        for signature in body["signatures"]
        # What holds for every tenant is signed by whoever sees all of them.
        if signature["pseudonym"] == change.pseudonym and not standing.may(signature["role"], body["tenant"])
    ]


def _stops(body: Body) -> bool:
    """A stop that is on needs nobody's signature to be right."""
    return bool(body["kind"] == "stop" and body["state"]["active"])


def _set(names: Sequence[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


async def note_people(store: Store, changes: Sequence[PersonChange]) -> None:
    """Take in what is said of people, and what it says of signatures that were counted before it was known."""
    bodies: list[Body] = []
    if any(one.disabled or one.roles is not None or one.tenants is not None for one in changes):
        bodies = [orjson.loads(body) for _, _, body in await store.controls()]
    if not any(rests_on(bodies, one) for one in changes):
        await store.note_people(changes)
        return
    for one in sorted(changes, key=lambda change: (change.pseudonym, change.sequence)):
        async with store.control_change() as change:
            if await change.note_person(one):
                for body, role in rests_on(bodies, one):
                    await _tell(change, body, one, role)


async def _tell(change: ControlChange, body: Body, person: PersonChange, role: str) -> None:
    key = ControlKey(body["kind"], body["tenant"], body["decision_type"], body["tier"])
    reason = (
        f"{person.pseudonym} signed as {role} and had lost that at {rfc3339(person.at)}, before revision "
        f"{body['revision']} came into force at {body['changed_at']}; it was not known here then. It stands until "
        "people go back on it or stop automation."
    )
    log.critical("%s rests on a signature whose role was gone: %s", "|".join(key.parts), reason)
    state = {
        "step": "known_later", "refusal": "role_lost", "pseudonym": person.pseudonym, "role": role,
        "lost_at": rfc3339(person.at),
    }  # fmt: skip
    fact = Fact("control.refused", {**control_fact("", key, reason, state).body, "revision": body["revision"]})
    moment = await change.moment()
    if key.kind == "policy":
        await tell(change, key.tenant, key.decision_type, fact, actor=ROUTER, moment=moment)
    else:
        await record(change, key, fact, actor=ROUTER, moment=moment)
