-- A case leaves every table, children first. What waits in the outbox leaves within seconds and is gone then.
-- First of all it is locked, in the order in which everybody does: whoever is at the case is done then, and what they have
-- written goes too; whoever comes now finds nothing.

-- name: lock_updates
SELECT FROM updates WHERE tenant = $1 AND case_id = $2 ORDER BY arrival FOR UPDATE;

-- name: lock_judgements
SELECT FROM judgements WHERE tenant = $1 AND case_id = $2 ORDER BY answer_id FOR UPDATE;

-- name: lock_reviews
SELECT FROM reviews WHERE tenant = $1 AND case_id = $2 ORDER BY review_id FOR UPDATE;

-- name: lock_case_counters
SELECT FROM case_counters WHERE tenant = $1 AND case_id = $2 FOR UPDATE;

-- name: erase_saved_views
-- Searches somebody saved for this case, or for its subject once it has no other case.
DELETE FROM saved_views AS v
USING (SELECT convert_from(filters, 'UTF8')::jsonb AS f, username, name FROM saved_views) AS said
WHERE v.username = said.username AND v.name = said.name
  AND coalesce(said.f ->> 'tenant', $1) = $1
  AND ($2 IN (said.f ->> 'case_id', said.f ->> 'q')
       OR EXISTS (SELECT FROM cases AS c
                  WHERE c.tenant = $1 AND c.case_id = $2 AND c.subject_ref IN (said.f ->> 'subject', said.f ->> 'q')
                    AND NOT EXISTS (SELECT FROM cases AS o WHERE o.tenant = $1 AND o.subject_ref = c.subject_ref AND o.case_id <> $2)));

-- name: erase_questions
DELETE FROM questions WHERE tenant = $1 AND case_id = $2;

-- name: erase_drafts
DELETE FROM drafts WHERE review_id IN (SELECT review_id FROM reviews WHERE tenant = $1 AND case_id = $2);

-- name: erase_comments
DELETE FROM comments WHERE tenant = $1 AND case_id = $2;

-- name: erase_case_tags
DELETE FROM case_tags WHERE tenant = $1 AND case_id = $2;

-- name: erase_judgements
DELETE FROM judgements WHERE tenant = $1 AND case_id = $2;

-- name: erase_seeds
DELETE FROM seeds WHERE tenant = $1 AND (case_id = $2 OR planted_case = $2);

-- name: erase_skips
DELETE FROM skips WHERE review_id IN (SELECT review_id FROM reviews WHERE tenant = $1 AND case_id = $2);

-- name: erase_answers
DELETE FROM answers WHERE review_id IN (SELECT review_id FROM reviews WHERE tenant = $1 AND case_id = $2);

-- name: erase_shown
DELETE FROM shown WHERE claim_id IN (SELECT claim_id FROM claims WHERE review_id IN (SELECT review_id FROM reviews WHERE tenant = $1 AND case_id = $2));

-- name: erase_claims
DELETE FROM claims WHERE review_id IN (SELECT review_id FROM reviews WHERE tenant = $1 AND case_id = $2);

-- name: erase_reviews
DELETE FROM reviews WHERE tenant = $1 AND case_id = $2;

-- name: erase_events
DELETE FROM events WHERE tenant = $1 AND case_id = $2;

-- name: erase_updates
DELETE FROM updates WHERE tenant = $1 AND case_id = $2;

-- name: erase_decisions
DELETE FROM decisions WHERE tenant = $1 AND case_id = $2;

-- name: erase_case_counters
DELETE FROM case_counters WHERE tenant = $1 AND case_id = $2;

-- name: erase_case_index
DELETE FROM case_index WHERE arrival IN (SELECT arrival FROM cases WHERE tenant = $1 AND case_id = $2);

-- name: erase_precedents
DELETE FROM precedents WHERE arrival IN (SELECT arrival FROM cases WHERE tenant = $1 AND case_id = $2);

-- name: erase_precedent_places
DELETE FROM precedent_places WHERE arrival IN (SELECT arrival FROM cases WHERE tenant = $1 AND case_id = $2);

-- name: erase_cases
DELETE FROM cases WHERE tenant = $1 AND case_id = $2;
