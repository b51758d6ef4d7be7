"""countersign feedback promises, look-back and rebuild: where promises stand, what to look at again."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cli import connection
from countersign_local.cli.audit_keys import keys_directory
from countersign_local.cli.files import check_writable
from countersign_local.cli.output import (
    JsonOption,
    harmless,
    print_json,
    print_table,
    print_text,
    progress_bar,
)
from countersign_local.errors import CONFIGURATION, NOT_RIGHT, USAGE, CommandError

API = "/api/feedback/v1"
COLUMNS = ("tenant", "tier", "stage", "wrong at most", "labels", "next try", "about", "from", "audits", "evidence")
SHOWN = 20


def promises(
    decision_type: Annotated[str, typer.Argument(help="Which decisions.")],
    tier: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    json: JsonOption = False,
) -> None:
    """Say what is promised of automatic decisions, what it rests on, and whether it still looks kept."""
    answer: dict[str, Any] = connection.over_http(
        lambda client: client.get(f"{API}/promises", decision_type=decision_type, tier=tier, tenant=tenant)
    )
    if json:
        print_json(answer)
        return
    found = answer["promises"]
    if not found:
        raise CommandError(f"Nothing is promised of {decision_type}, and no policy asks for it.", NOT_RIGHT)
    print_table([_row(one) for one in found], COLUMNS)
    for one in found:
        print_text(harmless(f"{one['tenant']} {one['tier']}: {one['text']}"))
        if one["watching"]:
            print_text(harmless(one["watching"]["text"]))


def look_back(
    decision_type: Annotated[str, typer.Argument(help="Which decisions.")],
    tier: Annotated[str, typer.Argument(help="The tier whose promise broke.")],
    tenant: Annotated[str, typer.Option(help="Whose cases.")] = "default",
    output: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write the whole list here.")] = None,
    json: JsonOption = False,
) -> None:
    """List the automatic decisions since a broken promise last looked kept."""
    asked = {"decision_type": decision_type, "tier": tier, "tenant": tenant}
    if output is not None:
        check_writable(output)
        output.write_bytes(connection.over_http(lambda client: client.read(f"{API}/look-back.csv", **asked)))
        print_text(f"Wrote {output}.")
        return
    answer: dict[str, Any] = connection.over_http(lambda client: client.get(f"{API}/look-back", **asked))
    if json:
        print_json(answer)
        return
    rows = answer["items"]
    print_table(rows[:SHOWN], ("case_id", "decided_at", "confidence", "audit_error", "reversed"))
    more = len(rows) > SHOWN or answer["next_cursor"]
    print_text("There are more: --output FILE.csv writes all of them." if more else f"{len(rows)} decisions.")


def rebuild(
    topics_only: Annotated[
        bool, typer.Option("--topics-only", help="Leave the audit log out: the topics reach back to the first case.")
    ] = False,
    keys: Annotated[Path | None, typer.Option(help="The log's keys; unset: AUDIT_KEYS_DIR, else local.")] = None,
    json: JsonOption = False,
) -> None:
    """Make feedback's figures anew from the audit log and the topics. Stop the feedback service first."""
    from countersign_local.rebuilding import rebuild as make_anew

    if connection.on_embedded_broker():
        raise CommandError("The embedded broker keeps too little to rebuild from.", CONFIGURATION)
    directory = None if topics_only else keys_directory(keys)
    if directory is None and not topics_only:
        raise CommandError("The log's keys are not here: name their directory with --keys, or --topics-only.", USAGE)
    with progress_bar(json=json) as bar:
        task = bar.add_task("reading the log")
        found = asyncio.run(
            make_anew(
                connection.database_url(), connection.kafka_bootstrap_servers(), connection.topic_prefix(),
                keys_dir=directory, progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        )  # fmt: skip
    if json:
        print_json(found)
        return
    print_text(
        f"{found['entries']:,} entries of the log were read, {found['erased']:,} are erased. Start the feedback "
        "service: it reads its topics from the beginning and counts nothing twice."
    )


def _row(one: dict[str, Any]) -> dict[str, Any]:
    progress, watching, certificate = one["progress"] or {}, one["watching"] or {}, one["certificate"] or {}
    alpha = one["alpha"]
    return {
        "tenant": one["tenant"], "tier": one["tier"], "stage": one["stage"],
        "wrong at most": "" if alpha is None else f"{100 * alpha:.3g} %",
        "labels": f"{progress['judged']:,} of {progress['drawn']:,} drawn" if progress else "",
        "next try": progress.get("needed"), "about": progress.get("expected_on"), "from": certificate.get("threshold"),
        "audits": f"{watching['k']:,} of {watching['n']:,} wrong" if watching else "",
        "evidence": f"{watching['log_evidence']:.2f} of {watching['log_bar']:.2f}" if watching else "",
    }  # fmt: skip
