-- What people do with a review beside answering it.

-- name: end_claim
-- $4 is the review's next state, $5 and $6 for whom it is kept and until when, $7 whether it is for leads from now on,
-- $8 since when upstream is asked, $9 whether its holder may not take it again.
WITH ended AS (
    UPDATE claims SET state = $2, ended_at = $3, version = version + 1 WHERE claim_id = $1 RETURNING review_id, reviewer
)
UPDATE reviews
SET state = $4, assigned_to = $5, assigned_until = $6, escalated = escalated OR $7, asked_at = $8,
    excluded = CASE WHEN $9 OR state = 'revealed' THEN array_append(excluded, ended.reviewer) ELSE excluded END
FROM ended WHERE reviews.review_id = ended.review_id;

-- name: move_review
UPDATE reviews SET state = $2, assigned_to = NULL, assigned_until = NULL, asked_at = NULL WHERE review_id = $1;

-- name: lock_review_and_holder
SELECT r.*, c.claim_id, c.reviewer FROM reviews AS r
LEFT JOIN claims AS c ON c.review_id = r.review_id AND c.state = 'held'
WHERE r.review_id = $1
FOR UPDATE OF r;

-- name: desk_user
SELECT * FROM users WHERE username = $1 AND disabled_at IS NULL AND roles && ARRAY['reviewer', 'lead'];

-- name: desk_users
SELECT * FROM users WHERE disabled_at IS NULL AND roles && ARRAY['reviewer', 'lead'] ORDER BY username;

-- name: insert_question
INSERT INTO questions (question_id, tenant, case_id, review_id, asked_by, question, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: answered_question
UPDATE questions SET answered_at = $3 WHERE question_id = $1 AND review_id = $2 AND answered_at IS NULL
RETURNING asked_by;

-- name: give_back_to
-- Not to somebody who is away at $4, or could not take it then: it would wait for nobody.
UPDATE reviews SET assigned_to = $2, assigned_until = $3
WHERE review_id = $1
  AND EXISTS (SELECT FROM users AS u
              WHERE u.pseudonym = $2 AND u.disabled_at IS NULL AND u.roles && ARRAY['reviewer', 'lead']
                AND eligible(u, reviews) AND trained(u, $4)
                AND NOT EXISTS (SELECT FROM delegations AS d
                                WHERE d.username = u.username AND d.starts_at <= $4 AND d.ends_at > $4));

-- name: pause_sla
-- The time upstream took is not the reviewers' time.
UPDATE reviews SET due_at = due_at + ($2 - asked_at), at_risk_at = at_risk_at + ($2 - asked_at),
                   due_minute = floor(extract(epoch FROM due_at + ($2 - asked_at)) / 60)
WHERE review_id = $1 AND asked_at < $2;

-- name: unassign_late
-- Kept for somebody who did not come, or cannot take it any more: what they may do was changed since, or in that moment.
-- What is kept past $2 was handed over under a clock that ran ahead.
UPDATE reviews SET assigned_to = NULL, assigned_until = NULL
WHERE assigned_to IS NOT NULL
  AND (assigned_until <= $1 OR assigned_until > $2
       OR NOT EXISTS (SELECT FROM users AS u
                      WHERE u.pseudonym = reviews.assigned_to AND u.disabled_at IS NULL
                        AND u.roles && ARRAY['reviewer', 'lead'] AND eligible(u, reviews) AND trained(u, $1)));

-- name: unassign
-- $2 are tenants whose reviews stay theirs.
UPDATE reviews SET assigned_to = NULL, assigned_until = NULL
WHERE assigned_to = $1 AND NOT ('*' = ANY ($2::text[]) OR tenant = ANY ($2));

-- name: insert_comment
INSERT INTO comments (comment_id, tenant, case_id, author, commented_at, comment) VALUES ($1, $2, $3, $4, $5, $6);

-- name: comments_of
-- $3 names the only author whose comments may be read; null: everybody's.
-- Of more than 200 the newest.
SELECT n.comment_id, n.commented_at, n.comment, u.display_name, n.author
FROM (SELECT * FROM comments AS c
      WHERE c.tenant = $1 AND c.case_id = $2 AND ($3::text IS NULL OR c.author = $3)
      ORDER BY c.commented_at DESC, c.comment_id DESC LIMIT 200) AS n
LEFT JOIN users AS u ON u.pseudonym = n.author
ORDER BY n.commented_at, n.comment_id;

-- name: tag
INSERT INTO case_tags (tenant, case_id, tag, tagged_by, tagged_at)
SELECT $1, $2, tag, $4, $5 FROM unnest($3::text[]) AS tag ON CONFLICT DO NOTHING;

-- name: untag
-- $4 names the only one whose tags may be touched, as with comments; null: everybody's.
DELETE FROM case_tags
WHERE tenant = $1 AND case_id = $2 AND tag = ANY ($3::text[]) AND ($4::text IS NULL OR tagged_by = $4);

-- name: tags_of
-- $3 names the only one whose tags may be read; null: everybody's.
SELECT DISTINCT tag FROM case_tags
WHERE tenant = $1 AND case_id = $2 AND ($3::text IS NULL OR tagged_by = $3) ORDER BY tag;

-- name: case_at_hand
-- A case, and whether somebody has yet to answer without knowing what others said.
SELECT c.body, c.event_id, c.partition, c.level, c.routed_at,
       EXISTS (SELECT FROM reviews AS r
               WHERE r.tenant = c.tenant AND r.case_id = c.case_id AND r.open AND r.veiled) AS veiled
FROM cases AS c WHERE c.tenant = $1 AND c.case_id = $2;

-- name: save_draft
INSERT INTO drafts (reviewer, review_id, saved_at, draft) VALUES ($1, $2, $3, $4)
ON CONFLICT (reviewer, review_id) DO UPDATE SET saved_at = EXCLUDED.saved_at, draft = EXCLUDED.draft;

-- name: draft
SELECT draft, saved_at FROM drafts WHERE reviewer = $1 AND review_id = $2;

-- name: forget_old_drafts
DELETE FROM drafts AS d USING reviews AS r WHERE r.review_id = d.review_id AND NOT r.open;

-- name: lock_request
-- Two of the same at once: the second waits, and is answered what the first one was.
SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0));

