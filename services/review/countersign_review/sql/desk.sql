-- Queues and claims. $2 is always the caller's own scope of tenants, which a key may narrow.

-- name: queues
-- Only what this reviewer could take is counted, among the $4 most urgent of each queue: to a person "many" is as good
-- as a number, and counting all of them would cost more the longer the queue is. Where none of those is for them, the
-- rest is asked whether any is.
WITH RECURSIVE named AS (
    (SELECT queue FROM reviews WHERE state = 'waiting' ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT r.queue FROM reviews AS r WHERE r.state = 'waiting' AND r.queue > named.queue
            ORDER BY r.queue LIMIT 1)
    FROM named WHERE named.queue IS NOT NULL
), counted AS (
    SELECT n.queue, k.*
    FROM users AS u
    CROSS JOIN named AS n
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE mine) AS depth, min(created_at) FILTER (WHERE mine) AS oldest,
               count(*) FILTER (WHERE mine AND due_at <= $3::timestamptz + interval '1 hour') AS due_within_hour,
               count(*) = $4 AS more
        FROM (SELECT r.created_at, r.due_at,
                     eligible(u, r) AND trained(u, $3) AND ('*' = ANY ($2::text[]) OR r.tenant = ANY ($2))
                     AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                                     AND s.review_id = r.review_id AND s.until > $3) AS mine
              FROM reviews AS r
              WHERE r.queue = n.queue AND r.state = 'waiting'
              ORDER BY r.due_minute, r.tier_rank DESC, r.priority DESC, r.review_id
              LIMIT $4) AS most_urgent
    ) AS k
    WHERE u.username = $1 AND n.queue IS NOT NULL
)
SELECT queue, depth, oldest, due_within_hour, more FROM counted WHERE depth > 0
UNION ALL
SELECT c.queue, 1, r.created_at, 0, true
FROM counted AS c
CROSS JOIN LATERAL (
    SELECT r.created_at FROM users AS u JOIN reviews AS r ON eligible(u, r) AND trained(u, $3)
    WHERE u.username = $1 AND r.queue = c.queue AND r.state = 'waiting'
      AND ('*' = ANY ($2::text[]) OR r.tenant = ANY ($2))
      AND NOT EXISTS (SELECT FROM skips AS s
                      WHERE s.reviewer = u.pseudonym AND s.review_id = r.review_id AND s.until > $3)
    LIMIT 1
) AS r
WHERE c.depth = 0 AND c.more
ORDER BY queue;

-- name: queue_items
-- Most urgent first, after the row that the cursor names.
SELECT r.review_id, r.case_id, r.tenant, r.decision_type, r.title, r.reason, r.due_at, r.at_risk_at,
       r.due_minute, r.tier_rank, r.priority, r.assigned_to, r.escalated
FROM users AS u JOIN reviews AS r ON eligible(u, r) AND trained(u, $3)
WHERE u.username = $1 AND r.queue = $4 AND r.state = 'waiting' AND ('*' = ANY ($2::text[]) OR r.tenant = ANY ($2))
  AND r.due_minute >= $5
  AND (r.due_minute, -r.tier_rank, -r.priority, r.review_id) > ($5::bigint, -$6::integer, -$7::integer, $8::text)
  AND NOT EXISTS (SELECT FROM skips AS s
                  WHERE s.reviewer = u.pseudonym AND s.review_id = r.review_id AND s.until > $3)
ORDER BY r.due_minute, r.tier_rank DESC, r.priority DESC, r.review_id
LIMIT $9;

-- name: held_items
SELECT r.review_id, r.case_id, r.tenant, r.decision_type, r.title, r.reason, r.due_at, r.at_risk_at,
       r.assigned_to, r.escalated
FROM claims AS c JOIN reviews AS r USING (review_id)
WHERE c.reviewer = $1 AND c.state = 'held' AND c.lease_expires_at > $2 AND r.queue = $3
ORDER BY c.claimed_at;

-- name: lock_reviewer
-- One claim at a time per reviewer, so that two requests cannot both pass the limit.
SELECT username FROM users WHERE username = $1 AND disabled_at IS NULL FOR NO KEY UPDATE;

-- name: count_held
-- A statement of its own: within the one that waits for the lock, a count would see the time before the wait.
SELECT count(*) FROM claims WHERE reviewer = $1 AND state = 'held' AND lease_expires_at > $2;

-- name: lock_review
SELECT * FROM reviews WHERE review_id = $1 FOR UPDATE;

