"""Training again gives what is committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
import yaml

from countersign_inference.registry import PACKAGED_MODELS
from countersign_inference.training.cards import CARD_JSON, CARD_PAGE, read_card
from countersign_inference.training.definitions import DEFINITIONS
from countersign_inference.training.evaluate import band_of, evaluate
from countersign_inference.training.slices import sliced
from countersign_inference.training.train import train
from countersign_shared.errors import ConfigurationError
from tests.unit.inference.loans import LOAN


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    steps: list[tuple[str, float]] = []
    out = tmp_path_factory.mktemp("models")
    result = train(LOAN, out, lambda text, share: steps.append((text, share)))
    return out, result, steps


@pytest.fixture(scope="module")
def card():
    return evaluate(LOAN, PACKAGED_MODELS)


def numbers(manifest: Path) -> np.ndarray:
    document = yaml.safe_load(manifest.read_text())
    weights, calibrator = document["weights"], document["calibrator"]
    return np.array([
        *weights["mean"], *weights["spread"], *weights["weight"], weights["bias"],
        calibrator["slope"], calibrator["intercept"],
    ])  # fmt: skip


def test_training_again_gives_the_committed_model_and_figures(trained):
    out, result, _ = trained
    assert numbers(result.manifest) == pytest.approx(numbers(PACKAGED_MODELS / f"{LOAN}.yaml"), rel=1e-6, abs=1e-6)
    fresh = orjson.loads((out / LOAN / CARD_JSON).read_bytes())
    committed = orjson.loads((PACKAGED_MODELS / LOAN / CARD_JSON).read_bytes())
    # Digests may differ with the libraries' versions; what was measured may not.
    for name in ("certification", "train", "bands", "parity", "slices", "abstained", "uncalibrated_log_loss"):
        assert fresh[name] == committed[name], name


def test_training_reports_its_progress_to_the_end(trained):
    shares = [share for _, share in trained[2]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_committed_card_is_what_the_committed_model_measures(card):
    assert orjson.loads(orjson.dumps(card.as_json())) == orjson.loads((PACKAGED_MODELS / LOAN / CARD_JSON).read_bytes())
    assert card.artifact_sha256 in read_card(LOAN, PACKAGED_MODELS)


def test_the_model_is_worth_having_and_its_probabilities_mean_what_they_say(card):
    certification = card.certification
    assert certification.n == 459
    assert certification.auc > 0.85
    assert certification.ece < 0.05
    assert certification.errors.share < 0.08


def test_every_figure_on_the_card_has_its_n(card):
    assert sum(band.errors.n for band in card.bands) == card.certification.n
    for attribute in DEFINITIONS[LOAN].protected:
        assert sum(group.errors.n for group in card.parity if group.attribute == attribute) == card.certification.n


def test_slices_are_disjoint_complete_and_of_the_size_they_should_have():
    slices = sliced(LOAN, DEFINITIONS[LOAN].examples())
    rows = [example.row for examples in slices.values() for example in examples]
    assert sorted(rows) == list(range(1, 1990))
    assert {name: len(examples) for name, examples in slices.items()} == {
        "train": 1132, "calibration": 394, "certification": 463,
    }  # fmt: skip


def test_no_protected_attribute_is_an_input_or_a_column():
    definition = DEFINITIONS[LOAN]
    assert not set(definition.protected) & {item.field for item in definition.inputs}
    assert not set(definition.protected) & {column.field for column in definition.columns}


def test_bands_have_the_edges_of_the_product():
    assert [band_of(x) for x in (0.91, 0.9, 0.7, 0.69)] == ["high", "medium", "medium", "low"]


def test_a_type_without_a_recipe_or_card_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigurationError, match="there is one for content_moderation, loan_application"):
        train("refund", tmp_path, lambda _text, _share: None)
    with pytest.raises(ConfigurationError, match=CARD_PAGE):
        read_card("refund", tmp_path)
