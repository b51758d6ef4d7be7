"""The summary: the same counts seen per decision type, tier, band, level, reason and model."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from countersign_feedback.domain.figures import DELTA, MINIMUM, Counts, Figures, figures

TIERS = ("negligible", "low", "medium", "high", "critical", "unknown")
BANDS = ("high", "medium", "low", "unknown")
MAX_TYPES = 200
MAX_GROUPS = 50
"""Reasons and models shown per decision type, most cases first: more is a table nobody reads."""
HOW_TO_READ = (
    "Automation: share of all routed cases that the machine decided by itself. "
    "Override: share of assisted reviews that chose another outcome than the proposal; it watches reviews and is not "
    "the model's error rate. Audit error: share of randomly drawn automatic decisions for which people, asked blind, "
    "would have chosen another outcome; other terms of the same outcome do not count. Square brackets hold the exact "
    "95 % interval. Where some decisions were likelier to be audited than others, the weighted share counts each audit "
    "for as many decisions as it stands for and speaks of all of them. "
    "A case with several reasons is counted under each of them."
)


@dataclass(frozen=True, slots=True)
class Row:
    """The counts of the cases that agree in everything a summary groups by."""

    decision_type: str
    tier: str
    band: str
    level: int
    reasons: tuple[str, ...]
    model: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of the cases that share one tier, band, level, reason or model."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The figures of one field of the matrix: consequence tier by confidence band."""

    tier: str
    band: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """Everything about one decision type."""

    decision_type: str
    total: Figures
    tiers: tuple[Group, ...]
    bands: tuple[Group, ...]
    levels: tuple[Group, ...]
    cells: tuple[MatrixCell, ...]
    reasons: tuple[Group, ...]
    models: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for: null means all. ``since`` and ``until`` are UTC days, both included."""

    tenants: tuple[str, ...] | None = None
    decision_type: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What was automated and was it right, with how many each figure rests on.

    ``unplaced`` counts cases known so far only by a decision: they join the figures when their routing arrives.
    ``minimum`` is the least number of cases for which a rate is named; every interval holds with 1 - ``delta``.
    """

    generated_at: str
    scope: Scope
    delta: float
    minimum: int
    unplaced: int
    truncated: bool
    decision_types: tuple[TypeSummary, ...]
    how_to_read: str


def summarise(rows: Iterable[Row], *, scope: Scope, unplaced: int, generated_at: str) -> Summary:
    """Group rows into a summary; decision types with the most cases come first."""
    by_type: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_type[row.decision_type].append(row)
    largest = sorted(by_type, key=lambda name: (-_total(by_type[name]).cases, name))
    return Summary(
        generated_at=generated_at,
        scope=scope,
        delta=DELTA,
        minimum=MINIMUM,
        unplaced=unplaced,
        truncated=len(largest) > MAX_TYPES,
        decision_types=tuple(_type_summary(name, by_type[name]) for name in largest[:MAX_TYPES]),
        how_to_read=HOW_TO_READ,
    )


def scope_line(summary: Summary) -> str:
    """Say whose cases and of which days a summary counts."""
    scope = summary.scope
    tenants = "all tenants" if scope.tenants is None else "tenant " + ", ".join(scope.tenants)
    since, until = scope.since or "the beginning", scope.until or "now"
    moment = summary.generated_at[:16].replace("T", " ")
    return f"{tenants}; cases routed from {since} to {until}; as of {moment} UTC"


def nothing_found(scope: Scope) -> str:
    """Say that no case was routed of what was asked for: a name with a slip in it must not look like an answer."""
    asked = [
        f"of decision type {scope.decision_type}" if scope.decision_type else "",
        f"of tenant {', '.join(scope.tenants)}" if scope.tenants is not None else "",
        f"from {scope.since} on" if scope.since else "",
        f"up to {scope.until}" if scope.until else "",
    ]
    if not any(asked):
        return "No cases yet. Figures appear as cases are routed."
    return f"No case was routed {', '.join(filter(None, asked))}."


def errors_by_tier(rows: Iterable[Row]) -> dict[str, Figures]:
    """Return the figures per tier over all decision types: what the gauges of the error rate show."""
    return {tier: figures(counts) for tier, counts in _grouped(rows, lambda row: (row.tier,)).items()}


def overrides_by_type(rows: Iterable[Row]) -> dict[str, Figures]:
    """Return the figures per decision type: what the gauge of the override share shows."""
    return {name: figures(counts) for name, counts in _grouped(rows, lambda row: (row.decision_type,)).items()}


def _type_summary(name: str, rows: list[Row]) -> TypeSummary:
    cells: dict[tuple[str, str], Counts] = defaultdict(Counts)
    for row in rows:
        cells[row.tier, row.band] += row.counts
    return TypeSummary(
        decision_type=name,
        total=figures(_total(rows)),
        tiers=_in_order(_grouped(rows, lambda row: (row.tier,)), TIERS),
        bands=_in_order(_grouped(rows, lambda row: (row.band,)), BANDS),
        levels=_in_order(_grouped(rows, lambda row: (str(row.level),)), ("1", "2", "3", "4", "5")),
        cells=tuple(
            MatrixCell(tier=tier, band=band, figures=figures(counts))
            for (tier, band), counts in sorted(cells.items(), key=lambda item: _place(*item[0]))
        ),
        reasons=_largest(_grouped(rows, lambda row: row.reasons)),
        models=_largest(_grouped(rows, lambda row: (row.model,))),
    )


def _total(rows: Iterable[Row]) -> Counts:
    return sum((row.counts for row in rows), Counts())


def _grouped(rows: Iterable[Row], names: Callable[[Row], tuple[str, ...]]) -> dict[str, Counts]:
    groups: dict[str, Counts] = defaultdict(Counts)
    for row in rows:
        for name in names(row):
            groups[name] += row.counts
    return dict(groups)


def _in_order(groups: dict[str, Counts], order: tuple[str, ...]) -> tuple[Group, ...]:
    names = sorted(groups, key=lambda name: (_index(order, name), name))
    return tuple(Group(name=name, figures=figures(groups[name])) for name in names)


def _largest(groups: dict[str, Counts]) -> tuple[Group, ...]:
    names = sorted(groups, key=lambda name: (-groups[name].cases, name))[:MAX_GROUPS]
    return tuple(Group(name=name, figures=figures(groups[name])) for name in names)


def _place(tier: str, band: str) -> tuple[int, int]:
    return _index(TIERS, tier), _index(BANDS, band)


def _index(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)
