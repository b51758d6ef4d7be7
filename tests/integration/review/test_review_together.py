"""Answers of one moment share a transaction, and each of them is accepted or refused by itself."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.integration.review.harness import Client, Desk, content, record, routed

pytestmark = pytest.mark.postgres

Seated = list[tuple[Client, dict[str, object]]]


async def seated(desk: Desk, count: int) -> Seated:
    """So many people, each with a case before them."""
    await desk.take_in(*(record("case.routed", routed(f"c-{number}")) for number in range(count)))
    people = [await desk.client(f"r{number}") for number in range(count)]
    return [(client, await client.claimed()) for client in people]


def end(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body["state"] if answer.status_code == 200 else body["type"].rsplit("/", 1)[1]


async def test_review_answers_of_one_moment_are_each_accepted_or_refused_by_themselves(desk: Desk) -> None:
    held = await seated(desk, 9)
    decided_elsewhere = held[8][1]["context"]["decision_required"]["case_id"]  # type: ignore[index]
    await desk.pool.execute(
        "INSERT INTO decisions (tenant, case_id, decision_id, outcome_params, closed_as, mode, relation, decided_at)"
        " VALUES ('default', $1, 'other', '{}', 'decided', 'human', 'agreed', now())",
        decided_elsewhere,
    )  # fmt: skip
    (first, of_first), (stale, of_stale), (wrong, of_wrong), (silent, of_silent) = held[:4]
    binding = {"payload_sha256": "f" * 64, "shown_sha256": ["f" * 64], "execute_sha256": "f" * 64}
    answers = await asyncio.gather(
        *(client.decide(claim, key="k") for client, claim in held[4:]),
        first.decide(of_first, key="k"),
        first.decide(of_first, key="k"),
        first.decide(of_stale),
        stale.decide(of_stale, version=7),
        wrong.decide(of_wrong, binding=binding),
        silent.decide(of_silent, reason={"codes": []}),
    )
    assert [end(answer) for answer in answers] == [
        *[(200, "recorded")] * 4, (409, "already-decided"), (200, "recorded"), (200, "recorded"), (404, "not-found"),
        (409, "stale-version"), (409, "stale-binding"), (422, "invalid-answer"),
    ]  # fmt: skip
    assert answers[5].text == answers[6].text
    for client, claim in held[1:4]:
        assert (await client.decide(claim)).status_code == 200
    # Whoever was refused had taken no number of the case.
    sent = [content(message) for message in await desk.relay_once()]
    numbers = {case_id: [body["sequence"] for body in sent if body["case_id"] == case_id] for case_id in cases(held)}
    assert numbers.pop(decided_elsewhere) == [1]
    assert list(numbers.values()) == [[1, 2, 3]] * 8


def cases(held: Seated) -> list[str]:
    return [claim["context"]["decision_required"]["case_id"] for _, claim in held]  # type: ignore[index]


async def test_review_answers_of_one_moment_share_a_transaction_and_wait_for_nobodys_lock(desk: Desk) -> None:
    held = await seated(desk, 7)
    (waiting, of_waiting), others = held[3], held[:3] + held[4:]
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM reviews WHERE review_id = $1 FOR UPDATE", of_waiting["review_id"])
        blocked = asyncio.create_task(waiting.decide(of_waiting))
        answers = await asyncio.gather(*(client.decide(claim) for client, claim in others))
        assert [answer.status_code for answer in answers] == [200] * 6
        assert not blocked.done()
    assert (await blocked).status_code == 200
    assert await desk.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM answers") < len(held)


async def test_review_of_two_who_answer_one_case_at_once_the_one_who_holds_it_is_heard(desk: Desk) -> None:
    [(ana, lost)] = await seated(desk, 1)
    desk.clock.forward(seconds=61)
    await desk.parts.claims.expire()
    ben = await desk.client("ben")
    claim = await ben.claimed()
    late, heard = await asyncio.gather(ana.decide(lost), ben.decide(claim, "decline"))
    assert end(heard) == (200, "recorded")
    assert end(late) in {(409, "lease-ended"), (409, "already-decided")}
    assert "Ben" in late.json()["detail"]
