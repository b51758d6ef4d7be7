"""The model card: what was measured, as JSON for programs and as a page for people."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson

from countersign_inference.training.calibration_picture import calibration_svg
from countersign_inference.training.definitions import DEFINITIONS, Definition
from countersign_inference.training.evaluate import Card, Figures
from countersign_inference.training.honesty import Honesty
from countersign_inference.training.measures import Estimate, Interval
from countersign_shared.errors import ConfigurationError

CARD_JSON = "card.json"
CARD_PAGE = "card.md"
HONESTY = "honesty.json"
PICTURE = "calibration.svg"


def write_card(card: Card, definition: Definition, directory: Path, honesty: Honesty | None = None) -> None:
    """Write both forms of the card beside the model, its picture, and what many splits say where they were made."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (directory / CARD_JSON).write_bytes(orjson.dumps(card.as_json(), option=options))
    (directory / CARD_PAGE).write_text(page(card, definition, honesty), encoding="utf-8")
    title = f"Calibration of {card.name} {card.version} on {card.certification.n} cases it had never seen"
    (directory / PICTURE).write_text(calibration_svg(title, card.reliability), encoding="utf-8")
    if honesty is not None:
        (directory / HONESTY).write_bytes(orjson.dumps(honesty.as_json(), option=options))


def read_card(decision_type: str, models: Path) -> str:
    """Return the page of a model's card, as training left it."""
    path = models / decision_type / CARD_PAGE
    if not path.is_file():
        known = ", ".join(sorted(DEFINITIONS))
        raise ConfigurationError(f"no model card at {path}; `countersign models train` writes one for {known}")
    return path.read_text(encoding="utf-8")


def page(card: Card, definition: Definition, honesty: Honesty | None = None) -> str:
    """Write the card as Markdown."""
    parts = [
        f"# {card.name} {card.version}",
        f"**Use.** {definition.use}",
        f"**Data.** {definition.source}.",
        _slices(card),
        f"**Artifact.** SHA-256 `{card.artifact_sha256}`, calibrator `{card.calibrator_version}`.",
        "## Inputs",
        "\n".join(f"- `{field}`: {label}{_need(required)}" for field, label, required in definition.listed),
        "Left out on purpose:",
        "\n".join(f"- {line}" for line in definition.left_out),
        "## Quality",
        _quality(card),
        f"![How often proposals were right, by how sure they were]({PICTURE})",
        *([] if honesty is None else ["## Honest confidence", _honesty(honesty)]),
        "## Errors by confidence",
        _table(("band", "wrong proposals"), [(band.band, _interval(band.errors)) for band in card.bands]),
        "## What the signals tell",
        "How right proposals are, and how right the half with the higher values is; certification slice.",
        _signals(card),
        _strange(card),
        "## Outcomes by protected group",
        "On the certification slice. No protected attribute reaches the model; this is what it does all the same.",
        _parity(card, definition),
        "## Limits",
        "\n".join(f"- {line}" for line in definition.limits),
    ]
    return "\n\n".join(parts) + "\n"


def _slices(card: Card) -> str:
    dealt = ", ".join(f"{name} {count}" for name, count in card.slices.items())
    refused = ", ".join(f"{count} {reason}" for reason, count in card.abstained.items()) or "none"
    return f"**Slices**, disjoint, by hash of the row: {dealt}. Abstained in the certification slice: {refused}."


def _need(required: bool) -> str:
    return "" if required else " (optional)"


def _quality(card: Card) -> str:
    head = ("slice", "n", "AUC", "Brier", "log loss", "ECE (15 bins)", "wrong proposals")
    rows = [_figures("certification", card.certification), _figures("development (seen)", card.development)]
    note = (
        f"On the certification slice: calibration slope {_estimate(card.slope)} and in the large "
        f"{_estimate(card.shift)}, where 1 and 0 are honest (Cox, 1958). Log loss before calibration: "
        f"{card.uncalibrated_log_loss:.4f}; calibration lowers that of a case by {_estimate(card.gain, 4)}."
    )
    return f"{_table(head, rows)}\n\n{note}"


def _figures(name: str, figures: Figures) -> tuple[str, ...]:
    measured = (figures.auc, figures.brier, figures.log_loss, figures.ece)
    return (name, str(figures.n), *(f"{value:.4f}" for value in measured), _interval(figures.errors))


