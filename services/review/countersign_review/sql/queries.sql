-- What comes in from topics. One statement a table and batch; rows come sorted by key.

-- name: insert_cases
-- The number of rows tells whether the batch held a repeat.
INSERT INTO cases (tenant, case_id, decision_type, subject_ref, title, level, partition, event_id, routed_at, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::integer[],
                     $8::text[], $9::timestamptz[], $10::bytea[])
ON CONFLICT DO NOTHING;

-- name: insert_decisions
INSERT INTO decisions (tenant, case_id, decision_id, supersedes, outcome, outcome_params, closed_as, mode, relation,
                       decided_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[],
                     $9::text[], $10::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: other_decisions
-- Decisions that came although the case already had a different one: a broken promise somewhere, worth an alarm.
SELECT d.tenant, d.case_id, d.decision_id AS kept, k.decision_id AS refused
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS k (tenant, case_id, decision_id, supersedes)
JOIN decisions AS d ON d.tenant = k.tenant AND d.case_id = k.case_id AND d.supersedes IS NOT DISTINCT FROM k.supersedes
WHERE d.decision_id <> k.decision_id;

-- name: insert_counters
INSERT INTO case_counters (tenant, case_id, partition)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[])
ON CONFLICT DO NOTHING;

-- name: insert_reviews
-- Lists arrive as text with a unit separator between the items: unnest would flatten arrays of arrays.
INSERT INTO reviews (review_id, tenant, case_id, kind, state, queue, decision_type, subject_ref, title, reason,
                     withheld, level, tier_rank, priority, amount, currency, skills, roles, language, submitted_by,
                     reviewers_required, created_at, due_at, at_risk_at, due_minute, payload_sha256, test)
SELECT review_id, tenant, case_id, kind, 'waiting', queue, decision_type, subject_ref, title, reason,
       withheld, level, tier_rank, priority, amount, currency, string_to_array(skills, E'\x1f'),
       string_to_array(roles, E'\x1f'), language, submitted_by,
       reviewers_required, $25, due_at, at_risk_at, floor(extract(epoch FROM due_at) / 60), payload_sha256, test
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::boolean[], $11::smallint[], $12::smallint[], $13::integer[], $14::numeric[], $15::text[], $16::text[],
            $17::text[], $18::text[], $19::text[], $20::smallint[], $21::timestamptz[], $22::timestamptz[],
            $23::text[], $24::boolean[])
     AS r (review_id, tenant, case_id, kind, queue, decision_type, subject_ref, title, reason,
           withheld, level, tier_rank, priority, amount, currency, skills, roles, language, submitted_by,
           reviewers_required, due_at, at_risk_at, payload_sha256, test)
ON CONFLICT DO NOTHING;

-- name: insert_updates
INSERT INTO updates (tenant, case_id, source, event_id, kind, received_at, body)
SELECT tenant, case_id, source, event_id, kind, $7, body
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
     AS u (tenant, case_id, source, event_id, kind, body)
ON CONFLICT DO NOTHING;

-- name: pending_updates_of
-- Updates of these cases that can be applied now.
SELECT u.tenant, u.case_id, u.source, u.event_id, u.kind, u.body, u.received_at
FROM unnest($1::text[], $2::text[]) AS k (tenant, case_id)
JOIN updates AS u USING (tenant, case_id)
JOIN cases AS c USING (tenant, case_id)
WHERE u.applied_at IS NULL
ORDER BY u.tenant, u.case_id, u.arrival
FOR UPDATE OF u;

-- name: pending_updates
-- The same for every case: an update and its case may arrive in two transactions that do not see each other. None is left
-- until later than $3: that was said under a clock that ran ahead. Those that have waited longest come first: what can
-- never be applied is tried again and again, and must keep nobody else's waiting.
WITH longest AS (
    SELECT u.tenant, u.case_id, u.source, u.event_id, u.kind, u.body, u.received_at, u.arrival
    FROM updates AS u JOIN cases AS c USING (tenant, case_id)
    WHERE u.applied_at IS NULL AND (u.try_at IS NULL OR u.try_at <= $2 OR u.try_at > $3)
    ORDER BY coalesce(u.try_at, u.received_at), u.tenant, u.case_id, u.arrival
    LIMIT $1
    FOR UPDATE OF u SKIP LOCKED
)
SELECT tenant, case_id, source, event_id, kind, body, received_at FROM longest ORDER BY tenant, case_id, arrival;

-- name: mark_update_applied
UPDATE updates SET applied_at = $5 WHERE tenant = $1 AND case_id = $2 AND source = $3 AND event_id = $4;

-- name: lock_open_reviews
-- Reviews are locked before counters, everywhere.
SELECT review_id, state, kind, queue, level, payload_sha256, revision FROM reviews
WHERE tenant = $1 AND case_id = $2 AND kind <> 'seed' AND open
ORDER BY review_id FOR UPDATE;

-- name: lock_reviews_of
-- The answered ones, too: whoever is taking such an answer back is done then, and whoever comes now sees what follows.
SELECT open FROM reviews WHERE tenant = $1 AND case_id = $2 AND kind <> 'seed' ORDER BY review_id FOR UPDATE;

-- name: case_of_update
SELECT c.body, c.event_id, c.partition, c.level,
       (SELECT d.decision_id FROM decisions AS d
        WHERE d.tenant = c.tenant AND d.case_id = c.case_id AND d.supersedes IS NULL) AS decision_id
FROM cases AS c WHERE c.tenant = $1 AND c.case_id = $2;

