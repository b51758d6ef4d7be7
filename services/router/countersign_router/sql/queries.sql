-- name: lock_controls
-- Every control that acts, held until the batch has committed, and the database's time once they are held.
-- A join from one row, so that the time comes back when there is no control at all.
WITH held AS MATERIALIZED (
    SELECT kind, tenant, decision_type, tier, body
    FROM controls
    WHERE kind <> ALL ('{certificate.proposed,calibrator.proposed}')
    ORDER BY kind, tenant, decision_type, tier
    FOR SHARE
)
SELECT clock_timestamp() AS moment, held.kind, held.tenant, held.decision_type, held.tier, held.body
FROM (SELECT 1) AS one LEFT JOIN held ON true;

-- name: insert_routings
-- Keep a batch's new cases.
INSERT INTO routings (tenant, case_id, partition, level, decision_type, tier, band, outcome, routed_at,
                      routed_headers, routed_body, decision_headers, decision_body)
SELECT *
FROM unnest($1::text[], $2::text[], $3::integer[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[])
ON CONFLICT DO NOTHING
RETURNING tenant, case_id;

-- name: mark_tests
-- Rehearsals, which are few: so the others need not say that they are none.
UPDATE routings SET test = true WHERE (tenant, case_id) IN (SELECT * FROM unnest($1::text[], $2::text[]));

-- name: find_routings
-- The stored rows of these cases, in a statement of its own: only that sees what a concurrent batch has just committed.
SELECT tenant, case_id, partition, level, routed_headers, routed_body, decision_headers, decision_body
FROM routings
WHERE (tenant, case_id) IN (SELECT * FROM unnest($1::text[], $2::text[]));

-- name: count_cells
-- How many cases each cell of the matrix got since a moment; cases that reached no cell have no band.
SELECT tier, band, level, count(*) AS cases, count(decision_body) AS automatic
FROM routings
WHERE routed_at >= $1 AND decision_type = $2 AND ($3::text IS NULL OR tenant = $3) AND NOT test
GROUP BY tier, band, level
ORDER BY tier, band, level;

-- name: recent_automatic
-- Automatic decisions since a moment and up to another (null: all), newest first; `*` stands for all.
SELECT tenant, case_id, decision_type, outcome, routed_at AS decided_at
FROM routings
WHERE routed_at >= $1 AND ($2::timestamptz IS NULL OR routed_at <= $2) AND level <= 2
  AND ($3 = '*' OR tenant = $3) AND ($4 = '*' OR decision_type = $4) AND NOT test
ORDER BY routed_at DESC, tenant, case_id
LIMIT $5;

-- name: count_recent_automatic
SELECT count(*)
FROM routings
WHERE routed_at >= $1 AND ($2::timestamptz IS NULL OR routed_at <= $2) AND level <= 2
  AND ($3 = '*' OR tenant = $3) AND ($4 = '*' OR decision_type = $4) AND NOT test;

-- name: find_policy
SELECT document, published_at, automation_sha256 FROM policies WHERE sha256 = $1;

-- name: insert_sampling_key
INSERT INTO sampling_keys (key_id, key, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: newest_sampling_key
SELECT key_id, key FROM sampling_keys ORDER BY created_at DESC, key_id LIMIT 1;
