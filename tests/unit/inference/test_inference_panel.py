"""Several methods about one case: rules, second models, proposals that came along, shadows; and what may be sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from countersign_inference.adapters.panel import Beside, Panel
from countersign_inference.adapters.rule_language import MAX_RULES, value_of
from countersign_inference.domain.chat_answers import ChatAnswer, Odd, votes
from countersign_inference.domain.entities import MOST_ENTITIES, extractor, fitting, verified
from countersign_inference.domain.prompts import Prompt, harmless
from countersign_inference.domain.restraint import Breaker, fair_order, pause
from countersign_inference.domain.rules import Rule, Verdict, consensus, rule_clarity
from countersign_inference.domain.scoring import Abstained, Opinion, Question, Scored
from countersign_inference.registry import PACKAGED_MODELS, Chance, load_models
from countersign_inference.shadows import Shadows
from countersign_shared.contracts.events.scored import Proposal, Signal
from countersign_shared.errors import ConfigurationError
from countersign_shared.observability import Metrics
from tests.unit.inference.loans import LOAN, decision_types, questions

RULES = {
    "scorer": "rules", "decision_type": LOAN, "role": "method", "name": "loan-rules",
    "inputs": {"loan_to_value": "number", "bankruptcy_on_record": "boolean", "credit_meets_guidelines": "boolean"},
    "rules": [
        {"id": "sound", "when": "credit_meets_guidelines && loan_to_value <= 80.0", "outcome": "approve",
         "text": "Good credit and a fifth of the price paid.", "confidence": 0.96},
        {"id": "bankrupt", "when": "bankruptcy_on_record", "outcome": "decline",
         "text": "A bankruptcy is on record.", "confidence": 0.8},
    ],
}  # fmt: skip
CHAT = {
    "scorer": "openai", "decision_type": "refund", "name": "llm", "release": "1", "base_url": "https://llm.example/v1",
    "model": "small", "fields": ["order_id", "channel"], "instructions": "Be fair.",
}  # fmt: skip
CHANCE = Chance(b"s", lambda: 0.5)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in (f"{LOAN}.yaml", LOAN):
        source = PACKAGED_MODELS / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def write(directory: Path, name: str, document: dict) -> None:
    (directory / f"{name}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def load(directory: Path):
    return load_models(directory, decision_types(), CHANCE)


class Says:
    """A scorer that proposes what it is told."""

    kind, off_loop, reads = "test", False, ("text",)

    def __init__(self, outcome: str | None, name: str = "m") -> None:
        self._outcome = outcome
        self.model = {"name": name, "version": "1"}

    def score(self, batch):
        if self._outcome is None:
            return [Abstained("no")] * len(batch)
        answer = Scored({"outcome": self._outcome, "confidence": 0.9}, {"value": 0.9}, {"value": 0.5})
        return [answer] * len(batch)


def test_rules_beside_a_model_give_consensus_and_clarity_and_change_no_proposal(directory):
    alone = load(directory).scorers[LOAN].score(questions(300))
    write(directory, "rules", RULES)
    together = load(directory).scorers[LOAN].score(questions(300))
    states = set()
    for before, after in zip(alone, together, strict=True):
        clarity = Signal.model_validate(after.rule_clarity)
        states.add((clarity.detail["state"], clarity.value))
        if isinstance(after, Abstained):
            assert (after.reason, after.detail) == (before.reason, before.detail)
            continue
        assert after.proposal == before.proposal
        agreed = Signal.model_validate(after.consensus)
        if clarity.detail["state"] == "clear":
            assert agreed.value == (1.0 if clarity.detail["outcomes"] == [after.proposal["outcome"]] else 0.0)
        else:
            assert agreed.value is None
    assert states == {("clear", 1.0), ("none", 0.5), ("conflict", 0.0)}


@pytest.mark.parametrize(("confidence", "direction"), [(0.96, "for"), (0.5, "for"), (0.3, "against")])
def test_a_rule_speaks_for_what_it_proposes(directory, confidence, direction):
    """At even odds its fields carry nothing, which is not the same as speaking against its own outcome."""
    (directory / f"{LOAN}.yaml").unlink()
    sound, bankrupt = RULES["rules"]
    write(directory, "rules", RULES | {"role": "live", "rules": [sound | {"confidence": confidence}, bankrupt]})
    good = {"loan_to_value": 70, "bankruptcy_on_record": False, "credit_meets_guidelines": True}
    (answer,) = load(directory).scorers[LOAN].score([Question(good)])
    assert {one["direction"] for one in answer.proposal["explanation"]["factors"]} == {direction}


def test_rules_alone_propose_where_they_agree_and_abstain_where_they_do_not(directory):
    (directory / f"{LOAN}.yaml").unlink()
    write(directory, "rules", RULES | {"role": "live"})
    scorer = load(directory).scorers[LOAN]
    good = {"loan_to_value": 70, "bankruptcy_on_record": False, "credit_meets_guidelines": True}
    answers = scorer.score([
        Question(good), Question(good | {"bankruptcy_on_record": True}), Question(good | {"loan_to_value": 90}),
        Question({"loan_to_value": 70.0}), Question(good, invalid=frozenset({"loan_to_value"})),
        Question(good | {"loan_to_value": "70"}), Question(good | {"bankruptcy_on_record": 1}),
    ])  # fmt: skip
    proposal = Proposal.model_validate(answers[0].proposal)
    assert (proposal.outcome, proposal.confidence) == ("approve", 0.96)
    assert {factor.field for factor in proposal.explanation.factors} == {"loan_to_value", "credit_meets_guidelines"}
    assert [answer.reason for answer in answers[1:6]] == ["rules_conflict", "no_rule", "no_rule", "no_rule", "no_rule"]
    assert answers[3].rule_clarity["detail"]["undecided"] == ["sound", "bankrupt"]
    # One rule cannot be told, the other can: it still speaks.
    assert answers[6].proposal["outcome"] == "approve"
    assert answers[6].rule_clarity["detail"]["undecided"] == ["bankrupt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["rules"][0].update(when="loan_to_value <"), "rule sound"),
        (lambda d: d["rules"][0].update(when="loan_to_value"), "must be true or false"),
        (lambda d: d["rules"][0].update(when="race == 'x'"), "undeclared"),
        (lambda d: d["inputs"].update(race="text"), "protected field 'race'"),
        (lambda d: d["inputs"].update(height="number"), "does not declare"),
        (lambda d: d["rules"][0].update(outcome="grant"), "'grant'"),
        (lambda d: d["rules"][1].update(id="sound"), "same id"),
        (lambda d: d["rules"][0].update(when="true || " * 400 + "true"), "longer than"),
        (lambda d: d.update(rules=[{**d["rules"][0], "id": f"r{n}"} for n in range(MAX_RULES + 1)]), "101 rules"),
        (lambda d: (d.update(role="live"), d["rules"][0].pop("confidence")), "is live for loan_application already"),
    ],
)
def test_rules_that_do_not_fit_are_named(directory, change, message):
    document = yaml.safe_load(yaml.safe_dump(RULES))
    change(document)
    write(directory, "rules", document)
    with pytest.raises(ConfigurationError, match=message):
        load(directory)


def test_odd_values_are_no_values_of_a_rule():
    assert value_of(True, "number") is None
    assert value_of(1, "boolean") is None
    assert value_of(2**63, "integer") is None
    assert value_of(["a", 1], "texts") is None
    assert value_of("\ud800x", "text") == "?x"
    assert value_of(3, "number") == 3.0


def test_a_method_that_fails_takes_no_view_and_the_proposal_stands(caplog):
    class Broken:
        name, reads = "broken", ()

        def opinions(self, _batch):
            raise RuntimeError("no")

    beside = Beside(name="m 1", methods=[Broken()], brought=None, extract=None)
    (answer,) = Panel(Says("keep"), beside).score([Question({})])
    assert answer.proposal["outcome"] == "keep"
    assert answer.consensus["value"] is None
    assert "broken failed" in caplog.text


def test_consensus_counts_those_who_take_a_view():
    assert consensus("a", [("x", "a"), ("y", "b"), ("z", None)]) == {
        "value": 0.5,
        "detail": {"agree": ["x"], "differ": [{"method": "y", "outcome": "b"}], "silent": ["z"]},
    }
    assert consensus("a", [("z", None)])["value"] is None


def test_clarity_is_one_for_agreement_zero_for_conflict_and_between_for_silence():
    a, b = Rule("a", "x", "A", None, ()), Rule("b", "y", "B", None, ())
    assert [rule_clarity(Verdict(rules))["value"] for rules in ([a], [a, a], [a, b], [])] == [1.0, 1.0, 0.0, 0.5]


def test_every_model_file_has_a_place_or_is_refused(directory):
    shutil.copytree(directory / LOAN, directory / "second")
    shutil.copy(directory / f"{LOAN}.yaml", directory / "second.yaml")
    with pytest.raises(ConfigurationError, match=r"loan_application\.yaml is live"):
        load(directory)
    document = yaml.safe_load((directory / "second.yaml").read_text(encoding="utf-8"))
    write(directory, "second", document | {"role": "method"})
    (answer,) = load(directory).scorers[LOAN].score(questions(1))
    assert answer.consensus["value"] == 1.0
    write(directory, "second", document | {"role": "shadow"})
    found = load(directory)
    assert [shadow.model["version"] for shadow in found.shadows[LOAN]] == [document["version"]]
    assert found.scorers[LOAN].score(questions(1))[0].consensus is None


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.pt"])
def test_formats_that_may_run_code_are_refused_by_name(directory, name):
    document = yaml.safe_load((directory / f"{LOAN}.yaml").read_text(encoding="utf-8"))
    document["files"][name] = "0" * 64
    write(directory, LOAN, document)
    with pytest.raises(ConfigurationError, match="may run code when it is read"):
        load(directory)


def test_a_pickle_under_another_name_is_refused_before_anything_reads_it(directory):
    (directory / LOAN / "model.onnx").write_bytes(b"\x80\x04cos\nsystem\n(S'x'\ntR.")
    with pytest.raises(ConfigurationError, match="is a pickle"):
        load(directory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": ["message"]}, "sensitive field 'message' to a model outside"),
        ({"fields": ["gender"]}, "protected field 'gender'"),
        ({"fields": ["gender"], "external": False}, "protected field 'gender'"),
        ({"fields": ["shoe_size"]}, "does not declare"),
        ({"base_url": "http://llm.example/v1"}, "https only"),
        ({"base_url": "ftp://llm.example"}, "base_url"),
        ({"base_url": "https://user:secret@llm.example"}, "base_url"),
        ({"outcomes": ["partial"]}, "needs terms"),
        ({"outcomes": ["burn"]}, "no outcome 'burn'"),
        ({"key_file": "nowhere"}, "cannot be read"),
        ({"limits": {"batch_seconds": 600}}, "batch_seconds"),
        ({"api_key": "sk-1"}, "api_key"),
        ({"role": "method"}, "needs a model on this machine"),
    ],
)
def test_what_may_not_leave_the_house_is_refused_at_start(tmp_path, change, message):
    write(tmp_path, "llm", CHAT | change)
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path)


def test_a_model_in_the_house_may_see_sensitive_fields_and_is_reached_as_it_is(tmp_path):
    write(tmp_path, "llm", CHAT | {"fields": ["message"], "external": False, "base_url": "http://llm.internal/v1"})
    assert load(tmp_path).scorers["refund"].reads == ("message",)
    with pytest.raises(ConfigurationError, match="only a service asks it"):
        load_models(tmp_path, decision_types())


def test_a_prompt_has_another_version_as_soon_as_one_word_of_it_differs(tmp_path):
    versions = set()
    for change in ({}, {"instructions": "Be kind."}, {"fields": ["order_id"]}, {"model": "large"}, {"release": "2"}):
        write(tmp_path, "llm", CHAT | change)
        model = load(tmp_path).scorers["refund"].model
        assert model["version"].endswith(model["prompt_sha256"][:8])
        versions.add(model["version"])
    assert len(versions) == 5


def test_invisible_and_turning_characters_are_escaped_and_others_kept():
    assert harmless('{"a": "Grüße 世界 \U0001f600"}') == '{"a": "Grüße 世界 \U0001f600"}'
    assert harmless("a\u202e\u200b\x07\u2028b\U000e0041") == "a\\u202e\\u200b\\u0007\\u2028b\\udb40\\udc41"
    # JSON itself leaves this one control character as it is.
    assert harmless("a\x7fb") == "a\\u007fb"
    assert json.loads(f'"{harmless(chr(0x1F))}{harmless(chr(0xE0001))}"') == "\x1f\U000e0001"


def test_the_answer_schema_is_strict():
    schema = Prompt("x", "y", {"a": "A"}, {"f": "F"}, [], {}).schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["outcome", "instructed", "summary", "entities"]


async def test_shadows_are_asked_beside_counted_and_change_nothing():
    metrics = Metrics("inference")
    shadows = Shadows({"t": [Says("keep", "same"), Says("remove", "other"), Says(None, "none")]}, timeout_seconds=1,
                      metrics=metrics)  # fmt: skip
    live = Says("keep").score([Question({})] * 3)
    shadows.watch("t", [Question({})] * 3, live)
    shadows.watch("t", [Question({})] * 2, live[:2])
    await shadows.settled()
    shadows.watch("t", [Question({})], [Abstained("no")])
    await shadows.settled()
    assert shadows.report("t") == [
        {"name": "same 1", "agreed": 3, "alone": 1, "skipped": 2},
        {"name": "other 1", "alone": 1, "differed": 3, "skipped": 2},
        {"name": "none 1", "abstained": 4, "skipped": 2},
    ]
    assert shadows.report("u") == []
    assert 'model="other 1",result="shadow_differed"} 3.0' in metrics.exposition().decode()
    await shadows.aclose()


def test_tenants_take_turns():
    assert fair_order(["a", "a", "a", "b", "a", "c"]) == [0, 3, 5, 1, 2, 4]
    assert fair_order([]) == []


def test_a_breaker_opens_after_failures_in_a_row_and_tries_once():
    breaker = Breaker(2, 10.0)
    breaker.failed(0.0)
    breaker.answered()
    breaker.failed(1.0)
    assert breaker.may_ask(1.0)
    breaker.failed(2.0)
    assert not breaker.may_ask(11.9)
    assert breaker.may_ask(12.0)
    assert not breaker.may_ask(12.0)
    breaker.failed(13.0)
    assert not breaker.may_ask(22.9)
    assert breaker.may_ask(23.0)
    breaker.answered()
    assert breaker.may_ask(23.0)
    assert breaker.may_ask(23.0)


def test_waits_double_with_jitter_unless_the_server_names_one():
    assert [pause(n, None, 0.99) > pause(n - 1, None, 0.99) for n in range(1, 4)] == [True] * 3
    assert pause(0, "1.5", 0.0) == 1.5
    assert pause(0, "99999", 0.0) == 20.0
    assert [pause(n, None, 0.5) for n in (0, 3, 20)] == [0.1875, 1.5, 15.0]
    assert [pause(0, None, chance) for chance in (0.0, 1.0)] == [0.125, 0.25]
    # Digits to Python, and no number.
    assert pause(0, "²", 0.0) == pause(0, "1.2.3", 0.0) == 0.125
    assert pause(0, "Wed, 21 Oct 2026 07:28:00 GMT", 0.0) == pause(0, None, 0.0)


def test_votes_are_never_certain_and_most_samples_must_be_answers():
    assert votes([], ["a"]) is None
    one, other = (ChatAnswer("", outcome, "s", [], False, None, 1) for outcome in ("a", "b"))
    none = Odd("invalid_answer", "x")
    assert votes([one, one, other, none], ["a", "b"]) == {"a": 3 / 6, "b": 2 / 6}
    assert votes([one] * 5, ["a", "b", "c"]) == {"a": 6 / 8, "b": 1 / 8, "c": 1 / 8}
    assert votes([one, one, none, none], ["a", "b"]) is None


def test_entities_have_spans_that_hold_and_do_not_overlap():
    text = "See https://x.example/a?b=1. Mail a.b@shop.example or @ann, pay $1,200.50 by 2026-01-02 \U0001f600 #win"
    found = extractor(["text"], ["url", "email", "money", "date", "mention", "hashtag"])({"text": text})
    assert [(one["type"], one["text"]) for one in found] == [
        ("url", "https://x.example/a?b=1"), ("email", "a.b@shop.example"), ("mention", "@ann"),
        ("money", "$1,200.50"), ("date", "2026-01-02"), ("hashtag", "#win"),
    ]  # fmt: skip
    assert all(text[one["start"] : one["end"]] == one["text"] for one in found)
    assert extractor(["text"], ["url"])({"text": 7}) == []
    many, cut = fitting(extractor(["t"], ["hashtag"])({"t": "#ab " * 5_000}))
    assert (len(many), cut) == (MOST_ENTITIES, True)


def test_a_hostile_text_is_searched_in_time():
    import time

    extract = extractor(["t"], ["url", "email", "money", "date", "phone", "mention", "hashtag"])
    for text in ("a" * 200_000, "1 " * 100_000, "@" * 200_000, "http://" * 30_000, "a@" * 100_000, "1,1" * 60_000):
        started = time.process_time()
        extract({"t": text})
        assert time.process_time() - started < 1.0


def test_claimed_entities_are_found_one_after_the_other_or_not_believed():
    claims = [{"type": "x", "field": "t", "text": "ab"}] * 3 + [{"type": "x", "field": "u", "text": "ab"}]
    found, unfounded = verified(claims, {"t": "ab ab"}, confidence=0.5)
    assert [(one["start"], one["end"]) for one in found] == [(0, 2), (3, 5)]
    assert unfounded == 2


def test_an_opinion_on_a_proposal_that_came_along_is_the_models_own():
    class Brought:
        def score(self, batch):
            return [Scored({"outcome": question.upstream["outcome"]}, {}, {}, brought=True) for question in batch]

    beside = Beside(name="m 1", methods=[], brought=Brought(), extract=None)
    own, same, other = Panel(Says("keep"), beside).score([
        Question({}), Question({}, upstream={"outcome": "keep"}), Question({}, upstream={"outcome": "remove"}),
    ])  # fmt: skip
    assert (own.brought, own.consensus) == (False, None)
    assert (same.brought, same.consensus["value"]) == (True, 1.0)
    assert (other.proposal["outcome"], other.consensus["value"]) == ("remove", 0.0)
    assert Opinion(None).clarity is None


def test_the_models_of_the_how_to_load_as_they_are_written(tmp_path):
    page = Path(__file__).parents[3] / "docs" / "how-to" / "connect-a-model.md"
    blocks = [block.split("```")[0] for block in page.read_text(encoding="utf-8").split("```yaml\n")[1:]]
    for number, block in enumerate(blocks):
        (tmp_path / f"m{number}.yaml").write_text(block, encoding="utf-8")
    (tmp_path / "llm.key").write_text("sk-1", encoding="utf-8")
    scorer = load(tmp_path).scorers["refund"]
    assert scorer.kind == "openai"
    assert scorer.beside.names[0].startswith("refund-rules")