-- name: case_body
SELECT body, event_id, partition FROM cases WHERE tenant = $1 AND case_id = $2;

-- name: evidence
SELECT kind, body, received_at FROM updates
WHERE tenant = $1 AND case_id = $2 AND kind = 'information_provided' AND applied_at IS NOT NULL
ORDER BY arrival;

-- name: questions_of
SELECT question_id, question FROM questions WHERE tenant = $1 AND case_id = $2;

-- name: handed_on
-- Who last passed a case on to somebody else, and why.
SELECT e.kind, e.body, u.display_name FROM events AS e LEFT JOIN users AS u ON u.pseudonym = e.actor
WHERE e.tenant = $1 AND e.case_id = $2 AND e.kind IN ('review.escalated', 'review.delegated')
ORDER BY e.sequence DESC LIMIT 1;

-- name: objections
-- What the affected person says against decisions on a case.
SELECT body, received_at FROM updates
WHERE tenant = $1 AND case_id = $2 AND kind = 'contested' AND applied_at IS NOT NULL
ORDER BY arrival;

-- name: decision
SELECT decision_id, outcome, outcome_params, mode, decided_at FROM decisions
WHERE tenant = $1 AND case_id = $2 AND decision_id = $3;

-- name: earlier_cases
-- Of the same subjects, newest first, $5 each; where an answer is still to be given unseen, the outcome stays unsaid.
SELECT k.place, c.tenant, c.case_id, c.decision_type, c.title, CASE WHEN c.title IS NULL THEN c.body END AS untitled,
       c.routed_at, c.level, d.outcome, d.closed_as,
       EXISTS (SELECT FROM reviews AS r
               WHERE r.tenant = c.tenant AND r.case_id = c.case_id AND r.open) AS review_open,
       EXISTS (SELECT FROM reviews AS r
               WHERE r.tenant = c.tenant AND r.case_id = c.case_id AND r.open AND r.veiled) AS answer_outstanding
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[]) AS k (place, subject_ref, tenant, case_id)
CROSS JOIN LATERAL (SELECT * FROM cases AS c
                    WHERE c.subject_ref = k.subject_ref AND c.tenant = k.tenant AND c.case_id <> k.case_id
                    ORDER BY c.arrival DESC LIMIT $5) AS c
LEFT JOIN LATERAL (SELECT outcome, closed_as FROM decisions AS d
                   WHERE d.tenant = c.tenant AND d.case_id = c.case_id
                   ORDER BY d.decided_at DESC LIMIT 1) AS d ON true
ORDER BY k.place, c.arrival DESC;

-- name: insert_shown
INSERT INTO shown (claim_id, number, revision, sha256, shown_at, package)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5 FROM shown WHERE claim_id = $1;

-- name: claim
SELECT c.claim_id, c.reviewer, c.state AS claim_state, c.version, c.claimed_at, c.opened_at, c.lease_expires_at, r.*,
       s.sha256 AS shown_sha256, s.revision AS shown_revision, s.redacted_at, s.package, k.body,
       k.event_id AS routed_event_id,
       (SELECT a.said FROM answers AS a
        WHERE a.claim_id = c.claim_id AND a.part = 'blind' AND a.undone_at IS NULL) AS blind_said,
       ARRAY(SELECT sha256 FROM shown WHERE shown.claim_id = c.claim_id ORDER BY number) AS shown_sha256_all
FROM claims AS c JOIN reviews AS r USING (review_id)
JOIN cases AS k ON k.tenant = r.tenant AND k.case_id = r.case_id
JOIN LATERAL (SELECT sha256, revision, redacted_at, package FROM shown
              WHERE shown.claim_id = c.claim_id ORDER BY number DESC LIMIT 1) AS s ON true
WHERE c.claim_id = $1 AND c.reviewer = $2;

-- name: lock_claim
-- The review's row is the one lock of everything about it; its claims change only under that lock. The claim is locked
-- too, because only locked rows are read anew after a wait.
SELECT c.claim_id, c.reviewer, c.state AS claim_state, c.version, c.claimed_at, c.opened_at, c.lease_expires_at, r.*
FROM claims AS c JOIN reviews AS r USING (review_id)
WHERE c.claim_id = $1 AND c.reviewer = $2
FOR UPDATE OF r, c;

-- name: claims_of
SELECT c.claim_id, c.version, c.state AS claim_state, c.opened_at, c.lease_expires_at, r.review_id, r.queue, r.case_id,
       r.tenant, r.title, r.due_at
