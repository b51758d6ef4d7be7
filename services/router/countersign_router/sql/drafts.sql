-- name: insert_draft
INSERT INTO policy_drafts (id, tenant, decision_type, version, sha256, automation_sha256, document, authors, returns,
                           reason, state, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', $11, $11);

-- name: lock_draft
SELECT id, tenant, decision_type, version, sha256, automation_sha256, document, authors, returns, reason, state,
       created_at, changed_at
FROM policy_drafts WHERE id = $1 FOR UPDATE;

-- name: find_draft
SELECT id, tenant, decision_type, version, sha256, automation_sha256, document, authors, returns, reason, state,
       created_at, changed_at
FROM policy_drafts WHERE id = $1;

-- name: list_drafts
-- Newest first, of the tenants named (null: all), from after the row of the cursor on; without their texts.
SELECT id, tenant, decision_type, version, sha256, automation_sha256, ''::bytea AS document, authors, returns, reason, state,
       created_at, changed_at
FROM policy_drafts
WHERE ($1::text[] IS NULL OR tenant = ANY ($1)) AND ($2::text IS NULL OR state = $2)
  AND ($3::uuid IS NULL
       OR (created_at, id) < (SELECT one.created_at, one.id FROM policy_drafts AS one WHERE one.id = $3))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: change_draft
UPDATE policy_drafts
SET version = $2, sha256 = $3, automation_sha256 = $4, document = $5, authors = $6, reason = $7, changed_at = $8
WHERE id = $1;

-- name: end_draft
UPDATE policy_drafts SET state = 'published', changed_at = $2 WHERE id = $1;

-- name: draft_document
-- The text of an open draft by its hash, for trying it out.
SELECT document FROM policy_drafts WHERE sha256 = $1 AND state = 'open' AND ($2::text[] IS NULL OR tenant = ANY ($2))
LIMIT 1;

-- name: insert_step
INSERT INTO policy_steps (draft_id, sha256, step, passed, pseudonym, role, done_at, result)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: list_steps
SELECT draft_id, sha256, step, passed, pseudonym, role, done_at, result
FROM policy_steps WHERE draft_id = ANY ($1::uuid[]) ORDER BY id;

-- name: count_in_thread
-- The next number of an activity in a policy's life; holds the row, so that numbers leave in order.
INSERT INTO policy_threads (tenant, decision_type, activities) VALUES ($1, $2, 1)
ON CONFLICT (tenant, decision_type) DO UPDATE SET activities = policy_threads.activities + 1
RETURNING activities;

-- name: find_answer
SELECT request_sha256, body FROM given_answers WHERE subject = $1 AND key = $2;

-- name: lock_answer
-- Two requests with one key wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(10) || $2, 0));

-- name: insert_answer
INSERT INTO given_answers (subject, key, request_sha256, body, given_at) VALUES ($1, $2, $3, $4, $5);

-- name: forget_answers
DELETE FROM given_answers WHERE given_at < $1;
