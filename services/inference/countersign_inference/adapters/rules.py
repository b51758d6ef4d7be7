"""Rules as a method: beside a model for consensus and clarity, or proposing by themselves."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from countersign_inference.adapters.rule_language import Evaluate, InputType, value_of
from countersign_inference.domain.explanations import in_per_cent
from countersign_inference.domain.rules import Rule, Verdict, rule_clarity
from countersign_inference.domain.scoring import Abstained, Answer, Opinion, Question, Scored
from countersign_shared.contracts.decision_types import Outcome


class RuleBook:
    """The rules of a decision type, compiled."""

    def __init__(
        self, model: Mapping[str, str], inputs: Mapping[str, InputType], rules: Sequence[Rule], evaluate: Evaluate
    ) -> None:
        self.name = f"{model['name']} {model['version']}"
        self.model = model
        self.reads = tuple(sorted(inputs))
        self._inputs = inputs
        self._rules = tuple(rules)
        self._evaluate = evaluate

    def verdict(self, question: Question) -> Verdict:
        """Judge one case; an input that the schema refuses counts as absent."""
        given, refused = question.payload, question.invalid
        values = {}
        for name, kind in self._inputs.items():
            if name in given and name not in refused and (value := value_of(given[name], kind)) is not None:
                values[name] = value
        found = list(zip(self._rules, self._evaluate(values), strict=True))
        matched = [rule for rule, true in found if true]
        return Verdict(matched, [rule.id for rule, true in found if true is None])

    def opinions(self, batch: Sequence[Question]) -> list[Opinion]:
        """Return what the rules say of each case."""
        verdicts = [self.verdict(question) for question in batch]
        return [Opinion(verdict.outcome, rule_clarity(verdict)) for verdict in verdicts]


class RulesScorer:
    """Rules that propose by themselves: only where they agree, and as sure as they were measured to be."""

    kind = "rules"
    off_loop = True

    def __init__(self, book: RuleBook, outcomes: Mapping[str, Outcome]) -> None:
        self._book = book
        self._outcomes = outcomes
        self.model: Mapping[str, str] = book.model
        self.reads = book.reads

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Propose what the matching rules agree on; where they contradict each other or say nothing, abstain."""
        return [self._answer(question, self._book.verdict(question)) for question in batch]

    def _answer(self, question: Question, verdict: Verdict) -> Answer:
        clarity = rule_clarity(verdict)
        outcome = verdict.outcome
        if outcome is None:
            reason = "rules_conflict" if verdict.matched else "no_rule"
            said = "; ".join(rule.text for rule in verdict.matched) or "no rule matches"
            return Abstained(reason, said[:500], clarity)
        # The surest rule that matches: several that agree were measured each for itself, not together.
        best = max(verdict.matched, key=lambda rule: (rule.confidence or 0.0, rule.id))
        confidence = best.confidence or 0.0
        label = self._outcomes[outcome].label
        return Scored(
            {
                "outcome": outcome, "outcome_params": {}, "confidence": confidence, "raw_score": confidence,
                "alternatives": [],
                "explanation": {
                    "summary": f"Proposes {label} with {in_per_cent(confidence)} confidence. {best.text}",
                    "factors": _factors(best, question, confidence),
                },
            },
            {"value": confidence, "detail": {"rule": best.id, "note": "measured when the rule was written"}},
            {"value": None, "reason": "rules have no training cases"},
            rule_clarity=clarity,
        )  # fmt: skip


def _factors(rule: Rule, question: Question, confidence: float) -> list[dict[str, Any]]:
    """Name the fields the rule read; together they carry the log-odds of its confidence, in equal parts."""
    held = min(max(confidence, 1e-6), 1 - 1e-6)
    effect = round(math.log(held / (1 - held)) / max(len(rule.reads), 1), 4)
    direction = "for" if effect >= 0 else "against"
    return [
        {"field": name, "value": _short(question.payload.get(name)), "effect": effect, "direction": direction,
         "text": rule.text}
        for name in rule.reads
    ]  # fmt: skip


def _short(value: Any) -> Any:
    return value[:200] if isinstance(value, str) else value
