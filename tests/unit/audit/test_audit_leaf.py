"""Leaves: what they show, what they never show, and the form they keep whatever comes in."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign_audit.domain.commitments import CommitmentKey, derive_keys
from countersign_audit.domain.profile import MAX_LEAF_BYTES, leaf_problem, per_million
from countersign_audit.encoding import encode
from countersign_audit.handlers import topics
from countersign_audit.verifying.entries import profile_problem
from countersign_shared.messaging import Record
from tests.unit.audit.records import (
    DEAD_LETTERS,
    NAMES,
    TIME,
    all_examples,
    example,
    from_example,
    leaves,
    letter,
    one_case,
    record,
)

TOPICS = tuple(name for name in topics() if name != DEAD_LETTERS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
SECRET = "Zoë Müller zoe@example.org"


def leaf(topic: str, body: dict[str, Any], **kept: Any) -> dict[str, Any]:
    (made,) = leaves(record(topic, body, event_id="e-1", **kept))
    assert leaf_problem(made) is None
    assert profile_problem(made) is None
    return orjson.loads(made)


def parts(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += parts(item, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value[path[0]], path[1:], new)}
    return [replaced(item, path[1:], new) if at == path[0] else item for at, item in enumerate(value)]


EXAMPLES = dict(all_examples())


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_committed_example_becomes_a_leaf_of_the_profile(path: str) -> None:
    said = leaf(path.split("/", maxsplit=1)[0], EXAMPLES[path])
    assert said["occurred_at"] == TIME
    assert said["event_id"] == "e-1"
    assert said["actor"]["kind"] != "unknown"
    assert not {"cut", "malformed"} & set(said)
    assert re.fullmatch("[0-9a-f]{64}", said["commitments"]["record"])
    assert said["kind"] == (
        EXAMPLES[path]["kind"] if path.startswith("activity.recorded") else path.split("/", maxsplit=1)[0]
    )


def test_a_case_leaves_the_fields_that_an_auditor_asks_for() -> None:
    created, scored, routed, decided = [orjson.loads(made) for made in leaves(*one_case())]
    cases = {said["case"] for said in (created, scored, routed, decided)}
    assert len(cases) == 1
    assert "loan-7" not in str((created, scored, routed, decided))
    assert [said.get("previous") for said in (created, scored, routed, decided)] == [None, 0, 1, 2]
    assert {said["subject_key"] for said in (created, scored, routed, decided)} == {f"{cases.pop()}.1"}
    assert scored["confidence_ppm"] == per_million(
        example("case.scored/loan_application.json")["proposal"]["confidence"]
    )
    assert scored["model"]["artifact_sha256"]
    assert set(scored["commitments"]) == {"record", "input", "output", "explanation"}
    assert routed["level"] == 2
    assert routed["policy"]["version"] == 7
    assert routed["thresholds"]["high_ppm"] > routed["thresholds"]["medium_ppm"]
    assert routed["sampling"]["audit_ppm"] == 100_000
    assert routed["reasons"]
    assert decided["mode"] == "automatic"
    assert decided["relation"] == "agreed"
    assert decided["decided_at"]
    assert decided["routing"]["tier"] == "low"
    assert decided["sequence"] == 2


def test_a_persons_decision_names_pseudonym_role_and_authority_and_commits_to_what_was_shown() -> None:
    body = example("decision.made/loan_application.overrode.json")
    said = leaf("decision.made", body)
    decider = body["deciders"][-1]
    assert said["actor"] == {"kind": "person", "id": decider["pseudonym"], "role": decider["role"]}
    assert said["deciders"][-1]["pseudonym"] == decider["pseudonym"]
    assert said["deciders"][-1]["blind"] is decider["blind"]
    assert said["deciders"][-1]["authority"] == decider["authority"]
    assert len(said["commitments"]["shown"]) == len(body["binding"]["shown_sha256"])
    assert said.get("principal_reasons", []) == [reason["code"] for reason in body["principal_reasons"]]
    text = orjson.dumps(said).decode()
    for hidden in (body["outcome"], body["binding"]["payload_sha256"], body["binding"]["shown_sha256"][0]):
        assert f'"{hidden}"' not in text


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("name", "path", "new", "label"),
    [
        ("decision.made/loan_application.overrode", ("binding", "payload_sha256"), DIGEST, "input"),
        ("decision.made/loan_application.overrode", ("binding", "shown_sha256"), [DIGEST], "shown"),
        ("decision.made/loan_application.overrode", ("binding", "execute_sha256"), DIGEST, "execute"),
        ("decision.made/loan_application.overrode", ("outcome",), "decline", "output"),
        ("decision.made/loan_application.overrode", ("outcome_params", "loan_amount"), "1.00", "output"),
        ("case.scored/loan_application", ("payload_sha256",), DIGEST, "input"),
        ("case.routed/loan_application.level2", ("payload_sha256",), DIGEST, "input"),
        ("activity.recorded/case.rejected", ("body", "record_sha256"), DIGEST, "rejected"),
        ("activity.recorded/review.claimed", ("body", "shown_sha256"), DIGEST, "shown"),
        ("activity.recorded/review.answered_blind", ("body", "shown_sha256"), DIGEST, "shown"),
        ("activity.recorded/review.answered_blind", ("body", "outcome"), "decline", "output"),
        ("activity.recorded/review.information_provided", ("body", "evidence_sha256"), DIGEST, "evidence"),
    ],
)
def test_what_an_entry_is_bound_to_cannot_change_without_its_commitment(
    name: str, path: tuple[str, ...], new: Any, label: str
) -> None:
    topic, body = name.split("/", maxsplit=1)[0], example(f"{name}.json")
    before, after = (leaf(topic, one)["commitments"] for one in (body, replaced(body, path, new)))
    assert {one for one in before if before[one] != after[one]} == {label, "record"}


def test_who_decided_last_is_the_actor_and_who_signed_is_named() -> None:
    body = example("decision.made/loan_application.overrode.json")
    last = body["deciders"][-1] | {"pseudonym": "rv-last"}
    assert leaf("decision.made", body | {"deciders": [*body["deciders"], last]})["actor"]["id"] == "rv-last"
    for path, changed in EXAMPLES.items():
        if path.startswith("control.changed"):
            said = leaf("control.changed", changed)
            assert said.get("signatures", []) == [one["pseudonym"] for one in changed["signatures"]]
            assert said["control"].get("kind") == changed["kind"]
            assert said["control"].get("decision_type") == changed["decision_type"]
            assert said.get("active") == changed["state"].get("active")


def test_long_lists_are_cut_and_the_leaf_says_so() -> None:
    body = example("decision.made/loan_application.overrode.json")
    reasons = [{"code": "p1", "text": "x"}]
    assert leaf("decision.made", body | {"principal_reasons": reasons})["principal_reasons"] == ["p1"]
    for name, most, item in (("deciders", 10, body["deciders"][0]), ("tags", 64, "teach")):
        whole, cut = (leaf("decision.made", body | {name: [item] * count}) for count in (most, most + 1))
        assert (len(whole[name]), whole.get("cut")) == (most, None)
        assert (len(cut[name]), cut.get("cut")) == (most, True)


@pytest.mark.parametrize("purpose", ["audit", "blind", "human_only", "thin", "seed"])
def test_every_draw_is_told_with_its_chance(purpose: str) -> None:
    body = example("case.routed/loan_application.level2.json")
    body["sampling"] |= {purpose: {"selected": True, "probability": 0.25}}
    told = leaf("case.routed", body)["sampling"]
    assert (told[purpose], told[f"{purpose}_ppm"]) == (True, 250_000)


def test_the_same_input_has_the_same_commitment_all_along_a_case() -> None:
    body = example("case.created/loan_application.json")
    made = record("case.created", body, event_id="a")
    digest = __import__("hashlib").sha256(made.value or b"").hexdigest()
    scored = example("case.scored/loan_application.json") | {"payload_sha256": digest}
    first, second = [orjson.loads(one) for one in leaves(made, record("case.scored", scored, event_id="b"))]
    assert first["commitments"]["input"] == second["commitments"]["input"]


def test_commitments_of_two_cases_with_the_same_content_tell_nothing_about_each_other() -> None:
    one, other = one_case("a")[0], one_case("b")[0]
    first, second = [orjson.loads(made) for made in leaves(one, other, random=secrets.token_bytes)]
    assert first["commitments"]["input"] != second["commitments"]["input"]


def test_leaves_are_the_same_bytes_for_the_same_records() -> None:
    records = [from_example(path, offset) for offset, path in enumerate(EXAMPLES)]
    assert leaves(*records) == leaves(*records)


def test_a_traceparent_gives_the_trace_and_nothing_else() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    body = example("case.created/refund.json")
    traced = leaf("case.created", body, traceparent=f"00-{trace}-b7ad6b7169203331-01".encode())
    assert traced["trace_id"] == trace
    assert "trace_id" not in leaf("case.created", body, traceparent=b"00-" + SECRET.encode())
    bare = leaf("case.created", body)
    assert traced["commitments"] == bare["commitments"]


FREE_TEXT = re.compile(
    r"title|note|other_text|text|summary|grounds|reason|comment|question|legal_basis|purpose|disclosure|detail"
    r"|submitted_by|why_lower|formatted|value|label|source|url|outcome|final_outcome"
)
FREE_OBJECTS = {"payload", "data", "outcome_params", "explanation", "state", "values_read"}


@pytest.mark.parametrize("path", EXAMPLES)
def test_nothing_personal_gets_into_a_leaf_wherever_it_is_put(path: str) -> None:
    topic, body = path.split("/", maxsplit=1)[0], EXAMPLES[path]
    places = parts(body)[1:]
    records = [record(topic, replaced(body, place, SECRET), event_id=f"e-{at}") for at, place in enumerate(places)]
    for place, made in zip(places, leaves(*records), strict=True):
        assert leaf_problem(made) is None, place
        assert b"example.org" not in made, place
        assert b"ller" not in made, place


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_single_word_stays_out_of_the_leaf_when_it_is_put_into_a_free_text(path: str) -> None:
    topic, body = path.split("/", maxsplit=1)[0], EXAMPLES[path]
    places = [place for place in parts(body)[1:] if _is_free(place)]
    word = "Featherstonehaugh"
    records = [record(topic, replaced(body, place, word), event_id=f"e-{at}") for at, place in enumerate(places)]
    for place, made in zip(places, leaves(*records), strict=True):
        assert word.encode() not in made, place


def _is_free(place: tuple[Any, ...]) -> bool:
    names = [step for step in place if isinstance(step, str)]
    code = names[-2:] == ["abstained", "reason"] or ("state" in names and names[-1] in {"active", "expires_at"})
    return not code and (FREE_TEXT.fullmatch(names[-1]) is not None or bool(FREE_OBJECTS & set(names)))


@given(topic=st.sampled_from(TOPICS), body=st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_any_object_becomes_a_leaf_of_the_profile(topic: str, body: dict[str, Any]) -> None:
    try:
        data = orjson.dumps(body)
    except TypeError:  # an integer of more than 64 bits cannot be written
        return
    (made,) = leaves(record(topic, data, event_id="e"))
    assert leaf_problem(made) is None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), path=st.sampled_from(sorted(EXAMPLES)))
def test_any_value_in_any_place_of_an_event_keeps_the_profile(data: st.DataObject, path: str) -> None:
    body = EXAMPLES[path]
    place = data.draw(st.sampled_from(parts(body)[1:]))
    try:
        value = orjson.dumps(replaced(body, place, data.draw(JSON)))
    except TypeError:
        return
    (made,) = leaves(record(path.split("/", maxsplit=1)[0], value, event_id="e"))
    assert leaf_problem(made) is None
    assert profile_problem(made) is None


@given(
    value=st.binary(max_size=200),
    headers=st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=20)), max_size=5),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**53 - 1),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_becomes_a_leaf(
    value: bytes, headers: list[tuple[str, bytes]], partition: int, offset: int, timestamp: int
) -> None:
    try:
        orjson.dumps([name for name, _ in headers])
    except TypeError:  # a lone surrogate, which no Kafka client can decode out of a header's name
        return
    for topic in topics():
        one = Record(topic, partition, offset, timestamp, None, value, tuple(headers))
        first, again = leaves(one), leaves(one)
        assert first == again
        assert leaf_problem(first[0]) is None


def test_an_unreadable_record_is_opaque_and_named_after_place_and_bytes() -> None:
    broken = Record("case.created", 1, 2, 3, b"k", b"{not json", ())
    (made,) = leaves(broken)
    said = orjson.loads(made)
    assert said["kind"] == "log.unreadable"
    assert said["reason"] in {"missing_attribute", "malformed_json"}
    assert said["record"] == {"partition": 1, "offset": 2, "timestamp_ms": 3}
    assert b"not json" not in made
    (elsewhere,) = leaves(Record("case.created", 1, 3, 3, b"k", b"{not json", ()))
    assert orjson.loads(elsewhere)["event_id"] != said["event_id"]


def test_a_broken_body_under_a_readable_id_keeps_its_id() -> None:
    (made,) = leaves(record("case.created", b"[1]", event_id="known"))
    assert orjson.loads(made)["event_id"] == "known"
    assert orjson.loads(made)["kind"] == "log.unreadable"


def test_a_dead_letter_says_who_could_not_read_what_and_why() -> None:
    (made,) = leaves(letter(Record("case.created", 1, 2, 3, b"k", SECRET.encode(), (("ce_id", b"x"),))))
    said = orjson.loads(made)
    assert said["kind"] == DEAD_LETTERS
    assert said["dead_letter"] == {"reason": "malformed_json", "topic": "case.created", "partition": "1", "offset": "2"}
    assert said["actor"] == {"kind": "service", "id": "inference"}
    assert b"example.org" not in made


def test_facts_without_end_are_cut_and_the_leaf_says_so() -> None:
    many = [{"code": f"reason-{number:04d}-" + "x" * 100, "text": "t"} for number in range(500)]
    said = leaf("case.routed", example("case.routed/loan_application.level4.json") | {"reasons": many})
    assert said["cut"] is True
    assert len(said["reasons"]) == 64
    huge = example("case.created/refund.json") | {"decision_type": "d" * 100_000}
    (made,) = leaves(record("case.created", huge, event_id="x" * 1000))
    assert len(made) <= MAX_LEAF_BYTES
    assert leaf_problem(made) is None


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b'{"b":1,"a":2,"schema":"countersign.audit.leaf/1"}', "sorted"),
        (b'{"a":1,"a":2,"schema":"countersign.audit.leaf/1"}', "twice"),
        (b'{"a":1.5,"schema":"countersign.audit.leaf/1"}', "integer"),
        (b'{"a":1e3,"schema":"countersign.audit.leaf/1"}', "integer"),
        (b'{"a":[{"b":9007199254740992}],"schema":"countersign.audit.leaf/1"}', "too large"),
        ('{"a":"é","schema":"countersign.audit.leaf/1"}'.encode(), "ASCII"),
        (b'{"a":NaN,"schema":"countersign.audit.leaf/1"}', ""),
        (b"[]", "object"),
        (b"{}", "schema"),
        (b"{", ""),
        (b'{"a": 1,"schema":"countersign.audit.leaf/1"}', ""),
        (b'{"a":"' + b"x" * 65_536 + b'"}', "longer"),
        (b'{"a":[' + b"1," * 32_768 + b'1],"schema":"countersign.audit.leaf/1"}', "longer"),
    ],
)
def test_what_breaks_the_profile_is_named(bad: bytes, why: str) -> None:
    assert why in (profile_problem(bad) or "NOT FOUND")
    if why:
        assert why in (leaf_problem(bad) or "NOT FOUND")


@given(JSON)
def test_encoding_is_ascii_and_the_same_whatever_the_order_of_keys(value: Any) -> None:
    try:
        made = encode(value)
    except TypeError:
        return
    assert made.isascii()
    if isinstance(value, dict):
        assert encode(dict(reversed(value.items()))) == made


def test_keys_derive_as_hkdf_says() -> None:
    from cryptography.hazmat.primitives.hashes import SHA512
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    info = b"countersign audit payload and commitment keys v1"
    expected = HKDFExpand(algorithm=SHA512(), length=64, info=info).derive(b"d" * 32)
    assert derive_keys(b"d" * 32) == expected


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["input", "output"]), st.binary(max_size=300))
def test_commitments_are_what_the_standard_library_calls_hmac(key: bytes, label: str, data: bytes) -> None:
    expected = hmac.new(key, label.encode() + b"\x00" + data, "sha256").hexdigest()
    assert CommitmentKey(key)(label, data) == expected


def test_pseudonyms_do_not_run_together() -> None:
    assert NAMES.case("ab", "c") != NAMES.case("a", "bc")
    assert NAMES.case("a", "b") != NAMES.subject("a", "b")
    assert NAMES.word("loan_application") == "loan_application"
    assert NAMES.word(SECRET) == NAMES.word(NAMES.word(SECRET))
    assert NAMES.hidden("x") != "x"


@pytest.mark.parametrize("tenant", ["a:b", "t" * 65, "", "a/b", 7])
def test_audit_what_no_service_takes_for_a_tenant_is_nobodys_case(tenant: object) -> None:
    # An erasure could not name it.
    made = leaf("case.created", example("case.created/loan_application.json") | {"tenant": tenant})
    assert (made.get("tenant"), made.get("case")) == (None, None)
