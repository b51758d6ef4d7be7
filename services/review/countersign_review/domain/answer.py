"""Whether a reviewer's answer is complete and allowed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from countersign_review.domain.relation import Relation

MAX_TEXT = 10_000
"""Characters of a note: some pages. The event's own limit is twice that."""
MAX_PRINCIPAL_REASONS = 4
"""More than four principal reasons tell an applicant nothing (Regulation B, comment 9(b)(2)-1)."""
OTHER = "other"
ACTS = {"override": "overrode", "modify": "modified"}
"""Policies speak of the act, events of the relation; both words are understood."""

ParamsFaults = Callable[[str, Mapping[str, Any]], Sequence[tuple[str, str]]]
"""Checks an outcome's terms against its schema; gives (JSON Pointer within the terms, what is wrong)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer sends."""

    outcome: str
    outcome_params: Mapping[str, Any] = field(default_factory=dict)
    codes: Sequence[str] = ()
    other_text: str | None = None
    note: str | None = None
    category: str = "none"
    tags: Sequence[str] = ()
    principal_reasons: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an answer: ``pointer`` is a JSON Pointer into the request."""

    pointer: str
    detail: str


def faults(
    answer: Answer, handling: Mapping[str, Any], *, relation: Relation, withheld: bool, params_faults: ParamsFaults
) -> list[Fault]:
    """Return everything wrong with an answer, empty when it may be recorded.

    While the proposal is withheld no fault may depend on the relation to it: being asked for a reason would tell what
    the AI had said. So an unseen answer always needs a reason.
    """
    allowed = {item["outcome"]: item for item in handling["allowed_outcomes"]}
    chosen = allowed.get(answer.outcome)
    if chosen is None:
        return [Fault("/outcome", f"Not an outcome of this case; choose one of: {', '.join(allowed) or 'none'}.")]
    return [
        *(
            Fault("/outcome_params" + pointer, detail)
            for pointer, detail in params_faults(answer.outcome, answer.outcome_params)
        ),
        *_reason_faults(answer, handling, relation=relation, withheld=withheld),
        *_principal_faults(answer, handling, adverse=bool(chosen["adverse"])),
        *_text_faults(answer),
    ]


def _reason_faults(answer: Answer, handling: Mapping[str, Any], *, relation: Relation, withheld: bool) -> list[Fault]:
    known = {item["code"] for item in handling["reason_codes"]} | {OTHER}
    found = [
        Fault(f"/reason/codes/{index}", f"Unknown reason {code!r}.")
        for index, code in enumerate(answer.codes)
        if code not in known
    ]
    if OTHER in answer.codes and not (answer.other_text or "").strip():
        found.append(Fault("/reason/other_text", "The reason `other` needs words."))
    if OTHER not in answer.codes and answer.other_text:
        found.append(Fault("/reason/other_text", "Only the reason `other` takes words; use the note otherwise."))
    said = bool(answer.codes) or bool((answer.note or "").strip())
    if withheld:
        if not said:
            found.append(Fault("/reason/codes", "An answer given without seeing a proposal needs a reason or a note."))
    elif relation == "overrode" and not answer.codes:
        found.append(Fault("/reason/codes", "Differing from the proposal needs a reason."))
    elif not said and _documented(answer.outcome, relation, handling["must_document"]):
        found.append(Fault("/reason/codes", "The policy wants this documented: give a reason or a note."))
    return found


def _documented(outcome: str, relation: Relation, must_document: Sequence[str]) -> bool:
    return any(item == outcome or ACTS.get(item, item) == relation for item in must_document)


def _principal_faults(answer: Answer, handling: Mapping[str, Any], *, adverse: bool) -> list[Fault]:
    given = answer.principal_reasons
    if not adverse:
        return [Fault("/principal_reasons", "Only an adverse outcome has principal reasons.")] if given else []
    if not 1 <= len(given) <= MAX_PRINCIPAL_REASONS:
        return [Fault("/principal_reasons", "An adverse outcome needs one to four principal reasons.")]
    if len(set(given)) != len(given):
        return [Fault("/principal_reasons", "Each principal reason counts once.")]
    known = {item["code"] for item in handling["principal_reason_codes"]}
    # A policy that lists none leaves the wording to the reviewer.
    return [
        Fault(f"/principal_reasons/{index}", f"Unknown principal reason {code!r}.")
        for index, code in enumerate(given)
        if known and code not in known
    ]


def _text_faults(answer: Answer) -> list[Fault]:
    texts = [
        ("/reason/other_text", answer.other_text or ""),
        ("/reason/note", answer.note or ""),
        *((f"/tags/{index}", tag) for index, tag in enumerate(answer.tags)),
        *((f"/principal_reasons/{index}", code) for index, code in enumerate(answer.principal_reasons)),
        *_texts_in(answer.outcome_params, "/outcome_params"),
    ]
    found = [Fault(where, f"At most {MAX_TEXT} characters.") for where, text in texts if len(text) > MAX_TEXT]
    found += [
        Fault(where, "Control characters cannot be recorded.")
        for where, text in texts
        if any(not char.isprintable() and char not in "\n\t\u00ad" and ord(char) < 0xA0 for char in text)  # noqa: PLR2004 - C0, DEL, C1
        or any("\ud800" <= char <= "\udfff" for char in text)
    ]
    return found


def _texts_in(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, names of members included, with the JSON Pointer to it."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            inside = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield inside, name
            yield from _texts_in(member, inside)
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            yield from _texts_in(item, f"{pointer}/{index}")