def _honesty(honesty: Honesty) -> str:
    rows = [
        ("ECE", _mean(honesty, "raw_ece"), _mean(honesty, "calibrated_ece")),
        ("Brier", _mean(honesty, "raw_brier"), _mean(honesty, "calibrated_brier")),
        ("log loss", _mean(honesty, "raw_log_loss"), _mean(honesty, "calibrated_log_loss")),
        ("ECE of a model made dishonest on purpose", _mean(honesty, "miscalibrated_ece"),
         _mean(honesty, "recalibrated_ece")),
    ]  # fmt: skip
    head = ("mean over the splits", "raw", "calibrated")
    return "\n\n".join([_within(honesty), _table(head, rows), *_pooled(honesty), _power(honesty)])


def _within(honesty: Honesty) -> str:
    methods = Counter(split.method for split in honesty.splits)
    fitted = ", ".join(f"{method} {count}" for method, count in methods.most_common())
    of, expected = len(honesty.splits), honesty.expected
    return (
        f"Trained, calibrated and judged anew on {of} splits; calibrators: {fitted}. "
        f"In **{honesty.honest} of {of}** the calibrated ECE is within the 95th percentile of what perfect confidences "
        "would show at the same n and the same scores (mean of that percentile: "
        f"{_mean(honesty, 'honest_ece')}; mean of what they would show: {_mean(honesty, 'expected_ece')}). "
        "Simulated on these very splits, which share rows, perfect confidences are within it in "
        f"{expected.mean:.2f} on average, in {expected.in_95_of_100} or more 95 times of 100, in "
        f"{expected.in_99_of_100} or more 99 times of 100."
    )


def _power(honesty: Honesty) -> str:
    said = (
        f"What judging by {honesty.splits[0].n} cases can tell: the model made dishonest on purpose is outside the bar "
        f"in {honesty.told} of {len(honesty.splits)} splits. Confidences that overstate less, simulated on the "
        "certification slice:"
    )
    head = ("log-odds too large by a factor of", "told by ECE", "told by the slope's interval")
    rows = [(f"{one.overstated:g}", f"{one.by_ece:.0%}", f"{one.by_slope:.0%}") for one in honesty.power]
    return f"{said}\n\n{_table(head, rows)}"


def _pooled(honesty: Honesty) -> list[str]:
    """Say what all rows show, each judged once: without bins, and with far more cases than one split has."""
    if honesty.raw is None or honesty.calibrated is None or honesty.gain is None:
        return []
    rows = [
        (name, f"{one.ece:.4f}", f"{one.excess_ece:+.4f}", _estimate(one.slope), _estimate(one.shift))
        for name, one in (("raw", honesty.raw), ("calibrated", honesty.calibrated))
    ]
    head = ("", "ECE", "beyond what perfect confidences show", "calibration slope (1)", "in the large (0)")
    return [
        f"All {honesty.raw.n:,} rows, each judged once by a model and a calibrator that had not seen it:",
        _table(head, rows),
        f"There calibration lowers the log loss of a case by {_estimate(honesty.gain, 4)}.",
    ]


def _estimate(one: Estimate, digits: int = 2) -> str:
    value, low, high = (f"{round(each, digits) + 0.0:.{digits}f}" for each in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})"


def _mean(honesty: Honesty, name: str) -> str:
    return f"{honesty.mean(name):.4f}"


def _signals(card: Card) -> str:
    rows = [
        (
            f"`{one.signal}`", _interval(one.right_of_all),
            _interval(one.right_of_surest_half) if one.values > 1 else "all cases have the same value",
        )
        for one in card.signals
    ]  # fmt: skip
    return _table(("signal", "right of all that have it", "right of the surer half"), rows)


def _strange(card: Card) -> str:
    strange = card.strange
    if strange.auroc is None:
        return "No rows are declared to be out of distribution."
    return (
        f"Similarity tells {strange.n} rows that are declared to be out of distribution from the certification slice "
        f"with an AUROC of {strange.auroc:.3f}; below 0.05 are {_interval(strange.flagged)} of them, and "
        f"{_interval(strange.ordinary)} of the ordinary ones, where one in twenty is meant to be."
    )


def _parity(card: Card, definition: Definition) -> str:
    code = definition.positive.code
    head = ("attribute", "group", f"`{code}` proposed", f"`{code}` decided by people", "wrong proposals")
    rows = [
        (group.attribute, group.group, *map(_interval, (group.proposed_positive, group.decided_positive, group.errors)))
        for group in card.parity
    ]
    return _table(head, rows)


def _interval(share: Interval) -> str:
    if share.share is None:
        return "no cases"
    return f"{share.share:.1%} ({share.k} of {share.n}; {share.low:.1%} to {share.high:.1%})"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
