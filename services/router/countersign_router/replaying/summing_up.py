"""From counts to the report."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from countersign_router.domain.policy import BANDS, TIERS, Policy
from countersign_router.replaying.estimates import estimate
from countersign_router.replaying.facts import Facts
from countersign_router.replaying.report import (
    Against,
    Audited,
    Automation,
    Cell,
    ChangedCase,
    ChangedCases,
    ErrorEstimate,
    Fidelity,
    LevelChange,
    PolicyName,
    QueueLoad,
    ReplayReport,
    Segment,
    SegmentValue,
)
from countersign_router.replaying.tally import Case, Judged, SegmentKey, Tally, changes_sides
from countersign_router.replaying.telling import notes, summary

LEAST_OF_PROTECTED = 30
"""Cases of a protected field's value below this are not shown: a count of one would tell of a person."""


def sum_up(
    tally: Tally, policy: Policy, *, draft: bool, asked: str, originals: Mapping[str, Policy],
    protected: frozenset[str] = frozenset(),
) -> ReplayReport:  # fmt: skip
    """Make the report of everything that was counted."""
    report = ReplayReport(
        policy=PolicyName(id=policy.id, version=policy.version, sha256=policy.sha256,
                          cases=sum(count for (_, _, sha256), count in tally.versions.items()
                                    if sha256 == policy.sha256)),
        draft=draft,
        against=_against(tally, asked),
        fidelity=Fidelity(
            same=tally.rederived, differing=tally.unexplained, without_policy=tally.unpoliced,
            other_key=tally.unknown_key, named=tuple(tally.unexplained_cases),
        ),
        changed=_count(tally, lambda before, after: before != after),
        raised=_count(tally, lambda before, after: after.level > before.level),
        lowered=_count(tally, lambda before, after: after.level < before.level),
        levels=_levels(tally),
        cells=tuple(_cells(tally, policy, originals)),
        outside_before=_count(tally, lambda before, _: before.band is None),
        outside_after=_count(tally, lambda _, after: after.band is None),
        queues=_queues(tally),
        automation=Automation(
            cases=tally.cases,
            before=_count(tally, lambda before, _: before.automatic),
            after=_count(tally, lambda _, after: after.automatic),
            would_before=_count(tally, lambda before, _: before.would_automate),
            would_after=_count(tally, lambda _, after: after.would_automate),
        ),
        audited=_audited(tally),
        becoming_automatic=_changed(tally.becoming, _count(tally, lambda b, a: changes_sides(b, a)[0])),
        leaving_automatic=_changed(tally.leaving, _count(tally, _only_leaves)),
        segments=tuple(_segments(tally, protected)),
        summary=(), notes=(),
    )  # fmt: skip
    return report.model_copy(update={"summary": summary(report), "notes": notes(report, tally, policy)})


def _only_leaves(before: Facts, after: Facts) -> bool:
    gains, loses = changes_sides(before, after)
    return loses and not gains


def _count(tally: Tally, holds: Callable[[Facts, Facts], bool]) -> int:
    return sum(count for (before, after), count in tally.moves.items() if holds(before, after))


def _against(tally: Tally, asked: str) -> Against:
    versions = tuple(
        PolicyName(id=name or "no policy", version=version, sha256=sha256, cases=count)
        for (name, version, sha256), count in sorted(tally.versions.items(), key=lambda item: (-item[1], item[0]))
    )
    return Against(
        asked=asked, cases=tally.cases, test_cases=tally.tests, since=tally.since, until=tally.until, policies=versions
    )


def _levels(tally: Tally) -> tuple[LevelChange, ...]:
    counted: Counter[tuple[int, int]] = Counter()
    for (before, after), count in tally.moves.items():
        counted[before.level, after.level] += count
    return tuple(LevelChange(before=was, after=is_, cases=count) for (was, is_), count in sorted(counted.items()))


