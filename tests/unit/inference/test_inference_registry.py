"""A models directory is checked whole at start: what does not fit together is found before the first case."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from countersign_inference.domain.proposals import DisagreementError
from countersign_inference.domain.scoring import Abstained, Question, Scored
from countersign_inference.registry import PACKAGED_MODELS, load_scorers
from countersign_shared.errors import ConfigurationError
from tests.unit.inference.loans import LOAN, decision_types, questions

NAN = float("nan")
POSTS = "content_moderation"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGED_MODELS, tmp_path / "models")
    return tmp_path / "models"


def edit(models: Path, change, kind: str = LOAN) -> None:
    path = models / f"{kind}.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    change(document)
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper), encoding="utf-8")


def one_of(document):
    return (column for column in document["columns"] if column["transform"] == "one_of")


def load(models: Path):
    return load_scorers(models, decision_types())


def test_the_packaged_models_load_and_name_exactly_what_speaks():
    model = load(PACKAGED_MODELS)[LOAN].model
    assert model["name"] == "loan_application-logistic"
    assert model["version"] == f"3-{model['artifact_sha256'][:8]}"
    assert model["calibrator_version"].startswith("beta-")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["inputs"][0].update(field="race"), "reads race|race"),
        (lambda d: d.update(decision_type="mortgage"), "no such decision type"),
        (lambda d: d["positive"].update(code="yes"), "'yes'"),
        (lambda d: d["positive"]["params"].update(who="sex"), "protected field 'sex'"),
        (lambda d: d["positive"]["params"].update(who="nobody"), "does not declare"),
        (lambda d: d["weights"]["weight"].pop(), "weights need 13 finite numbers"),
        (lambda d: d["weights"]["spread"].__setitem__(0, 0.0), "spread of zero"),
        (lambda d: d["weights"]["mean"].__setitem__(0, float("nan")), "finite"),
        (lambda d: d["files"].update({"model.onnx": "0" * 64}), "SHA-256 differs"),
        (lambda d: d["files"].update({"../loan_application.yaml": "0" * 64}), "missing"),
        (lambda d: d["files"].pop("reference.npy"), "names no reference.npy"),
        (lambda d: d["columns"].pop(), "weights need 12"),
        (lambda d: d["calibrator"].update(slope=-1.0), "calibrator/slope"),
        (lambda d: d["calibrator"].update(a=-1.0), "turn the order"),
        (lambda d: d["calibrator"].pop("b"), "finite numbers"),
        (lambda d: d["calibrator"].update(method="platt"), "platt needs slope"),
        (lambda d: d["calibrator"].update(method="isotonic", x=[0.2, 0.1], y=[0.1, 0.2]), "x must rise"),
        (lambda d: d.update(scorer="magic"), "does not describe a model: scorer: must be one of"),
        (lambda d: d.pop("scorer"), "does not describe a model: scorer: is required"),
        (lambda d: d.update(secret=1), "secret"),
        (lambda d: d["calibrator"].update(method="platt", slope=1.0, intercept=NAN), "calibrator/intercept: .*finite"),
        (lambda d: d["calibrator"].update(method="platt", slope=np.inf, intercept=0.0), "calibrator/slope: .*finite"),
        (lambda d: d["weights"].update(bias=NAN), "weights/bias: .*finite"),
        (lambda d: d["inputs"][-1].update(default=NAN), "default: .*finite"),
        (lambda d: d["columns"][0].update(low=NAN), "low: .*finite"),
        (lambda d: d["columns"][0].update(low=500.0), "column loan_to_value: low is above high"),
        (lambda d: d["columns"][3].update(scale=0.0), "column liquid_assets: scale must be above 0"),
        (lambda d: d["columns"][3].update(low=-1000.0), "column liquid_assets: low must be above -scale"),
        (lambda d: next(one_of(d)).update(levels=["nope"]), "consumer_credit_record has no level 'nope'"),
        (lambda d: next(one_of(d)).update(field="units"), "units has no level"),
        (lambda d: d["inputs"].append(d["inputs"][0]), "two inputs read loan_to_value"),
        (lambda d: d["negative"].update(code="approve"), "proposes 'approve' whatever it finds"),
    ],
)
def test_what_does_not_fit_together_is_named(models, change, message):
    edit(models, change)
    with pytest.raises(ConfigurationError, match=message):
        load(models)


def array(values) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def replace_file(models: Path, name: str, kind: str, data: bytes) -> None:
    """Put another file into a model, as whoever exports it would: with its digest."""
    (models / kind / name).write_bytes(data)
    edit(models, lambda document: document["files"].update({name: hashlib.sha256(data).hexdigest()}), kind)


@pytest.mark.parametrize(
    ("kind", "name", "data", "message"),
    [
        (LOAN, "model.onnx", b"garbage", "model.onnx is no classifier of 13 columns"),
        (LOAN, "model.onnx", b"", "model.onnx is no classifier of 13 columns"),
        (LOAN, "reference.npy", b"garbage", "reference.npy is no array"),
        (LOAN, "ordinary.npy", array(np.ones(1_000))[:-1], "ordinary.npy is no array"),
        (LOAN, "ordinary.npy", b"", "ordinary.npy is no array"),
        (LOAN, "ordinary.npy", array(np.array(["far"])), "ordinary.npy is no array of numbers"),
        (LOAN, "ordinary.npy", array(np.array([])), "no distances of ordinary cases"),
        (LOAN, "ordinary.npy", array(np.array([1.0, NAN, NAN])), "no distances of ordinary cases"),
        (LOAN, "reference.npy", array(np.full((256, 13), NAN)), "reference sample does not fit"),
        (POSTS, "terms.json", b"{", "terms.json is not JSON"),
        (POSTS, "terms.json", b"[1, 2]", "do not fit the vocabulary"),
        (POSTS, "terms.json", json.dumps(["spam"] * 1_200).encode(), "do not fit the vocabulary"),
        (POSTS, "weights.npy", b"garbage", "weights.npy is no array"),
        (POSTS, "ordinary.npy", array(np.array([])), "no distances of ordinary cases"),
        (POSTS, "ordinary.npy", array(np.array([0.1, NAN])), "no distances of ordinary cases"),
        (POSTS, "reference.npy", array(np.array([[1e12, 0, 1]])), "reference sample does not fit"),
    ],
)
def test_a_model_file_that_holds_something_else_is_named_at_start(models, kind, name, data, message):
    replace_file(models, name, kind, data)
    with pytest.raises(ConfigurationError, match=message):
        load(models)


def test_an_artifact_for_other_columns_is_found_at_start_and_not_on_every_case(models):
    def drop_a_column(document):
        for entries in (document["columns"], *(document["weights"][name] for name in ("mean", "spread", "weight"))):
            entries.pop()

    edit(models, drop_a_column)
    replace_file(models, "reference.npy", LOAN, array(np.zeros((256, 12))))
    with pytest.raises(ConfigurationError, match=r"model\.onnx is no classifier of 12 columns"):
        load(models)


def test_protected_inputs_are_refused_even_when_columns_agree(models):
    def use_race(document):
        document["inputs"][0]["field"] = "race"
        document["columns"][0]["field"] = "race"

    edit(models, use_race)
    with pytest.raises(ConfigurationError, match="protected field 'race'"):
        load(models)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"\xff\xfe{", "not YAML"),
        (b"scorer: rules\nscorer: none", "line 2, column 1: the key 'scorer' appears twice"),
        (b"scorer: rules\nfields: " + b"[" * 300_000, "line 2, column 48: nested deeper than 40"),
        (b"#" * 2_000_000, "2000000 bytes, at most"),
    ],
)
def test_broken_files_are_named(models, written, message):
    (models / f"{LOAN}.yaml").write_bytes(written)
    with pytest.raises(ConfigurationError, match=f"{LOAN}.yaml: {message}"):
        load(models)


def test_a_directory_that_is_not_there_is_named(models):
    with pytest.raises(ConfigurationError, match="no directory"):
        load(models / "nowhere")


def test_weights_from_another_training_are_never_used_to_explain(models):
    edit(models, lambda document: document["weights"].update(bias=document["weights"]["bias"] + 0.01))
    with pytest.raises(DisagreementError):
        load(models)[LOAN].score(questions(5))


def test_an_artifact_that_answers_nonsense_is_refused(monkeypatch):
    scorer = load(PACKAGED_MODELS)[LOAN]

    class Nonsense:
        def run(self, _names, feed):
            return [np.full((len(next(iter(feed.values()))), 2), np.nan, dtype=np.float32)]

    monkeypatch.setattr(scorer, "_session", Nonsense())
    with pytest.raises(ValueError, match="two probabilities"):
        scorer.score(questions(5))


def test_a_type_can_be_kept_from_models_by_policy(models):
    (models / "refund.yaml").write_text("scorer: none\ndecision_type: refund\n", encoding="utf-8")
    scorer = load(models)["refund"]
    assert scorer.score([Question({})]) == [Abstained("by_policy", "no model may see a refund")]


def test_a_model_runs_in_one_thread_of_its_own():
    session = load(PACKAGED_MODELS)[LOAN]._session
    assert session.get_providers() == ["CPUExecutionProvider"]
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


class TestUpstream:
    """Bring your own model."""

    @pytest.fixture
    def scorer(self, models):
        (models / "refund.yaml").write_text("scorer: upstream\ndecision_type: refund\n", encoding="utf-8")
        return load(models)["refund"]

    def ask(self, scorer, **proposal):
        return scorer.score([Question({}, upstream=proposal or None)])[0]

    def test_a_valid_proposal_is_taken_over_with_its_own_confidence(self, scorer):
        answer = self.ask(
            scorer, outcome="deny", confidence=0.8, alternatives=[{"outcome": "approve", "confidence": 0.2}]
        )
        assert isinstance(answer, Scored)
        assert answer.proposal["confidence"] == 0.8
        assert answer.probability["detail"]["margin"] == pytest.approx(0.6)
        assert answer.similarity["value"] is None

    @pytest.mark.parametrize(
        ("proposal", "reason"),
        [
            ({}, "no_proposal"),
            ({"outcome": "burn", "confidence": 1.0}, "invalid_proposal"),
            ({"outcome": "deny", "confidence": 0.4, "alternatives": [{"outcome": "approve", "confidence": 0.6}]},
             "invalid_proposal"),
            ({"outcome": "partial", "confidence": 0.9}, "invalid_proposal"),
            ({"outcome": "deny", "confidence": 0.9, "outcome_params": {"x": 1}}, "invalid_proposal"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_taken_over_is_abstained(self, scorer, proposal, reason):
        answer = self.ask(scorer, **proposal)
        assert isinstance(answer, Abstained)
        assert answer.reason == reason


def test_posts_are_moderated_by_the_proposal_that_the_case_brings_and_ours_is_an_opinion():
    scorer = load(PACKAGED_MODELS)["content_moderation"]
    post = {"text": "You have won a free phone, claim it at https://win.example.org/win", "category": "spam"}
    limit = {"outcome": "limit", "outcome_params": {"days": 7}, "confidence": 0.93, "explanation": "Seen 40 times."}
    remove = {"outcome": "remove", "confidence": 0.8, "alternatives": [{"outcome": "keep", "confidence": 0.2}]}
    first, second, ours, wrong = scorer.score([
        Question(post, upstream=limit), Question(post, upstream=remove), Question(post),
        Question(post, upstream={**limit, "outcome_params": {}}),
    ])  # fmt: skip
    assert first.proposal == {
        "outcome": "limit", "outcome_params": {"days": 7}, "confidence": 0.93, "raw_score": 0.93, "alternatives": [],
        "explanation": {"summary": "Seen 40 times.", "factors": []},
    }  # fmt: skip
    assert second.proposal["alternatives"] == [{"outcome": "keep", "confidence": 0.2}]
    assert (first.brought, second.brought, ours.brought) == (True, True, False)
    assert first.consensus["value"] == 0.0
    assert second.consensus["detail"]["agree"][-1].startswith("content_moderation-terms")
    assert (ours.proposal["outcome"], wrong.reason) == ("remove", "invalid_proposal")
    assert first.entities == ours.entities == wrong.entities