FROM claims AS c JOIN reviews AS r USING (review_id)
WHERE c.reviewer = $1 AND c.state = 'held' AND c.lease_expires_at > $2
ORDER BY c.claimed_at;

-- name: extend_lease
UPDATE claims SET lease_expires_at = $2 WHERE claim_id = $1;

-- name: open_claim
UPDATE claims SET opened_at = $2, lease_expires_at = $3 WHERE claim_id = $1;

-- name: give_back
WITH ended AS (
    UPDATE claims SET state = $2, ended_at = $3, version = version + 1 WHERE claim_id = $1 RETURNING review_id, reviewer
)
UPDATE reviews
SET state = 'waiting', assigned_to = NULL, assigned_until = NULL,
    -- Whoever has seen the proposal cannot answer unseen again.
    excluded = CASE WHEN state = 'revealed' THEN array_append(excluded, ended.reviewer) ELSE excluded END
FROM ended WHERE reviews.review_id = ended.review_id;

-- name: skip
INSERT INTO skips (reviewer, review_id, until) VALUES ($1, $2, $3)
ON CONFLICT (reviewer, review_id) DO UPDATE SET until = EXCLUDED.until;

-- name: forget_skips
-- What has ended ($1), and what ends later than any skip of now ($2): that was skipped under a clock that ran ahead. What
-- somebody is at this instant is left for the next round.
DELETE FROM skips USING (
    SELECT reviewer, review_id FROM skips WHERE until <= $1 OR until > $2 FOR UPDATE SKIP LOCKED
) AS over
WHERE skips.reviewer = over.reviewer AND skips.review_id = over.review_id;

-- name: shorten_leases
-- Those that end later than any lease that is given now ($2) were given under a clock that ran ahead: they end at $1.
UPDATE claims SET lease_expires_at = $1 WHERE state = 'held' AND lease_expires_at > $2;

-- name: lock_expired
-- Found by the index on running leases; what somebody is working on this instant is left for the next round.
SELECT c.claim_id, c.reviewer, r.* FROM claims AS c JOIN reviews AS r USING (review_id)
WHERE c.state = 'held' AND c.lease_expires_at <= $1
ORDER BY c.lease_expires_at LIMIT $2
FOR UPDATE OF r SKIP LOCKED;

-- name: lock_held_by
-- In the order in which updates lock, so that a withdrawal and a departure do not wait for each other. $2 are tenants
-- whose reviews stay theirs.
SELECT c.claim_id, c.reviewer, r.* FROM claims AS c JOIN reviews AS r USING (review_id)
WHERE c.state = 'held' AND c.reviewer = $1 AND NOT ('*' = ANY ($2::text[]) OR r.tenant = ANY ($2))
ORDER BY r.tenant, r.case_id, r.review_id
FOR UPDATE OF r;

-- name: end_claims
-- The lease may have been extended while the lock was waited for: looked at again.
WITH ended AS (
    UPDATE claims SET state = $2, ended_at = $3, version = version + 1
    WHERE claim_id = ANY ($1::text[]) AND state = 'held' AND ($2 <> 'expired' OR lease_expires_at <= $3)
    RETURNING claim_id, review_id, reviewer
), freed AS (
    UPDATE reviews
    SET state = 'waiting',
        excluded = CASE WHEN state = 'revealed' THEN array_append(excluded, ended.reviewer) ELSE excluded END
    FROM ended WHERE reviews.review_id = ended.review_id
)
SELECT claim_id FROM ended;

-- Answers.

-- name: answer_of_key
SELECT answer_id, request_sha256, leaves_at, undone_at, part FROM answers WHERE reviewer = $1 AND idempotency_key = $2;

-- name: lock_free_claims
-- What somebody else has locked is passed over: nobody waits in a group, and so it needs no order to lock in.
SELECT k.place, c.claim_id, c.reviewer, c.state AS claim_state, c.version, c.claimed_at, c.opened_at, c.lease_expires_at,
       r.*
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (claim_id, reviewer, place)
JOIN claims AS c ON c.claim_id = k.claim_id AND c.reviewer = k.reviewer
JOIN reviews AS r USING (review_id)
FOR UPDATE OF r, c SKIP LOCKED;