def _cells(tally: Tally, policy: Policy, originals: Mapping[str, Policy]) -> Iterable[Cell]:
    ruling = [originals[sha256] for _, _, sha256 in tally.versions if sha256 in originals]
    for tier in TIERS:
        for band in BANDS:
            levels = {one.matrix[tier][band] for one in ruling}
            there = [(b, a, n) for (b, a), n in tally.moves.items() if (b.tier, b.band) == (tier, band)]
            then = [(a, n) for (_, a), n in tally.moves.items() if (a.tier, a.band) == (tier, band)]
            yield Cell(
                tier=tier, band=band, level_before=levels.pop() if len(levels) == 1 else None,
                level_after=policy.matrix[tier][band], cases_before=sum(n for _, _, n in there),
                cases_after=sum(n for _, n in then), raised=sum(n for b, a, n in there if a.level > b.level),
                lowered=sum(n for b, a, n in there if a.level < b.level),
                automatic_before=sum(n for b, _, n in there if b.automatic),
                automatic_after=sum(n for a, n in then if a.automatic),
            )  # fmt: skip


def _queues(tally: Tally) -> tuple[QueueLoad, ...]:
    loads: dict[str, list[int]] = {}
    for (before, after), count in tally.moves.items():
        for place, facts in enumerate((before, after)):
            if facts.queue is not None:
                load = loads.setdefault(facts.queue, [0, 0, 0, 0])
                load[place] += count
                load[2 + place] += count * facts.reviews
    return tuple(
        QueueLoad(queue=name, before=load[0], after=load[1], reviews_before=load[2], reviews_after=load[3])
        for name, load in sorted(loads.items())
    )


def _audited(tally: Tally) -> Audited:
    def among(holds: Callable[[Judged], bool]) -> ErrorEstimate:
        return estimate((one, count) for one, count in tally.judged.items() if holds(one))

    return Audited(
        labels=tally.judged.total(),
        before=among(lambda one: one.automatic_before), after=among(lambda one: one.automatic_after),
        would_before=among(lambda one: one.would_before), would_after=among(lambda one: one.would_after),
        unsampled=tally.unlabelled_gains,
    )  # fmt: skip


def _changed(found: Iterable[tuple[object, Case]], cases: int) -> ChangedCases:
    listed = tuple(
        ChangedCase(
            tenant=case.tenant, case_id=case.case_id, routed_at=case.routed_at, outcome=case.outcome,
            confidence=case.confidence, tier_before=case.before.tier, band_before=case.before.band,
            level_before=case.before.level, tier_after=case.after.tier, band_after=case.after.band,
            level_after=case.after.level, automatic_after=case.after.automatic,
        )
        for _, case in found
    )  # fmt: skip
    return ChangedCases(cases=cases, listed=listed)


def _segments(tally: Tally, protected: frozenset[str]) -> Iterable[Segment]:
    fields: dict[str, dict[str, list[tuple[SegmentKey, int]]]] = {}
    for key, count in tally.segments.items():
        fields.setdefault(key.field, {}).setdefault(key.value, []).append((key, count))
    for name, values in sorted(fields.items()):
        least = LEAST_OF_PROTECTED if name in protected else 0
        shown = [_value(value, keys) for value, keys in sorted(values.items())]
        # One value for all says nothing that the whole does not say.
        if len(shown) > 1:
            yield Segment(field=name, values=tuple(one for one in shown if one.cases >= least), hidden_below=least)


def _value(value: str, keys: list[tuple[SegmentKey, int]]) -> SegmentValue:
    return SegmentValue(
        value=value,
        cases=sum(n for _, n in keys),
        automatic_before=sum(n for key, n in keys if key.automatic_before),
        automatic_after=sum(n for key, n in keys if key.automatic_after),
        would_before=sum(n for key, n in keys if key.would_before),
        would_after=sum(n for key, n in keys if key.would_after),
        raised=sum(n for key, n in keys if key.raised),
        lowered=sum(n for key, n in keys if key.lowered),
    )
