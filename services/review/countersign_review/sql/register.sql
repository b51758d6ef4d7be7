-- Every case this service has heard of.

-- name: tenants
-- Each tenant once, by leaps through the index.
WITH RECURSIVE leap AS (
    (SELECT tenant FROM cases ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT c.tenant FROM cases AS c WHERE c.tenant > leap.tenant ORDER BY c.tenant LIMIT 1) FROM leap
    WHERE leap.tenant IS NOT NULL
)
SELECT tenant FROM leap WHERE tenant IS NOT NULL;

-- name: list_cases
-- Newest first, among the cases whose number lies between $4 and $3. The state follows from what is known. $2 tells
-- whether the reader may still have to answer unseen: a case with such an answer outstanding, or one that must look like
-- it, then shows as human review, and has neither level nor tier, so that no filter on them can tell a judgement from a
-- decision.
SELECT k.*
FROM (
    SELECT c.tenant, c.case_id, c.decision_type, c.subject_ref, c.title, c.routed_at, c.arrival,
           CASE WHEN c.title IS NULL THEN c.body END AS untitled,
           CASE WHEN NOT ($2 AND w.answer_outstanding) THEN c.level END AS level,
           CASE WHEN NOT ($2 AND w.answer_outstanding) THEN i.tier_rank END AS tier_rank,
           d.outcome, d.closed_as, d.decided_at, d.mode, w.review_open, w.answer_outstanding,
           CASE WHEN $2 AND w.answer_outstanding THEN 'human_review'
                WHEN d.closed_as = 'decided' THEN 'decided'
                WHEN d.closed_as IS NOT NULL THEN 'withdrawn'
                WHEN w.review_open THEN 'human_review'
                ELSE 'ai_processing' END AS state
    FROM cases AS c
    LEFT JOIN case_index AS i ON i.arrival = c.arrival
    LEFT JOIN LATERAL (SELECT outcome, closed_as, decided_at, mode FROM decisions AS d
                       WHERE d.tenant = c.tenant AND d.case_id = c.case_id
                       ORDER BY d.decided_at DESC LIMIT 1) AS d ON true
    CROSS JOIN LATERAL (SELECT count(*) > 0 AS review_open,
                               coalesce(bool_or(covered(r)), false) AS answer_outstanding
                        FROM reviews AS r
                        WHERE r.tenant = c.tenant AND r.case_id = c.case_id
                          AND r.open) AS w
    WHERE ('*' = ANY ($1::text[]) OR c.tenant = ANY ($1))
      AND c.arrival < $3 AND c.arrival >= $4
      AND ($6::text IS NULL OR i.words @@ $6::tsquery)
      AND ($7::text IS NULL OR c.case_id = $7)
      AND ($8::text IS NULL OR c.subject_ref = $8)
      AND ($9::text IS NULL OR c.decision_type = $9)
      AND ($10::timestamptz IS NULL OR c.routed_at >= $10)
      AND ($11::timestamptz IS NULL OR c.routed_at < $11)
) AS k
WHERE ($12::text IS NULL OR k.state = $12)
  AND ($13::smallint[] IS NULL OR k.level = ANY ($13))
  AND ($14::smallint[] IS NULL OR k.tier_rank = ANY ($14))
  AND ($15::text IS NULL OR (k.state = 'decided' AND k.outcome = $15))
  AND ($16::text[] IS NULL OR (k.state = 'decided' AND k.mode = ANY ($16)))
ORDER BY k.arrival DESC
LIMIT $5;

-- name: newest_place
SELECT coalesce(max(arrival), 0) + 1 FROM cases;

-- name: routed_from
SELECT routed_at FROM cases WHERE arrival >= $1 ORDER BY arrival LIMIT 1;

-- name: count_unindexed
-- Of the newest cases only: the index follows the intake, and is behind at its newest end.
SELECT count(*) FROM (SELECT FROM cases AS c
                      WHERE c.arrival > (SELECT coalesce(max(arrival), 0) FROM case_index) LIMIT $1) AS k;

-- name: saved_views
SELECT name, filters, updated_at FROM saved_views WHERE username = $1 ORDER BY name;

-- name: lock_views_of
SELECT FROM users WHERE username = $1 FOR NO KEY UPDATE;

-- name: save_view
-- Nothing happens to a new one when there are as many as a person may keep.
INSERT INTO saved_views (username, name, filters, updated_at)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM saved_views WHERE username = $1 AND name <> $2) < $5
ON CONFLICT (username, name) DO UPDATE SET filters = EXCLUDED.filters, updated_at = EXCLUDED.updated_at
RETURNING name, filters, updated_at;

-- name: delete_view
DELETE FROM saved_views WHERE username = $1 AND name = $2;

-- name: outstanding
SELECT DISTINCT tenant, case_id
FROM unnest($1::text[], $2::text[]) AS k (tenant, case_id) JOIN reviews AS r USING (tenant, case_id)
WHERE r.veiled AND r.open;

-- name: read_case
SELECT c.tenant, c.case_id, c.decision_type, c.subject_ref, c.title, c.routed_at, c.level, c.body,
       CASE WHEN c.title IS NULL THEN c.body END AS untitled,
       w.review_open, w.answer_outstanding
FROM cases AS c
CROSS JOIN LATERAL (SELECT count(*) > 0 AS review_open, coalesce(bool_or(covered(r)), false) AS answer_outstanding
                    FROM reviews AS r
                    WHERE r.tenant = c.tenant AND r.case_id = c.case_id
                      AND r.open) AS w
WHERE c.tenant = $1 AND c.case_id = $2;

-- name: decisions_of
SELECT decision_id, supersedes, outcome, outcome_params, closed_as, mode, relation, decided_at
FROM decisions WHERE tenant = $1 AND case_id = $2 ORDER BY decided_at;

-- name: events_of
SELECT e.kind, e.at, e.sequence, u.display_name FROM events AS e LEFT JOIN users AS u ON u.pseudonym = e.actor
WHERE e.tenant = $1 AND e.case_id = $2 ORDER BY e.sequence;

-- name: updates_of
SELECT kind, received_at FROM updates WHERE tenant = $1 AND case_id = $2 ORDER BY arrival;
