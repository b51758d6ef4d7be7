"""Facts of `case.created`, `case.updated`, `case.scored` and `case.routed`."""

from countersign_audit.domain.facts.ledger import Body, Facts, inner, scaled, texts, truths, wholes
from countersign_audit.domain.profile import per_million

MODEL = ("name", "version", "artifact_sha256", "calibrator_version", "prompt_sha256")
POLICY = ("id", "sha256", "automation_sha256")
SIGNALS = ("probability", "similarity", "consensus", "rule_clarity", "completeness")
SAMPLES = ("audit", "blind", "human_only", "thin", "seed")


def created(facts: Facts, body: Body, body_sha256: str) -> None:
    """A decision is needed: what came in stays outside the leaf, as the commitment ``input``."""
    truths(facts.fields, body, ("test",))
    texts(facts.fields, body, ("deadline_at",))
    facts.secret_text("input", body_sha256)


def updated(facts: Facts, body: Body) -> None:
    """Something about the case changed outside."""
    fields, said = facts.fields, inner(body, "body")
    if isinstance(kind := body.get("kind"), str):
        fields["update"] = kind
    texts(fields, said, ("question_id", "decision_id", "deadline_at"))
    wholes(fields, said, ("severity",))


def scored(facts: Facts, body: Body) -> None:
    """The AI's proposal: its confidence in the open, its outcome and explanation as commitments."""
    fields = facts.fields
    facts.acted("model")
    facts.secret_text("input", body.get("payload_sha256"))
    fields["model"] = model(body)
    facts.codes("missing_fields", body.get("missing_fields"))
    signals, said = inner(body, "signals"), {}
    for name in SIGNALS:
        value = per_million(inner(signals, name).get("value"))
        if value is not None:
            said[name + "_ppm"] = value
    fields["signals"] = said
    proposal = inner(body, "proposal")
    if proposal:
        scaled(fields, proposal, ("confidence", "raw_score"))
        facts.secret_outcome(proposal)
        facts.secrets["explanation"] = facts.encode(proposal.get("explanation"))
    else:
        fields["abstained"] = texts({}, inner(body, "abstained"), ("reason",))


def routed(facts: Facts, body: Body) -> None:
    """The level of human involvement, and everything it rests on."""
    fields = facts.fields
    facts.acted("policy")
    facts.secret_text("input", body.get("payload_sha256"))
    fields["model"] = model(body)
    scaled(fields, inner(body, "proposal"), ("confidence",))
    wholes(fields, body, ("level", "priority"))
    texts(fields, body, ("band", "queue"))
    truths(fields, body, ("would_automate",))
    facts.codes("reasons", body.get("reasons"), "code")
    fields["policy"] = policy(body)
    fields["certificate"] = texts({}, inner(body, "certificate"), ("status", "id"))
    texts(fields, inner(body, "consequence"), ("tier",))
    texts(fields, inner(body, "handling"), ("withhold",))
    limits = inner(body, "thresholds")
    fields["thresholds"] = scaled(scaled({}, inner(limits, "bands"), ("high", "medium")), limits, ("certified",))
    facts.codes("adjustments", limits.get("adjustments"), "id")
    fields["sampling"] = sampling(body)


def model(body: Body) -> Body:
    """Exactly which model spoke."""
    return texts({}, inner(body, "model"), MODEL)


def policy(body: Body) -> Body:
    """Exactly which policy spoke."""
    said = inner(body, "policy")
    return wholes(texts({}, said, POLICY), said, ("version",))


def sampling(body: Body) -> Body:
    """Each sample's probability, whether this case was drawn, and which key drew."""
    said = inner(body, "sampling")
    kept = texts({}, said, ("key_id",))
    for name in SAMPLES:
        draw = inner(said, name)
        if draw:
            kept[name] = draw.get("selected") is True
            probability = per_million(draw.get("probability"))
            if probability is not None:
                kept[name + "_ppm"] = probability
    return kept