-- name: withdraw_review
WITH ended AS (
    UPDATE claims SET state = 'withdrawn', version = version + 1, ended_at = $2
    WHERE review_id = $1 AND state = 'held'
)
UPDATE reviews SET state = 'withdrawn' WHERE review_id = $1;

-- name: end_decided
-- Reviews whose case a person decided, or that ended without an outcome, in an hour that a restore has lost: the decision
-- came back from its topic, and the case that was routed again, before or after, must not ask for another. Not what was
-- opened about a decision.
WITH over AS (
    SELECT r.review_id, CASE d.closed_as WHEN 'decided' THEN 'decided' ELSE 'withdrawn' END AS state
    FROM unnest($2::text[], $3::text[]) AS k (tenant, case_id)
    JOIN reviews AS r USING (tenant, case_id) JOIN decisions AS d USING (tenant, case_id)
    WHERE r.open AND r.kind = 'decision' AND r.opened_for IS NULL AND r.supersedes IS NULL
      AND d.supersedes IS NULL AND (d.mode <> 'automatic' OR d.closed_as <> 'decided')
    ORDER BY r.review_id FOR UPDATE OF r
), ended AS (
    UPDATE claims SET state = 'withdrawn', version = version + 1, ended_at = $1
    WHERE review_id IN (SELECT review_id FROM over) AND state = 'held'
)
UPDATE reviews SET state = over.state FROM over WHERE reviews.review_id = over.review_id;

-- name: revise_evidence
-- Open claims become stale: their version moves, and so does the digest a decision must quote. Opinions given on what
-- was known before count no more, and whoever gave them may answer again.
WITH stale AS (
    UPDATE claims SET version = version + 1 WHERE review_id = $1 AND state = 'held'
), lapsed AS (
    UPDATE answers SET lapsed_at = $3
    WHERE review_id = $1 AND part = 'opinion' AND undone_at IS NULL AND lapsed_at IS NULL
    RETURNING reviewer
)
UPDATE reviews
SET payload_sha256 = $2, revision = revision + 1, state = $4, stage = 'first',
    excluded = ARRAY(SELECT unnest(excluded) EXCEPT SELECT reviewer FROM lapsed)
WHERE review_id = $1;

-- name: change_deadline
-- What upstream has taken to answer by now ($4) is behind it: only what it takes from here on moves the new one.
UPDATE reviews SET due_at = $3, at_risk_at = LEAST(at_risk_at, $3), due_minute = floor(extract(epoch FROM $3) / 60),
                   asked_at = CASE WHEN asked_at IS NOT NULL THEN $4::timestamptz END
WHERE tenant = $1 AND case_id = $2 AND kind IN ('decision', 'reversal') AND open;

-- name: events_that_left
-- What this service said about these cases and what is no longer waiting to leave.
SELECT e.topic, e.partition, e.case_id, e.body, e.headers
FROM unnest($1::text[], $2::text[]) AS k (tenant, case_id)
JOIN events AS e USING (tenant, case_id)
WHERE NOT EXISTS (SELECT FROM outbox AS o WHERE o.event_id = e.event_id)
ORDER BY e.tenant, e.case_id, e.sequence;

-- name: stored_bodies
SELECT tenant, case_id, body FROM unnest($1::text[], $2::text[]) AS k (tenant, case_id) JOIN cases USING (tenant, case_id);

-- What goes out.

-- name: take_numbers
-- Locks the case's row until the transaction ends, and gives the first of $3 numbers.
UPDATE case_counters SET next = next + $3 WHERE tenant = $1 AND case_id = $2
RETURNING next - $3 AS first, partition;

-- name: lock_counter
SELECT partition FROM case_counters WHERE tenant = $1 AND case_id = $2 FOR UPDATE;

-- name: insert_events
-- Stored and queued in one statement, in the order given; the case's row is locked, so ids follow commits.
WITH said AS (
    SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],
                         $8::timestamptz[])
                  WITH ORDINALITY AS e (event_id, sequence, topic, kind, actor, body, headers, not_before, place)
), told AS (
    -- What people who look at the desk are told of it is that something changed; times go with the answer they belong to.
    INSERT INTO live (kind, tenant, case_id) SELECT kind, $9, $10 FROM said WHERE kind <> 'review.timed'
), stored AS (
    INSERT INTO events (event_id, tenant, case_id, sequence, topic, kind, actor, at, partition, body, headers)
    SELECT event_id, $9, $10, sequence, topic, kind, actor, $11, $12, body, headers FROM said ORDER BY place
)
INSERT INTO outbox (event_id, topic, partition, key, body, headers, not_before)
SELECT event_id, topic, $12, $13, body, headers, not_before FROM said ORDER BY place
ON CONFLICT (event_id) DO NOTHING;

-- What is measured.

-- name: queue_figures
SELECT queue, count(*) AS depth, min(created_at) AS oldest, count(*) FILTER (WHERE due_at < $1) AS overdue
FROM reviews WHERE state = 'waiting' GROUP BY queue;

-- name: open_figures
SELECT decision_type, state, count(*) AS cases FROM reviews
WHERE open AND NOT test GROUP BY decision_type, state;

-- name: count_unassignable
SELECT count(*) FROM reviews AS r
WHERE r.state = 'waiting'
  AND NOT EXISTS (SELECT FROM users AS u
                  WHERE u.disabled_at IS NULL AND u.roles && ARRAY['reviewer', 'lead'] AND eligible(u, r));
