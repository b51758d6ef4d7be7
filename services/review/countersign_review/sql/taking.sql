-- Giving reviews to people: several at once, in one transaction.

-- name: next
SELECT t.place, t.held, (t.review).*, t.number, t.destination, t.arrival, t.body, t.routed_event_id
FROM take_next($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6, $7) AS t;

-- name: number
-- The case of one review, and the number of the event that says it was taken.
WITH numbered AS (
    UPDATE case_counters SET next = next + 1 WHERE tenant = $1 AND case_id = $2 RETURNING next - 1 AS number, partition
)
SELECT c.body, c.event_id AS routed_event_id, c.arrival, n.number, n.partition AS destination
FROM cases AS c CROSS JOIN numbered AS n WHERE c.tenant = $1 AND c.case_id = $2;

-- name: claim_named
UPDATE reviews SET state = 'claimed' WHERE review_id = $1;

-- name: write
-- Holds with what was shown first, the events that say so, and what leaves, in the order given: the rows of the cases are
-- locked, so ids follow commits. $14 is now, $15 when the holds end.
WITH taken AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::bytea[], $7::text[],
                         $8::text[], $9::text[], $10::integer[], $11::integer[], $12::bytea[], $13::bytea[])
                  WITH ORDINALITY AS t (claim_id, review_id, reviewer, revision, sha256, package, event_id, tenant,
                                        case_id, sequence, partition, body, headers, place)
), unskipped AS (
    DELETE FROM skips AS s USING taken AS t WHERE s.reviewer = t.reviewer AND s.review_id = t.review_id
), held AS (
    INSERT INTO claims (claim_id, review_id, reviewer, state, claimed_at, lease_expires_at)
    SELECT claim_id, review_id, reviewer, 'held', $14::timestamptz, $15::timestamptz FROM taken
), shown AS (
    INSERT INTO shown (claim_id, number, revision, sha256, shown_at, package)
    SELECT claim_id, 1, revision, sha256, $14, package FROM taken
), told AS (
    INSERT INTO live (kind, tenant, case_id) SELECT 'review.claimed', tenant, case_id FROM taken
), stored AS (
    INSERT INTO events (event_id, tenant, case_id, sequence, topic, kind, actor, at, partition, body, headers)
    SELECT event_id, tenant, case_id, sequence, 'activity.recorded', 'review.claimed', reviewer, $14, partition, body,
           headers
    FROM taken ORDER BY place
)
INSERT INTO outbox (event_id, topic, partition, key, body, headers, not_before)
SELECT event_id, 'activity.recorded', partition, convert_to(case_id, 'UTF8'), body, headers, $14 FROM taken ORDER BY place;
