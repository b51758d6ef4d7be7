"""Two versions of a policy, and in words what the second does differently."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from countersign_router.domain.policy import BANDS, LEVEL_NAMES, TIERS
from countersign_router.language.automation import PRINCIPAL_FIELDS, automation_parts
from countersign_router.language.document import PolicyDocument

Effect = Literal["stricter", "looser"] | None
MAX_SAID = 200
"""Characters of a text or an expression in a sentence."""
UNTOLD = frozenset({"version", "examples"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a version does differently.

    ``effect`` says where more cases or fewer go to people for certain; None where that depends on the cases.
    """

    path: str
    text: str
    effect: Effect = None


@dataclass(frozen=True, slots=True)
class Differences:
    """Everything a version does differently, and whether certificates survive it."""

    before: int
    after: int
    differences: tuple[Difference, ...]
    voids_certificates: bool
    because: str


def differences(before: PolicyDocument, after: PolicyDocument, adverse: Collection[str] = ()) -> Differences:
    """Compare two versions of a policy, part by part in the order of the document.

    ``adverse``: the outcomes that the decision type calls adverse, whether or not the policies repeat it. Without them,
    one that begins to repeat it is said to do something, and to void certificates, which it does not.
    """
    old, new = (_told(one, adverse) for one in (before, after))
    found = tuple(one for part in new if part not in UNTOLD for one in _part(part, old[part], new[part]))
    found = (*found, *_examples(old["examples"], new["examples"]))
    was, is_ = (automation_parts(one, adverse) for one in (before, after))
    parts, stricter = [name for name in was if name in is_ and was[name] != is_[name]], list[str]()
    if parts:
        named = ", ".join(parts)
        verb = "are" if len(parts) > 1 or named.endswith("s") or parts == [PRINCIPAL_FIELDS] else "is"
        because = f"Voids certificates: yes, because {named} {verb} part of what certificates are bound to."
    elif stricter := list(_asked_for(old["automation"], new["automation"])):
        because = f"Voids certificates: yes, those that promise less than is asked for now: {' and '.join(stricter)}."
    else:
        because = "Voids certificates: no, nothing that decides about automation changes."
    return Differences(before.version, after.version, found, bool(parts or stricter), because)


def _told(document: PolicyDocument, adverse: Collection[str]) -> dict[str, Any]:
    """Return a policy's parts, with what its decision type says of outcomes as if it repeated it."""
    parts = document.model_dump(mode="json", by_alias=True)
    for name, outcome in parts["outcomes"].items():
        if name in adverse:
            outcome["adverse"] = True
    return parts


