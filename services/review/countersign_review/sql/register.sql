-- Every case this service has heard of.

-- name: list_cases
-- Newest first. The state follows from what is known; $5 tells whether the reader may still have to answer unseen, and
-- then a case with such an answer outstanding shows as human review.
SELECT k.*
FROM (
    SELECT c.tenant, c.case_id, c.decision_type, c.subject_ref, c.title, c.routed_at, c.level, c.arrival,
           CASE WHEN c.title IS NULL THEN c.body END AS untitled,
           d.outcome, d.closed_as, d.decided_at, d.mode, w.review_open, w.answer_outstanding,
           CASE WHEN $5 AND w.answer_outstanding THEN 'human_review'
                WHEN d.closed_as = 'decided' THEN 'decided'
                WHEN d.closed_as IS NOT NULL THEN 'withdrawn'
                WHEN w.review_open THEN 'human_review'
                ELSE 'ai_processing' END AS state
    FROM cases AS c
    LEFT JOIN LATERAL (SELECT outcome, closed_as, decided_at, mode FROM decisions AS d
                       WHERE d.tenant = c.tenant AND d.case_id = c.case_id
                       ORDER BY d.decided_at DESC LIMIT 1) AS d ON true
    CROSS JOIN LATERAL (SELECT count(*) > 0 AS review_open,
                               coalesce(bool_or(r.veiled), false) AS answer_outstanding
                        FROM reviews AS r
                        WHERE r.tenant = c.tenant AND r.case_id = c.case_id
                          AND r.open) AS w
    WHERE ('*' = ANY ($1::text[]) OR c.tenant = ANY ($1))
      AND ($2::text IS NULL OR c.subject_ref = $2)
      AND c.arrival < $4
) AS k
WHERE ($3::text IS NULL OR k.state = $3)
ORDER BY k.arrival DESC
LIMIT $6;

-- name: read_case
SELECT c.tenant, c.case_id, c.decision_type, c.subject_ref, c.title, c.routed_at, c.level, c.body,
       CASE WHEN c.title IS NULL THEN c.body END AS untitled,
       w.review_open, w.answer_outstanding
FROM cases AS c
CROSS JOIN LATERAL (SELECT count(*) > 0 AS review_open, coalesce(bool_or(r.veiled), false) AS answer_outstanding
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
