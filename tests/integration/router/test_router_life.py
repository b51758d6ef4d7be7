"""The life of a policy: each step for one hash, by the right people, on the record; refusals too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from countersign_router.domain import signatures as s
from countersign_router.language.loading import PolicyRefused
from countersign_router.life import drafting
from countersign_router.life import refusals as r
from countersign_router.life.files import publish_files, read_policies
from countersign_router.life.steps import Caller
from countersign_router.repeats import KeyReused, Once
from countersign_router.store import Store
from countersign_shared.clock import system_clock
from tests.integration.router.desk import Replica, bodies
from tests.integration.router.life import (
    ANTON,
    BEA,
    LENA,
    PAUL,
    PETRA,
    Way,
    activities,
    age_approvals,
    everything_to_people,
    in_force,
    lose,
    refusals,
)
from tests.unit.router.cases import bent, narrow, scored, shipped, shipped_bytes

pytestmark = pytest.mark.postgres


async def level(replica: Replica, case_id: str) -> int:
    return bodies(await replica.route(scored(case_id)), "case.routed")[0]["level"]


async def test_a_policy_goes_the_whole_way_and_every_step_is_on_the_record(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    assert await level(replica, "before") == 1
    way = await Way.begin(store, everything_to_people())
    assert (await way.progress()).needs == ("test", "replay", "approval", "publish")
    await way.test()
    await way.replay(BEA)
    await way.approve(PETRA)
    assert (await way.progress()).needs == ("publish",)
    assert await level(replica, "not yet") == 1
    await way.publish(ANTON)
    assert await level(replica, "after") == 3
    control = await in_force(pool)
    assert (control["revision"], control["state"]["version"], control["changed_by"]) == (2, 2, "p-anton")
    assert [(one["pseudonym"], one["role"]) for one in control["signatures"]] == [("p-petra", "policy_approver")]
    told = [one for one in await activities(pool) if one["decision_type"] == "loan_application"]
    assert [(one["sequence"], one["kind"], one["actor"]["pseudonym"], one["body"]["version"]) for one in told] == [
        (1, "policy.published", "router", 1), (2, "policy.drafted", "p-anton", 2), (3, "policy.tested", "p-anton", 2),
        (4, "policy.replayed", "p-bea", 2), (5, "policy.approved", "p-petra", 2), (6, "policy.published", "p-anton", 2),
    ]  # fmt: skip
    assert {one["body"]["sha256"] for one in told[1:]} == {everything_to_people().policy.sha256}
    last = told[-1]["body"]
    assert (last["comment"], last["previous_version"], last["result"]["approved_by"]) == ("time to", 1, ["p-petra"])
    published = await store.published(last["sha256"])
    assert published is not None
    assert (published.published_by, published.reason) == ("p-anton", "time to")


async def test_a_case_that_was_routed_keeps_its_version(replica: Replica, store: Store) -> None:
    before = await replica.route(scored("mine"))
    await (await Way.approved(store, everything_to_people())).publish()
    again = await replica.route(scored("mine"))
    assert [one.value for one in again] == [one.value for one in before]


async def test_an_edit_voids_what_was_done_before(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.approved(store, everything_to_people())
    first = (await way.draft()).sha256
    await way.edit(bent(version=2, never_automate="case.loan_to_value > 90.0"), BEA)
    assert (await way.draft()).authors == ("p-anton", "p-bea")
    assert (await way.progress()).needs == ("test", "replay", "approval", "publish")
    with pytest.raises(r.NotTested):
        await way.publish()
    # Writing the first text again brings its signature back no more than anything else.
    await way.edit(everything_to_people(), ANTON)
    assert (await way.draft()).sha256 == first
    assert (await way.progress()).needs == ("test", "replay", "approval", "publish")
    await way.test()
    await way.replay()
    with pytest.raises(s.SignaturesMissing):
        await way.publish()
    # Whoever wrote some of it is an author, even of a text that another one wrote last.
    with pytest.raises(s.OwnWork):
        await way.approve(BEA)
    assert await refusals(pool) == [
        ("p-anton", "publish", "not_tested"), ("p-anton", "publish", "signatures_missing"),
        ("p-bea", "approve", "own_work"),
    ]  # fmt: skip


async def test_an_author_cannot_approve(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.examined(store, everything_to_people(), BEA)
    with pytest.raises(s.OwnWork):
        await way.approve(BEA)
    with pytest.raises(s.SignaturesMissing):
        await way.publish(BEA)
    assert await refusals(pool) == [("p-bea", "approve", "own_work"), ("p-bea", "publish", "signatures_missing")]
    assert (await in_force(pool))["state"]["version"] == 1


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ("reviewer",)}, {"tenants": ("elsewhere",)}])
async def test_a_role_lost_after_signing_voids_the_signature(
    replica: Replica, store: Store, pool: asyncpg.Pool, change
) -> None:
    way = await Way.approved(store, everything_to_people(), PETRA)
    await lose(store, PETRA, **change)
    assert (await way.progress()).needs == ("approval", "publish")
    with pytest.raises(s.RoleLost):
        await way.publish()
    assert await refusals(pool) == [("p-anton", "publish", "role_lost")]
    assert (await in_force(pool))["state"]["version"] == 1
    await way.approve(PAUL)
    await way.publish()
    assert [one["pseudonym"] for one in (await in_force(pool))["signatures"]] == ["p-paul"]


async def test_a_token_outlives_the_account_for_nobody(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.examined(store, everything_to_people())
    await lose(store, PETRA, disabled=True)
    await lose(store, ANTON, disabled=True)
    with pytest.raises(s.RoleLost):
        await way.approve(PETRA)
    with pytest.raises(s.RoleLost):
        await way.edit(bent(version=3))
    with pytest.raises(s.RoleLost):
        await Way.begin(store, bent(version=4))
    assert await refusals(pool) == [
        ("p-petra", "approve", "role_lost"), ("p-anton", "edit", "role_lost"), ("p-anton", "draft", "role_lost"),
    ]  # fmt: skip


async def test_a_role_that_is_given_back_counts_again(replica: Replica, store: Store) -> None:
    way = await Way.approved(store, everything_to_people(), PETRA)
    await lose(store, PETRA, sequence=5, roles=("reviewer",), disabled=True)
    await lose(store, PETRA, sequence=7, roles=("policy_approver",))
    with pytest.raises(s.RoleLost):
        await way.publish()
    await lose(store, PETRA, sequence=8, disabled=False)
    # An older activity that comes late changes nothing.
    await lose(store, PETRA, sequence=6, disabled=True)
    await way.publish()


async def test_who_lacks_the_role_is_refused_on_the_record(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.examined(store, everything_to_people())
    with pytest.raises(s.RoleMissing):
        await way.approve(LENA)
    with pytest.raises(s.RoleMissing):
        await way.publish(LENA)
    with pytest.raises(s.RoleMissing):
        await way.edit(bent(version=3), PETRA)
    assert await refusals(pool) == [
        ("p-lena", "approve", "role_missing"), ("p-lena", "publish", "role_missing"),
        ("p-petra", "edit", "role_missing"),
    ]  # fmt: skip


async def test_an_approval_is_good_for_one_hash_of_one_draft(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    signed = await Way.approved(store, everything_to_people())
    other = await Way.examined(store, bent(version=2, never_automate="case.loan_to_value > 90.0"))
    sha256 = (await signed.draft()).sha256
    for step in (other.approve(sha256=sha256), other.publish(sha256=sha256)):
        with pytest.raises(s.HashMismatch):
            await step
    # The same text in another draft is another draft: nobody has signed that one.
    twin = await Way.examined(store, everything_to_people())
    with pytest.raises(s.SignaturesMissing):
        await twin.publish()
    assert await refusals(pool) == [
        ("p-petra", "approve", "hash_mismatch"), ("p-anton", "publish", "hash_mismatch"),
        ("p-anton", "publish", "signatures_missing"),
    ]  # fmt: skip
    told = next(one["body"]["state"] for one in await activities(pool) if one["kind"] == "control.refused")
    assert (told["draft_id"], told["named_sha256"]) == (str(other.draft_id), sha256)
    assert told["sha256"] == (await other.draft()).sha256


async def test_an_approval_ends_after_a_day(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.approved(store, everything_to_people())
    await age_approvals(pool, "24 hours")
    with pytest.raises(s.SignatureExpired):
        await way.publish()
    assert (await way.progress()).needs == ("approval", "publish")
    await way.approve(PETRA)
    await way.publish()
    assert await refusals(pool) == [("p-anton", "publish", "signature_expired")]


async def test_what_was_not_examined_is_neither_approved_nor_published(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    way = await Way.begin(store, everything_to_people())
    with pytest.raises(r.NotTested):
        await way.approve()
    await way.test()
    with pytest.raises(r.NotReplayed):
        await way.approve()
    with pytest.raises(r.NotReplayed):
        await way.publish()
    assert [why for _, _, why in await refusals(pool)] == ["not_tested", "not_replayed", "not_replayed"]


async def test_examples_that_fail_are_recorded_and_stop_it(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    wrong = {"name": "wrong", "case": dict(scored()["case"]["payload"]), "expect": {"level": 5},
             "proposal": {"outcome": "approve", "confidence": 0.97}}  # fmt: skip
    way = await Way.begin(store, bent(version=2, examples=[wrong]))
    await way.test()
    await way.replay()
    result = (await activities(pool))[-2]["body"]["result"]
    assert (result["passed"], result["examples"], result["failed"]) == (False, 1, 1)
    assert result["failures"][0]["name"] == "wrong"
    with pytest.raises(r.NotTested):
        await way.approve()


async def test_a_version_is_published_once(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    with pytest.raises(r.VersionTaken):
        await Way.begin(store, bent(version=1, never_automate="true"))
    first = await Way.approved(store, everything_to_people())
    second = await Way.approved(store, bent(version=2, never_automate="case.loan_to_value > 90.0"))
    await first.publish()
    with pytest.raises(r.VersionTaken):
        await second.publish()
    with pytest.raises(r.DraftClosed):
        await first.publish()
    with pytest.raises(r.DraftClosed):
        await first.edit(bent(version=3))
    assert await refusals(pool) == [
        ("p-anton", "draft", "version_taken"), ("p-anton", "publish", "version_taken"),
        ("p-anton", "publish", "draft_closed"), ("p-anton", "edit", "draft_closed"),
    ]  # fmt: skip


async def test_what_cannot_be_used_is_not_kept(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    with pytest.raises(PolicyRefused):
        await Way.begin(store, replace(everything_to_people(), data=b"decision_type: loan_application\n"))
    assert await pool.fetchval("SELECT count(*) FROM policy_drafts") == 0


async def test_an_edit_keeps_to_its_policy(replica: Replica, store: Store) -> None:
    way = await Way.begin(store, everything_to_people())
    with pytest.raises(r.AnotherPolicy):
        await way.edit(bent("refund", version=2))
    with pytest.raises(r.AnotherPolicy):
        await way.edit(bent(version=2, tenant="acme"))


async def test_tenants_are_kept_apart(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    local = Caller("p-local", frozenset({"policy_author"}), frozenset({"acme"}))
    with pytest.raises(s.RoleMissing):
        await Way.begin(store, everything_to_people(), local)
    foreign = await Way.begin(store, everything_to_people())
    with pytest.raises(r.DraftUnknown):
        await foreign.edit(bent(version=3), local)
    own = await Way.begin(store, bent(version=1, tenant="acme"), local)
    assert (await own.draft()).tenant == "acme"
    assert [one.tenant for one in await store.drafts(tenants=["acme"], state=None, after=None, limit=9)] == ["acme"]


async def test_going_back_takes_the_same_way(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    await (await Way.approved(store, everything_to_people())).publish()
    assert await level(replica, "under 2") == 3
    with pytest.raises(r.AlreadyInForce):
        await Way.back(store, everything_to_people())
    with pytest.raises(r.PolicyUnknown):
        await Way.back(store, bent(version=9))
    way = await Way.back(store, shipped(), BEA)
    with pytest.raises(r.DraftFixed):
        await way.edit(bent(version=3), BEA)
    await way.test()
    await way.replay()
    with pytest.raises(s.OwnWork):
        await way.approve(BEA)
    await way.approve(PETRA)
    await way.publish(BEA)
    assert await level(replica, "under 1 again") == 1
    control = await in_force(pool)
    assert (control["revision"], control["state"]["sha256"]) == (3, shipped().policy.sha256)
    last = (await activities(pool))[-1]
    assert (last["kind"], last["body"]["version"], last["body"]["previous_version"]) == ("policy.rolled_back", 1, 2)


async def test_a_file_never_undoes_what_people_published(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    await (await Way.approved(store, everything_to_people(version=5))).publish()
    back = await Way.back(store, shipped())
    await back.test()
    await back.replay()
    await back.approve()
    await back.publish()
    for version in (1, 2, 5):
        policy = {1: shipped(), 2: bent(version=2), 5: everything_to_people(version=5)}[version]
        await publish_files(store, [(Path("loan_application.yaml"), policy)])
        assert (await in_force(pool))["state"]["version"] == 1
    await publish_files(store, [(Path("loan_application.yaml"), bent(version=6))])
    assert (await in_force(pool))["state"]["version"] == 6


async def test_a_list_made_later_bars_what_is_new_and_no_way_back(
    replica: Replica, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    types = narrow(queues=frozenset({"loans"}))
    file = tmp_path / "loan_application.yaml"
    file.write_bytes(shipped_bytes())
    await publish_files(store, read_policies(tmp_path, types, system_clock()))
    assert await level(Replica(store, types=types), "after the list") == 1
    assert "routes on: queues.default" in caplog.text
    file.write_bytes(bent(version=2).data)
    with pytest.raises(PolicyRefused, match=r"loan_application.yaml: queues.default \(line \d+.*not among the queues"):
        await publish_files(store, read_policies(tmp_path, types, system_clock()))
    named = uuid4()
    with pytest.raises(PolicyRefused, match="not among the queues"):
        await drafting.draft(store, types, data=bent(version=2).data, reason="new", caller=ANTON, draft_id=named)
    await (await Way.approved(store, everything_to_people(version=5))).publish()
    back = await Way.back(store, shipped())
    back.types = types
    await back.test()
    await back.replay()
    await back.approve()
    await back.publish()
    assert await level(Replica(store, types=types), "back again") == 1


async def test_a_request_has_its_effect_once(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    once = Once("key-1", "a" * 64)
    first = await Way.begin(store, everything_to_people(), once=once)
    again = await Way.begin(store, everything_to_people(), once=once)
    assert again.draft_id == first.draft_id
    assert await pool.fetchval("SELECT count(*) FROM policy_drafts") == 1
    with pytest.raises(KeyReused):
        await Way.begin(store, everything_to_people(), once=Once("key-1", "b" * 64))
    await first.test()
    await first.replay()
    await first.approve()
    publish = Once("key-2", "c" * 64)
    await first.publish(once=publish)
    await first.publish(once=publish)
    assert (await in_force(pool))["revision"] == 2
    # Another person's key of the same name is another key.
    other = Caller("p-other", ANTON.roles, ANTON.tenants)
    assert (await Way.begin(store, bent(version=3), other, once=once)).draft_id != first.draft_id


async def test_nothing_happens_to_a_draft_that_is_not_there(replica: Replica, store: Store) -> None:
    way = Way(store, uuid4())
    with pytest.raises(r.DraftUnknown):
        await way.approve(sha256="a" * 64)
    with pytest.raises(r.DraftUnknown):
        await way.test(sha256="a" * 64)
    with pytest.raises(r.DraftUnknown):
        await way.publish(sha256="a" * 64)