-- name: request
SELECT request_sha256, answer FROM requests WHERE caller = $1 AND idempotency_key = $2;

-- name: insert_request
INSERT INTO requests (caller, idempotency_key, request_sha256, answered_at, answer) VALUES ($1, $2, $3, $4, $5);

-- name: forget_old_requests
DELETE FROM requests WHERE answered_at < $1;

-- name: open_reviews_of
SELECT review_id, kind, state FROM reviews WHERE tenant = $1 AND case_id = $2 AND open FOR UPDATE;

-- name: may_be_reopened
-- Whether the decision $3 still stands and nobody looks at it again yet. Asked once the case's counter is locked, which
-- everybody does who opens a review or takes a decision back: two who come at once then see each other.
SELECT NOT EXISTS (SELECT FROM reviews AS r
                   WHERE r.tenant = $1 AND r.case_id = $2 AND r.kind = 'reversal' AND r.open)
   AND NOT EXISTS (SELECT FROM decisions AS d WHERE d.tenant = $1 AND d.case_id = $2 AND d.supersedes = $3)
   AND EXISTS (SELECT FROM decisions AS d WHERE d.tenant = $1 AND d.case_id = $2 AND d.decision_id = $3);

-- name: was_reopened
SELECT EXISTS (SELECT FROM reviews AS r WHERE r.tenant = $1 AND r.case_id = $2 AND r.supersedes = $3);

-- name: answer_leaves_at
-- Until when an answer that ended a review of this case can still be taken back, later than $3; NULL: there is none.
SELECT max(o.not_before)
FROM reviews AS r JOIN answers AS a ON a.review_id = r.review_id AND a.part = 'final' AND a.undone_at IS NULL
JOIN outbox AS o ON o.event_id = a.event_id
WHERE r.tenant = $1 AND r.case_id = $2 AND r.state = 'decided' AND r.kind <> 'seed' AND o.not_before > $3;

-- name: answerers
-- Everybody whose word on a case stands.
SELECT DISTINCT a.reviewer FROM answers AS a JOIN reviews AS r USING (review_id)
WHERE r.tenant = $1 AND r.case_id = $2 AND a.undone_at IS NULL;

-- name: insert_reopened
INSERT INTO reviews (review_id, tenant, case_id, kind, state, queue, decision_type, subject_ref, title, reason,
                     withheld, level, tier_rank, priority, amount, currency, skills, roles, language, submitted_by,
                     reviewers_required, created_at, due_at, at_risk_at, due_minute, payload_sha256, test, excluded,
                     opened_for, supersedes, revision, escalated)
VALUES ($1, $2, $3, $29, 'waiting', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, floor(extract(epoch FROM $21::timestamptz) / 60), $23, $24, $25, $26, $27, $28, $30)
RETURNING *;

-- name: latest_evidence
SELECT payload_sha256, revision FROM reviews WHERE tenant = $1 AND case_id = $2 ORDER BY revision DESC LIMIT 1;

-- name: insert_judgement
INSERT INTO judgements (answer_id, tenant, case_id, decision_type, kind, error, final_outcome, people, leaves_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: delete_judgement
DELETE FROM judgements WHERE answer_id = $1;

-- name: judgements_to_follow
-- Not before the decision is here that it is about: the topics are read apart. What is to leave past $3 has left already:
-- it was answered under a clock that ran ahead.
SELECT * FROM judgements AS j WHERE followed_at IS NULL AND (leaves_at <= $1 OR leaves_at > $3)
    AND (
        kind <> 'audit' OR NOT error
        OR EXISTS (SELECT FROM decisions AS d WHERE d.tenant = j.tenant AND d.case_id = j.case_id)
    )
ORDER BY tenant, case_id LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: followed
UPDATE judgements SET followed_at = $2 WHERE answer_id = $1;

-- name: try_later
UPDATE updates SET try_at = $5 WHERE tenant = $1 AND case_id = $2 AND source = $3 AND event_id = $4;

-- name: decision_known
SELECT count(*) > 0 FROM decisions WHERE tenant = $1 AND case_id = $2 AND decision_id = $3;