-- name: cases_and_shown
-- Cases of locked reviews, what was shown of them, what was answered under the same keys before, and the next number of
-- each case, whose counter is locked: `record` takes as many as it writes events. Each case once.
WITH counters AS MATERIALIZED (
    SELECT n.tenant, n.case_id, n.next, n.partition
    FROM unnest($1::text[], $2::text[]) AS k (tenant, case_id) JOIN case_counters AS n USING (tenant, case_id)
    ORDER BY n.tenant COLLATE "C", n.case_id COLLATE "C"
    FOR UPDATE OF n
)
SELECT k.place, c.body, c.event_id, n.next, n.partition,
       ARRAY(SELECT s.sha256 FROM shown AS s WHERE s.claim_id = k.claim_id ORDER BY s.number) AS shown,
       (SELECT s.package FROM shown AS s WHERE s.claim_id = k.claim_id ORDER BY s.number DESC LIMIT 1) AS package,
       a.answer_id, a.request_sha256, a.leaves_at, a.undone_at, a.part
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
     AS k (tenant, case_id, claim_id, reviewer, idempotency_key, place)
JOIN counters AS n USING (tenant, case_id)
JOIN cases AS c USING (tenant, case_id)
LEFT JOIN answers AS a ON a.reviewer = k.reviewer AND a.idempotency_key = k.idempotency_key
ORDER BY k.place;

-- name: standing_answers
-- What people have answered so far to a review that is not over, oldest first.
SELECT part, reviewer, said FROM answers
WHERE review_id = $1 AND undone_at IS NULL AND lapsed_at IS NULL ORDER BY recorded_at, answer_id;

-- name: record
-- Answers with all that follows from them at once: what becomes of the reviews and the claims, the decisions where `decides`
-- says that there is one (`supersedes` is the one it replaces), the numbers taken, and the events in the order given.
-- `done` names whoever may not take the review again because they have answered; null while the review is theirs.
-- $1 is now, from $26 on are the events. The counters of the cases are locked, so ids follow commits.
WITH given AS (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::text[],
                         $16::text[], $17::bytea[], $18::boolean[], $19::text[], $20::bytea[], $21::text[], $22::text[],
                         $23::text[], $24::text[], $25::integer[])
                  AS g (answer_id, review_id, claim_id, reviewer, event_id, idempotency_key, request_sha256, outcome,
                        relation, leaves_at, state, stage, done, claim_state, part, said, decides, supersedes,
                        outcome_params, closed_as, mode, tenant, case_id, numbers)
), moved AS (
    UPDATE reviews AS r
    SET state = g.state, stage = g.stage, assigned_to = NULL, assigned_until = NULL,
        excluded = CASE WHEN g.done IS NULL THEN r.excluded ELSE array_append(r.excluded, g.done) END
    FROM given AS g WHERE r.review_id = g.review_id
), ended AS (
    UPDATE claims AS c
    SET state = g.claim_state, ended_at = CASE WHEN g.claim_state = 'held' THEN NULL ELSE $1::timestamptz END,
        version = c.version + 1
    FROM given AS g WHERE c.claim_id = g.claim_id
), unwritten AS (
    DELETE FROM drafts AS d USING given AS g WHERE d.reviewer = g.reviewer AND d.review_id = g.review_id
), numbered AS (
    UPDATE case_counters AS n SET next = n.next + g.numbers
    FROM given AS g WHERE n.tenant = g.tenant AND n.case_id = g.case_id
), decided AS (
    INSERT INTO decisions (tenant, case_id, decision_id, supersedes, outcome, outcome_params, closed_as, mode, relation,
                           decided_at)
    SELECT tenant, case_id, answer_id, supersedes, outcome, outcome_params, closed_as, mode, relation, $1
    FROM given WHERE decides
), told AS (
    SELECT * FROM unnest($26::text[], $27::text[], $28::integer[], $29::text[], $30::integer[], $31::text[],
                         $32::text[], $33::text[], $34::bytea[], $35::bytea[], $36::timestamptz[])
                  WITH ORDINALITY AS e (tenant, case_id, partition, event_id, sequence, topic, kind, actor, body, headers,
                                        not_before, place)
), seen AS (
    INSERT INTO live (kind, tenant, case_id) SELECT kind, tenant, case_id FROM told WHERE kind <> 'review.timed'
), stored AS (
    INSERT INTO events (event_id, tenant, case_id, sequence, topic, kind, actor, at, partition, body, headers)
    SELECT event_id, tenant, case_id, sequence, topic, kind, actor, $1, partition, body, headers FROM told ORDER BY place
), leaving AS (
    INSERT INTO outbox (event_id, topic, partition, key, body, headers, not_before)
    SELECT event_id, topic, partition, convert_to(case_id, 'UTF8'), body, headers, not_before FROM told ORDER BY place
    ON CONFLICT (event_id) DO NOTHING
)
INSERT INTO answers (answer_id, review_id, claim_id, reviewer, event_id, idempotency_key, request_sha256, outcome,
                     relation, recorded_at, leaves_at, part, said)
