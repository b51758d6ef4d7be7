"""From model files to rule books and chat scorers, each checked against its decision type."""

import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from countersign_inference.adapters.chat import ChatModel, ChatScorer
from countersign_inference.adapters.chat_client import ChatClient, ChatLimits
from countersign_inference.adapters.rule_language import RuleError, compiled
from countersign_inference.adapters.rules import RuleBook
from countersign_inference.domain.prompts import Prompt
from countersign_inference.domain.rules import Rule
from countersign_inference.manifest import Chat, Rules
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

LONGEST_KEY = 4_096


def check_fields(path: Path, decision_type: DecisionType, fields: Iterable[str]) -> None:
    """Refuse a field that the decision type protects or does not declare."""
    read = set(fields)
    if exposed := sorted(read & decision_type.protected_fields):
        raise ConfigurationError(f"{path} reads the protected field {exposed[0]!r}: no model may")
    if unknown := sorted(read - set(decision_type.payload_schema["properties"])):
        raise ConfigurationError(f"{path} reads {unknown[0]!r}, which {decision_type.name} does not declare")


def check_outcomes(path: Path, negative: str, positive: str) -> None:
    """Refuse a classifier that would propose the same whichever way it answers."""
    if negative == positive:
        raise ConfigurationError(
            f"{path} proposes {positive!r} whatever it finds: `negative` and `positive` must differ"
        )


def rule_book(manifest: Rules, path: Path, decision_type: DecisionType, *, proposing: bool) -> RuleBook:
    """Compile the rules of a file; `proposing` asks for the confidence of each."""
    check_fields(path, decision_type, manifest.inputs)
    for entry in manifest.rules:
        if entry.outcome not in decision_type.outcomes:
            raise ConfigurationError(
                f"{path}: rule {entry.id} asks for the outcome {entry.outcome!r}, which is unknown"
            )
        if proposing and entry.confidence is None:
            raise ConfigurationError(f"{path}: rule {entry.id} proposes by itself and needs a measured `confidence`")
        if proposing and decision_type.outcomes[entry.outcome].check_params({}):
            raise ConfigurationError(f"{path}: rule {entry.id} cannot propose {entry.outcome!r}, which needs terms")
    texts = {entry.id: entry.when for entry in manifest.rules}
    if len(texts) < len(manifest.rules):
        raise ConfigurationError(f"{path}: two rules have the same id")
    try:
        evaluate = compiled(manifest.inputs, texts)
    except RuleError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    rules = [
        Rule(entry.id, entry.outcome, entry.text, entry.confidence, _reads(entry.when, manifest.inputs))
        for entry in manifest.rules
    ]
    return RuleBook({"name": manifest.name, "version": manifest.version}, manifest.inputs, rules, evaluate)


def _reads(text: str, inputs: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in inputs if name in text)


def chat_scorer(
    manifest: Chat, path: Path, decision_type: DecisionType, secret: bytes, draw: Callable[[], float]
) -> ChatScorer:
    """Make the scorer that asks a chat API; what must not leave the house is refused here already."""
    check_fields(path, decision_type, manifest.fields)
    if manifest.external and (told := sorted(set(manifest.fields) & decision_type.sensitive_fields)):
        raise ConfigurationError(
            f"{path} sends the sensitive field {told[0]!r} to a model outside; leave it out of `fields`, or say "
            "`external: false` when the model runs in your own house"
        )
    if manifest.external and manifest.base_url.startswith("http://") and not _is_loopback(manifest.base_url):
        raise ConfigurationError(f"{path}: a model outside is reached over https only")
    codes = manifest.outcomes or [
        code for code, outcome in decision_type.outcomes.items() if not outcome.check_params({})
    ]
    for code in codes:
        if code not in decision_type.outcomes:
            raise ConfigurationError(f"{path}: there is no outcome {code!r}")
        if decision_type.outcomes[code].check_params({}):
            raise ConfigurationError(f"{path}: the outcome {code!r} needs terms, which the model is not asked for")
    labels = {code: decision_type.outcomes[code].label for code in codes}
    shown = {field.name: field.label for field in decision_type.fields}
    limits = ChatLimits(**manifest.limits.model_dump())
    prompt = Prompt(
        label=decision_type.label, instructions=manifest.instructions, outcomes=labels,
        fields={name: shown.get(name, name) for name in manifest.fields}, entities=manifest.asked_entities,
        settings={"model": manifest.model, "answer_tokens": limits.answer_tokens, "temperature": 0.0},
    )  # fmt: skip
    model = ChatModel(manifest.name, f"{manifest.release}-{prompt.sha256[:8]}", manifest.model, prompt, labels)
    client = ChatClient(manifest.base_url, _key(path, manifest.key_file), limits, draw)
    return ChatScorer(model, client, secret)


def _key(path: Path, key_file: str | None) -> str | None:
    if key_file is None:
        return None
    where = path.parent / key_file
    try:
        key = where.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the key file {where} cannot be read") from error
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise ConfigurationError(f"{path}: {where} holds no key")
    return key


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