def _asked_for(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Say what certificates must promise now and need not have promised before: those that do not are void."""
    if new["certificate"] == "not_required":
        return
    for tier in TIERS:
        was, is_ = old["alpha"][tier], new["alpha"][tier]
        if is_ is not None and (was is None or is_ < was):
            before = "nothing" if was is None else f"{was:g}"
            yield f"at most {is_:g} wrong of {tier} consequence ({before} before)"
    if new["delta"] < old["delta"] and any(new["alpha"].values()):
        yield f"a chance to err of at most {new['delta']:g} ({old['delta']:g} before)"


def _part(name: str, old: Any, new: Any) -> Iterator[Difference]:
    if old == new:
        return
    special = _SPECIAL.get(name)
    yield from special(old, new) if special else _anything(name, old, new)


def _bands(old: Mapping[str, float], new: Mapping[str, float]) -> Iterator[Difference]:
    for name in ("high", "medium"):
        if old[name] != new[name]:
            rises = new[name] > old[name]
            text = f"Band {name} {'rises' if rises else 'falls'} from {_limit(old[name])} to {_limit(new[name])}."
            yield Difference(f"bands.{name}", text, "stricter" if rises else "looser")


def _limit(value: float) -> str:
    """Write a limit with two digits, as people do, unless that would make it another one."""
    return f"{value:.2f}" if round(value, 2) == value else f"{value:g}"


def _matrix(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for tier in TIERS:
        for band in BANDS:
            was, is_ = old[tier][band], new[tier][band]
            if was != is_:
                text = (
                    f"{tier.capitalize()} consequence at {band} confidence goes from level {was} "
                    f"({_named(was)}) to level {is_} ({_named(is_)})."
                )
                yield Difference(f"matrix.{tier}.{band}", text, "stricter" if is_ > was else "looser")


def _named(level: int) -> str:
    return LEVEL_NAMES[level].replace("_", " ")


def _factors(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name, was in old["factors"].items():
        is_ = new["factors"][name]
        if was != is_:
            yield Difference(
                f"consequence.factors.{name}",
                f"The factor {name} is weighed otherwise: {_code(was)} becomes {_code(is_)}.",
            )
    if old["by_outcome"] != new["by_outcome"]:
        said = "may differ between outcomes" if new["by_outcome"] else "is the same for all outcomes"
        yield Difference("consequence.by_outcome", f"The consequence now {said}.")


def _floor(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Difference]:
    if old is None or new is None:
        if new is not None:
            yield Difference(
                "never_automate", f"There is a floor now: never automatic when {_code(new['when'])}.", "stricter"
            )
        elif old is not None:
            yield Difference("never_automate", f"The floor is gone: it was {_code(old['when'])}.", "looser")
        return
    if old["when"] != new["when"]:
        text = f"The floor changes: never automatic when {_code(new['when'])}; it was {_code(old['when'])}."
        yield Difference("never_automate", text)
    if old["text"] != new["text"]:
        yield Difference("never_automate.text", f"The floor's words change to {_quoted(new['text'])}.")


def _exceptions(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    yield from _rules("exceptions", "Exception", old, new, _exception)


def _adjustments(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    yield from _rules("adjust", "Adjustment", old, new, _adjustment)


def _exception(rule: Mapping[str, Any]) -> str:
    where = f", queue {rule['queue']}" if rule["queue"] else ""
    reason = f", reason {rule['reason']}" if rule["reason"] else ""
    return f"when {_code(rule['when'])}, level {rule['level']}{where}{reason}"


def _adjustment(rule: Mapping[str, Any]) -> str:
    does = [f"{name} {shift:+g}" for name, shift in (rule["bands"] or {}).items() if shift]
    does += [f"level {rule['level_at_least']} at least"] if rule["level_at_least"] else []
    tiers = f", only for {' and '.join(rule['only_tiers'])} consequence" if rule["only_tiers"] else ""
    return f"when {_code(rule['when'])}, {', '.join(does) or 'nothing'}{tiers}"


def _rules(
    path: str, word: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]],
    said: Callable[[Mapping[str, Any]], str],
) -> Iterator[Difference]:  # fmt: skip
    was, is_ = {rule["id"]: rule for rule in old}, {rule["id"]: rule for rule in new}
    for name, rule in was.items():
        if name not in is_:
            yield Difference(f"{path}.{name}", f"{word} '{name}' is gone: it was {said(rule)}.", _if_gone(path, rule))
    for name, rule in is_.items():
        if name not in was:
            yield Difference(f"{path}.{name}", f"{word} '{name}' is new: {said(rule)}.", _if_new(path, rule))
        elif rule != was[name]:
            yield from _rule(f"{path}.{name}", f"{word} '{name}'", was[name], rule)
    kept_before, kept_after = [one for one in was if one in is_], [one for one in is_ if one in was]
    if kept_before != kept_after:
        yield Difference(path, f"The {path} are tried in another order: {', '.join(kept_after)}.")


def _if_new(path: str, rule: Mapping[str, Any]) -> Effect:
    # A new exception may come before one that asks for more; then the first match asks for less than before.
    return "stricter" if path == "adjust" and rule["level_at_least"] and not rule["bands"] else None


def _if_gone(path: str, rule: Mapping[str, Any]) -> Effect:
    return "looser" if path == "adjust" and rule["level_at_least"] and not rule["bands"] else None


def _rule(path: str, word: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name, was in old.items():
        is_ = new[name]
        if was == is_:
            continue
        if name == "when":
            yield Difference(f"{path}.when", f"{word} now applies when {_code(is_)}; it was {_code(was)}.")
        elif name == "level":
            yield Difference(f"{path}.level", f"{word} asks for level {is_} instead of {was}.",
                             "stricter" if is_ > was else "looser")  # fmt: skip
        else:
            yield Difference(f"{path}.{name}", f"{word}: {_changed(name, was, is_)}.")


def _certificates(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    if old["certificate"] != new["certificate"]:
        required = new["certificate"] == "required"
        text = "Automation now needs a certificate." if required else "Automation no longer needs a certificate."
        yield Difference("automation.certificate", text, "stricter" if required else "looser")
    if old["tiers"] != new["tiers"]:
        was, is_ = (set(TIERS if one["tiers"] is None else one["tiers"]) for one in (old, new))
        for tier in TIERS:
            if (tier in was) != (tier in is_):
                said = "may now be automated" if tier in is_ else "may no longer be automated"
                yield Difference("automation.tiers", f"Cases of {tier} consequence {said}.",
                                 "looser" if tier in is_ else "stricter")  # fmt: skip
    rest = ("alpha", "delta")
    yield from _anything("automation", {name: old[name] for name in rest}, {name: new[name] for name in rest})


def _examples(old: Sequence[Any], new: Sequence[Any]) -> Iterator[Difference]:
    added, removed = [one for one in new if one not in old], [one for one in old if one not in new]
    if added or removed:
        yield Difference("examples", f"Examples: {len(added)} new or changed, {len(removed)} gone or changed.")


def _anything(path: str, old: Any, new: Any) -> Iterator[Difference]:
    """Compare what needs no sentence of its own, leaf by leaf."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _anything(f"{path}.{name}", old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list) and all(isinstance(one, dict) for one in (*old, *new)):
        for number, (was, is_) in enumerate(zip_longest(old, new)):
            yield from _anything(f"{path}[{number}]", was, is_)
    else:
        yield Difference(path, f"{_changed(path, old, new)}.")


def _changed(name: str, old: Any, new: Any) -> str:
    if old is None:
        return f"{name} is set to {_quoted(new)}"
    if new is None:
        return f"{name} is no longer set; it was {_quoted(old)}"
    if isinstance(old, list) and isinstance(new, list):
        added, removed = [one for one in new if one not in old], [one for one in old if one not in new]
        said = [
            f"{word} {', '.join(map(_quoted, some))}" for word, some in (("gains", added), ("loses", removed)) if some
        ]
        return f"{name} {' and '.join(said)}" if said else f"{name} is in another order"
    return f"{name} goes from {_quoted(old)} to {_quoted(new)}"


def _quoted(value: Any) -> str:
    if isinstance(value, dict):
        said = ", ".join(f"{name} {_quoted(one)}" for name, one in value.items() if one is not None)
        return _short(f"({said})")
    if isinstance(value, list):
        return _short(f"[{', '.join(map(_quoted, value))}]")
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    text = str(value)
    return f"“{_short(text)}”" if " " in text else _short(text)


def _code(expression: str) -> str:
    return f"`{_short(' '.join(expression.split()))}`"


def _short(text: str) -> str:
    return text if len(text) <= MAX_SAID else f"{text[: MAX_SAID - 1]}…"


_SPECIAL: Mapping[str, Callable[[Any, Any], Iterator[Difference]]] = {
    "bands": _bands,
    "matrix": _matrix,
    "consequence": _factors,
    "adjust": _adjustments,
    "exceptions": _exceptions,
    "never_automate": _floor,
    "automation": _certificates,
}