SELECT answer_id, review_id, claim_id, reviewer, event_id, idempotency_key, request_sha256, outcome, relation, $1,
       leaves_at, part, said
FROM given;

-- name: insert_decision
INSERT INTO decisions (tenant, case_id, decision_id, supersedes, outcome, outcome_params, closed_as, mode, relation,
                       decided_at)
VALUES ($1, $2, $3, $10, $4, $5, $6, $7, $8, $9);

-- name: final_answer
-- Who answered a review, and what; for the one who comes too late.
SELECT a.outcome, a.recorded_at, u.display_name FROM answers AS a JOIN users AS u ON u.pseudonym = a.reviewer
WHERE a.review_id = $1 AND a.part = 'final' AND a.undone_at IS NULL;

-- name: holder
-- Who holds a review now.
SELECT u.display_name, c.claimed_at FROM claims AS c JOIN users AS u ON u.pseudonym = c.reviewer
WHERE c.review_id = $1 AND c.state = 'held';

-- name: news_since_shown
-- Which evidence the last view of a claim held, and when the newest came.
SELECT (SELECT s.revision FROM shown AS s WHERE s.claim_id = $1 ORDER BY s.number DESC LIMIT 1) AS seen,
       (SELECT max(u.received_at) FROM updates AS u
        WHERE u.tenant = $2 AND u.case_id = $3 AND u.kind IN ('information_provided', 'contested')
          AND u.applied_at IS NOT NULL) AS told_at;

-- name: decision_in_force
-- The last of a case's decisions: each names the one it replaces. Until when one that is still here is held back.
SELECT d.decision_id, d.outcome, d.outcome_params, d.closed_as, d.mode, d.decided_at,
       (SELECT o.not_before FROM outbox AS o WHERE o.event_id = d.decision_id) AS leaves_at
FROM decisions AS d
WHERE d.tenant = $1 AND d.case_id = $2
  AND NOT EXISTS (SELECT FROM decisions AS later
                  WHERE later.tenant = d.tenant AND later.case_id = d.case_id AND later.supersedes = d.decision_id);

-- name: control_judged
SELECT event_id, sequence FROM events WHERE tenant = $1 AND case_id = $2 AND kind = 'control.judged';

-- name: withdrawal_reason
SELECT body FROM updates WHERE tenant = $1 AND case_id = $2 AND kind = 'withdrawn' ORDER BY arrival LIMIT 1;

-- name: first_decision
SELECT decision_id FROM decisions WHERE tenant = $1 AND case_id = $2 AND supersedes IS NULL;

-- name: answer
SELECT a.*, r.tenant FROM answers AS a JOIN reviews AS r USING (review_id) WHERE a.answer_id = $1;

-- name: lock_answered_review
-- Not the answer itself: the relay, which holds the outbox row that an undo wants, writes to it.
SELECT r.* FROM answers AS a JOIN reviews AS r USING (review_id) WHERE a.answer_id = $1 FOR UPDATE OF r;

-- name: undo_answer
-- The case goes back to the person who had decided it, with a fresh lease.
WITH undone AS (
    UPDATE answers SET undone_at = $2 WHERE answer_id = $1 RETURNING claim_id, review_id, reviewer
), held AS (
    UPDATE claims SET state = 'held', ended_at = NULL, version = version + 1, lease_expires_at = $3
    FROM undone WHERE claims.claim_id = undone.claim_id
), gone AS (
    DELETE FROM decisions WHERE decision_id = $1 AND tenant = $4 AND case_id = $5
)
UPDATE reviews SET state = $6, stage = $7, excluded = array_remove(excluded, undone.reviewer)
FROM undone WHERE reviews.review_id = undone.review_id;

-- name: unsay
-- Events that never left; their numbers are given to what is said instead, so that no hole shows.
DELETE FROM events WHERE event_id = ANY ($1::text[]) RETURNING sequence;

-- name: mark_sent
UPDATE answers SET sent_at = $2 WHERE event_id = ANY ($1::text[]) AND sent_at IS NULL;
