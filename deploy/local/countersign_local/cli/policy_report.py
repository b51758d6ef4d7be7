"""A replay's report as tables."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from countersign_local.cli.output import print_table, print_text
from countersign_shared.shares import percent

_TIERS = ("critical", "high", "medium", "low", "negligible")
_BANDS = ("low", "medium", "high")
_LEVELS = range(1, 6)
MOST_CASES = 10
MOST_SEGMENTS = 8


def print_report(report: Mapping[str, Any], by: Collection[str] = ()) -> None:
    """Print what a replay found: the sentences, then the tables, then on what it all rests.

    Fields that were asked for with ``by`` are told of whatever else there is.
    """
    policy, against = report["policy"], report["against"]
    print_text(f"{policy['id']}, version {policy['version']}, against {against['cases']:,} cases ({against['asked']})")
    for sentence in report["summary"]:
        print_text(f"  {sentence}")
    if against["cases"]:
        print_table(_cells(report["cells"]), ("consequence", *(f"{band}_confidence" for band in _BANDS)),
                    title="\nCases in each cell, before → after; levels where they change")  # fmt: skip
        print_table(_levels(report["levels"]), ("from", *(f"to_L{level}" for level in _LEVELS)),
                    title="\nFrom level to level")  # fmt: skip
        print_table(_queues(report["queues"]), ("queue", "before", "after", "change"), title="\nQueues")
        print_segments(report["segments"], by)
        _print_cases(report["becoming_automatic"], "would become automatic")
        _print_cases(report["leaving_automatic"], "would no longer be automatic")
    for note in report["notes"]:
        print_text(f"* {note}")


def _cells(cells: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    by = {(cell["tier"], cell["band"]): cell for cell in cells}
    return [
        {"consequence": tier, **{f"{band}_confidence": _cell(by[tier, band]) for band in _BANDS}} for tier in _TIERS
    ]


def _cell(cell: Mapping[str, Any]) -> str:
    level, before = f"L{cell['level_after']}", cell["level_before"]
    if before is not None and before != cell["level_after"]:
        level = f"L{before}→{level}"
    counts = f"{cell['cases_before']:,}"
    if cell["cases_before"] != cell["cases_after"]:
        counts += f" → {cell['cases_after']:,}"
    return f"{level}: {counts}"


def _levels(levels: Iterable[Mapping[str, int]]) -> list[dict[str, str]]:
    by = {(one["before"], one["after"]): one["cases"] for one in levels}
    return [
        {"from": f"L{was}", **{f"to_L{to}": f"{by[was, to]:,}" if (was, to) in by else "" for to in _LEVELS}}
        for was in _LEVELS
    ]


def _queues(queues: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {"queue": one["queue"], "before": f"{one['before']:,}", "after": f"{one['after']:,}",
         "change": f"{one['after'] - one['before']:+,}"}
        for one in queues
    ]  # fmt: skip


def print_segments(segments: Iterable[Mapping[str, Any]], by: Collection[str] = ()) -> None:
    """Print how parts of the cases fare, each field above its values, those that were asked for first."""
    ordered = sorted(segments, key=lambda segment: segment["field"] not in by)
    shown = ordered[: max(MOST_SEGMENTS, len(by))]
    rows: list[dict[str, str]] = []
    for segment in shown:
        # A line of its own: names of fields and values side by side are wider than a terminal.
        rows.append({"segment": segment["field"]})
        rows += [_segment(one) for one in segment["values"]]
    if rows:
        print_table(rows, ("segment", "cases", "automatic", "higher", "lower"), title="\nBy segment")
    if len(ordered) > len(shown):
        print_text(
            f"{len(ordered) - len(shown)} more with --json: {', '.join(one['field'] for one in ordered[len(shown) :])}"
        )


def _segment(one: Mapping[str, Any]) -> dict[str, str]:
    before, after = (_share(one[f"automatic_{when}"], one["cases"]) for when in ("before", "after"))
    return {
        "segment": f"  {one['value']}", "cases": f"{one['cases']:,}", "automatic": f"{before} → {after}",
        "higher": f"{one['raised']:,}", "lower": f"{one['lowered']:,}",
    }  # fmt: skip


def _print_cases(changed: Mapping[str, Any], what: str) -> None:
    if not changed["cases"]:
        return
    rows = [
        {
            "tenant": one["tenant"], "case": one["case_id"], "outcome": one["outcome"],
            "confidence": _confidence(one["confidence"]),
            "before": _place(one, "before"), "after": _place(one, "after"),
        }
        for one in changed["listed"][:MOST_CASES]
    ]  # fmt: skip
    more = "" if len(rows) == changed["cases"] else f"; {len(rows)} of them, the weightiest and least sure first"
    print_table(rows, ("tenant", "case", "outcome", "confidence", "before", "after"),
                title=f"\n{changed['cases']:,} case{'' if changed['cases'] == 1 else 's'} {what}{more}")  # fmt: skip


def _confidence(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _place(case: Mapping[str, Any], when: str) -> str:
    cell = f" ({case[f'tier_{when}']}, {case[f'band_{when}']})" if case[f"band_{when}"] else ""
    return f"L{case[f'level_{when}']}{cell}"


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "-"
