"""An entry in plain words, for a person who reads a case's history."""

from typing import Any

from countersign_shared.shares import percent

Body = dict[str, Any]

LEVELS = {
    1: "full automation",
    2: "automation with audit",
    3: "automation with review",
    4: "human decision with AI assist",
    5: "full human control",
}
REVIEW_STEPS = {
    "review.claimed": "took the case for review",
    "review.opened": "opened the case",
    "review.released": "gave the case back",
    "review.expired": "held the case until the time ran out",
    "review.skipped": "skipped the case",
    "review.timed": "had their review timed",
    "review.answered_blind": "answered before seeing the proposal",
    "review.revealed": "was shown the proposal",
    "review.escalated": "passed the case on to a higher authority",
    "review.delegated": "passed the case on to a colleague",
    "review.recused": "stepped back from the case",
    "review.information_requested": "asked for information",
    "review.information_provided": "received the information asked for",
    "review.undone": "took the decision back",
}
OTHER_STEPS = {
    "review.sla_at_risk": "The deadline of the review came near.",
    "review.sla_breached": "The deadline of the review passed.",
    "case.rejected": "The case was refused at the door.",
    "case.withdrawn": "The case was withdrawn.",
    "delivery.succeeded": "The decision was delivered.",
    "delivery.failed": "The decision could not be delivered.",
    "erasure.requested": "{who} asked for the personal data to be erased.",
    "erasure.completed": "The personal data was erased by {service}.",
    "log.unreadable": "A record that could not be read was kept as it came.",
    "log.genesis": "The log began.",
    "countersign.dead-letter": "A record was put aside because it could not be read.",
}
UPDATES = {
    "information_provided": "Information that had been asked for came in.",
    "withdrawn": "The case was withdrawn by whoever had sent it.",
    "deadline_changed": "The deadline was changed.",
    "contested": "The affected person objected to the decision.",
    "outcome_reported": "What became of the decision was reported.",
}
CLOSED = {"withdrawn": "withdrawn", "expired": "expired", "duplicate": "a duplicate"}


def plain_words(leaf: Body, body: Body | None) -> str:
    """Say what an entry records; with ``body`` None (erased, or no keys) only what the leaf itself shows."""
    kind = str(leaf.get("kind", ""))
    said = body or {}
    if kind == "case.created":
        text = "The case came in and needs a decision."
    elif kind == "case.updated":
        text = UPDATES.get(str(leaf.get("update")), "The case was updated.")
    elif kind == "case.scored":
        text = _scored(leaf, said)
    elif kind == "case.routed":
        text = _routed(leaf, said)
    elif kind == "decision.made":
        text = _decided(leaf, said)
    else:
        text = _activity(kind, leaf, said)
    if "conflict_with" in leaf:
        text = f"ALARM: repeats the id of entry {leaf['conflict_with']} with other content. {text}"
    return text


def inner(body: Body, name: str) -> Body:
    """Return a nested object, or an empty one when there is none."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _scored(leaf: Body, said: Body) -> str:
    if leaf.get("abstained"):
        detail = inner(said, "abstained").get("detail")
        why = detail if isinstance(detail, str) and detail else str(leaf["abstained"]).replace("_", " ")
        return f"The AI made no proposal: {why.removesuffix('.')}."
    outcome = inner(said, "proposal").get("outcome")
    proposed = f"The AI proposed {outcome!r}" if isinstance(outcome, str) else "The AI made a proposal"
    return f"{proposed}, {_percent(leaf.get('confidence_ppm'))} confident."


def _routed(leaf: Body, said: Body) -> str:
    level = leaf.get("level")
    text = f"Routed to level {level}, {LEVELS.get(level, 'unknown')}" if isinstance(level, int) else "Routed"
    if leaf.get("tier") and leaf.get("band"):
        text += f" (consequence {leaf['tier']}, confidence {leaf['band']})"
    reasons = said.get("reasons")
    spoken = [reason.get("text") for reason in reasons if isinstance(reason, dict)] if isinstance(reasons, list) else []
    words = [text for text in spoken if isinstance(text, str)] or [str(code) for code in leaf.get("reasons", [])]
    return f"{text}: {'; '.join(word.removesuffix('.') for word in words)}." if words else f"{text}."


def _decided(leaf: Body, said: Body) -> str:
    closed_as = leaf.get("closed_as")
    if closed_as in CLOSED:
        return f"Closed as {CLOSED[str(closed_as)]}, without a decision."
    outcome = said.get("outcome")
    what = f"Decided {outcome!r}" if isinstance(outcome, str) else "Decided"
    who = _who(leaf)
    text = f"{what} automatically" if leaf.get("mode") == "automatic" else f"{what} by {who}"
    relation = {
        "agreed": "as the AI proposed",
        "modified": "as the AI proposed, on other terms",
        "overrode": "against the AI's proposal",
        "no_proposal": "without a proposal",
    }.get(str(leaf.get("relation")))
    text = f"{text}, {relation}" if relation else text
    return f"{text}; replaces an earlier decision." if leaf.get("supersedes") else f"{text}."


def _activity(kind: str, leaf: Body, said: Body) -> str:
    who = _who(leaf)
    if kind in REVIEW_STEPS:
        return f"{who} {REVIEW_STEPS[kind]}."
    if kind in OTHER_STEPS:
        return OTHER_STEPS[kind].format(who=who, service=inner(leaf, "fact").get("service", "a service"))
    if kind.endswith(".judged"):
        outcome = inner(said, "body").get("final_outcome")
        verdict = "found the decision wrong" if leaf.get("error") else "found the decision right"
        return f"{who} judged it afterwards and {verdict}" + (f" ({outcome})." if isinstance(outcome, str) else ".")
    if kind in {"audit.read", "audit.exported"}:
        did = "read the record" if kind == "audit.read" else "took a copy of the record"
        return f"{who} {did} ({inner(leaf, 'fact').get('what', 'some part')})."
    return f"{kind} by {who}."


def _who(leaf: Body) -> str:
    actor: Any = leaf.get("actor")
    if not isinstance(actor, dict):
        return "somebody"
    name = actor.get("id") or f"the {actor.get('kind', 'unknown')}"
    return f"{name} ({actor['role']})" if actor.get("role") else str(name)


def _percent(millionths: object) -> str:
    return percent(millionths / 1_000_000) if isinstance(millionths, int) else "not known how"
