"""A case that is erased leaves what was shown with other cases, and whoever holds one of those is not disturbed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from countersign_review.domain.binding import digest
from countersign_review.store.redaction import AT_ONCE, case_eraser
from countersign_shared.erasure import AGAIN_AFTER, Erasing
from tests.integration.review.harness import API, Client, Desk, record, routed
from tests.integration.review.test_review_erasure import SECRET, found, request

pytestmark = pytest.mark.postgres


def erasing(desk: Desk) -> Erasing:
    return Erasing(desk.handler, desk.pool, case_eraser(desk.clock), service="review", clock=desk.clock, guards=True)


def about(case_id: str, subject: str) -> Any:
    case = routed(case_id, subject_ref=subject)
    return record("case.routed", case | {"case": {**case["case"], "title": f"{SECRET} {case_id}"}})


async def decided(desk: Desk, client: Client, case_id: str, subject: str) -> dict[str, Any]:
    """Have somebody decide a case; returns the claim as it was then."""
    await desk.take_in(about(case_id, subject))
    claim = await client.claimed()
    assert (await client.decide(claim, "approve", key=claim["claim_id"])).status_code == 200
    return claim


def named(claim: dict[str, Any]) -> dict[str, list[str]]:
    history = claim["context"]["history"]
    return {kind: [case["case_id"] for case in history[kind]] for kind in ("subject", "similar")}


async def read(client: Client, claim: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.http.get(f"{API}/claims/{claim['claim_id']}")).json()
    return answer


async def test_review_what_was_shown_about_others_no_longer_names_a_case_that_was_erased(desk: Desk) -> None:
    ana = await desk.client("ana")
    await decided(desk, ana, "gone", "s-1")
    alike = await decided(desk, ana, "alike", "s-2")
    same = await decided(desk, ana, "same", "s-1")
    assert named(alike) == {"subject": [], "similar": ["gone"]}
    assert named(same) == {"subject": ["gone"], "similar": ["alike"]}
    desk.clock.forward(minutes=5)
    await desk.relay_once()

    await erasing(desk)([request("gone")])
    assert await found(desk, f"{SECRET} gone") == set()
    for before, left in ((alike, []), (same, ["alike"])):
        after = await read(ana, before)
        assert named(after) == {"subject": [], "similar": left}
        assert after["context"] == {**before["context"], "history": after["context"]["history"], "salt": None}
        # What the decision quotes stays what was served, and nobody is told that these are those bytes.
        assert (before["redacted_at"], after["shown_sha256"]) == (None, before["shown_sha256"])
        assert after["redacted_at"] is not None
        whole = await ana.http.get(f"{API}/claims/{before['claim_id']}/context")
        assert (whole.status_code, whole.json()["type"].rsplit("/", 1)[1]) == (410, "redacted")
        assert datetime.fromisoformat(whole.json()["redacted_at"]) == datetime.fromisoformat(after["redacted_at"])


async def test_review_a_digest_that_is_left_tells_nothing_to_who_knows_all_that_may_have_been_shown(desk: Desk) -> None:
    ana = await desk.client("ana")
    await decided(desk, ana, "gone", "s-1")
    claim = await decided(desk, ana, "alike", "s-2")
    served = orjson.loads((await ana.http.get(f"{API}/claims/{claim['claim_id']}/context")).content)
    assert digest(orjson.dumps(served)) == claim["shown_sha256"]
    await erasing(desk)([request("gone")])
    kept = orjson.loads(await desk.pool.fetchval("SELECT package FROM shown WHERE claim_id = $1", claim["claim_id"]))
    # The title is known, where it stood, and all else that is left: the digest of that is another one.
    guessed = {**kept, "history": {**kept["history"], "similar": served["history"]["similar"]}}
    assert {**guessed, "salt": served["salt"]} == served
    assert digest(orjson.dumps(guessed)) != claim["shown_sha256"]


async def test_review_whoever_holds_a_case_sees_it_anew_without_the_one_that_was_erased(desk: Desk) -> None:
    ana, ben = await desk.client("ana"), await desk.client("ben")
    await decided(desk, ana, "gone", "s-1")
    await desk.take_in(about("open", "s-2"))
    held = await ben.claimed()
    assert named(held)["similar"] == ["gone"]
    await erasing(desk)([request("gone")])

    again = await read(ben, held)
    assert (named(again)["similar"], again["redacted_at"], again["version"]) == ([], None, held["version"])
    assert again["shown_sha256_all"] == [held["shown_sha256"], again["shown_sha256"]]
    whole = await ben.http.get(f"{API}/claims/{held['claim_id']}/context")
    assert digest(whole.content) == again["shown_sha256"]
    assert (await read(ben, held))["shown_sha256_all"] == again["shown_sha256_all"]
    assert (await ben.decide(again, "approve", key="again")).status_code == 200


async def test_review_a_decision_on_what_was_on_the_screen_stands_though_a_precedent_was_erased(desk: Desk) -> None:
    ana, ben = await desk.client("ana"), await desk.client("ben")
    await decided(desk, ana, "gone", "s-1")
    await desk.take_in(about("open", "s-2"))
    held = await ben.claimed()
    await erasing(desk)([request("gone")])
    assert (await ben.decide(held, "approve", key="as-seen")).status_code == 200


async def test_review_what_was_being_shown_in_that_moment_is_redacted_a_minute_later(desk: Desk) -> None:
    ana = await desk.client("ana")
    await decided(desk, ana, "gone", "s-1")
    late = await decided(desk, ana, "late", "s-2")
    row = await desk.pool.fetchrow("SELECT * FROM shown WHERE claim_id = $1", late["claim_id"])
    erase = erasing(desk)
    await erase([request("gone")])
    # As another transaction would have written it that had read the precedents before.
    await desk.pool.execute("UPDATE shown SET package = $2 WHERE claim_id = $1", late["claim_id"], row["package"])
    desk.clock.forward(seconds=(AGAIN_AFTER + timedelta(seconds=1)).total_seconds())
    await erase.erase_again()
    assert "shown" not in await found(desk, f"{SECRET} gone")


async def test_review_a_case_that_more_views_name_than_are_read_at_once_leaves_all_of_them(desk: Desk) -> None:
    ana = await desk.client("ana")
    await decided(desk, ana, "gone", "s-1")
    other = await decided(desk, ana, "other", "s-2")
    await desk.pool.execute(
        "INSERT INTO shown SELECT claim_id, n, revision, sha256, shown_at, package"
        " FROM shown, generate_series(2, $2) AS n WHERE claim_id = $1", other["claim_id"], 2 * AT_ONCE + 1,
    )  # fmt: skip
    await erasing(desk)([request("gone")])
    redacted = await desk.pool.fetchval("SELECT count(*) FROM shown WHERE redacted_at IS NOT NULL")
    assert redacted == 2 * AT_ONCE + 1
    assert "shown" not in await found(desk, f"{SECRET} gone")


async def test_review_a_view_of_another_tenant_keeps_its_case_of_the_same_id(desk: Desk) -> None:
    ana = await desk.client("ana")
    for tenant in ("default", "other"):
        for case_id in ("gone", "shows"):
            case = routed(case_id, tenant=tenant, subject_ref=case_id)
            await desk.take_in(record("case.routed", case | {"case": {**case["case"], "title": f"{tenant} {case_id}"}}))
            claim = await ana.claimed()
            assert (await ana.decide(claim, "approve", key=claim["claim_id"])).status_code == 200
    desk.clock.forward(minutes=5)
    await desk.relay_once()
    assert "shown" in await found(desk, "default gone")
    await erasing(desk)([request("gone")])
    assert await found(desk, "default gone") == set()
    assert "shown" in await found(desk, "other gone")


async def test_review_what_a_package_names_is_read_from_any_text_that_may_be_in_it(desk: Desk) -> None:
    odd = ['a "quoted" one', "back\\slash", "\\u0000", "Žofie", "tab\tbed", "new\nline", "😀"]
    history = {"subject": [{"case_id": name} for name in odd[:3]], "similar": [{"case_id": name} for name in odd[3:]]}
    for text in ("\0", "\0\0\\u0000", "\\\0", "\\u0000", "plain"):
        package = orjson.dumps({"headline": text, "history": history, "key_facts": [{text: text}]})
        assert await desk.pool.fetchval("SELECT cases_named($1)", package) == odd
    nobody = orjson.dumps({"history": {"subject": [], "similar": []}})
    assert await desk.pool.fetchval("SELECT cases_named($1)", nobody) == []
