-- name: lock
-- One writer at a time among all replicas; held until the commit.
SELECT pg_advisory_xact_lock(hashtextextended('countersign.feedback.controls', 0));

-- name: database_time
SELECT clock_timestamp();

-- name: know
-- Keep a control of the router if it is newer than what is known; tells whether it was.
INSERT INTO known_controls AS stored (kind, tenant, decision_type, tier, revision, changed_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (kind, tenant, decision_type, tier) DO UPDATE SET
    revision = excluded.revision, changed_at = excluded.changed_at, state = excluded.state
WHERE stored.revision < excluded.revision
RETURNING revision;

-- name: known
SELECT kind, tenant, decision_type, tier, revision, changed_at, state
FROM known_controls
ORDER BY kind, tenant, decision_type, tier;

-- name: find
SELECT revision, changed_at, headers, body
FROM controls
WHERE (kind, tenant, decision_type, tier) = ($1, $2, $3, $4);

-- name: put
INSERT INTO controls AS stored (kind, tenant, decision_type, tier, revision, changed_at, headers, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (kind, tenant, decision_type, tier) DO UPDATE SET
    revision = excluded.revision, changed_at = excluded.changed_at, headers = excluded.headers, body = excluded.body
WHERE stored.revision < excluded.revision
RETURNING revision;

-- name: all
SELECT kind, tenant, decision_type, tier, revision, changed_at, headers, body
FROM controls
ORDER BY kind, tenant, decision_type, tier;

-- name: add_certificate
INSERT INTO certificates (
    certificate_id, tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256,
    proposed_at, state
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING;

-- name: certificate_in_force
-- The router says which certificate is in force; the first word on each end of its life stands. Of one that ended before
-- these tables were lost the beginning is not told any more: all that is known is that labels up to its end are used up.
UPDATE certificates SET
    activated_at = coalesce(activated_at, $3),
    ended_at     = CASE WHEN $2 THEN ended_at ELSE coalesce(ended_at, $3) END
WHERE certificate_id = $1;

-- name: end_others
-- One certificate of a tier is in force at a time: what came before has ended.
UPDATE certificates SET ended_at = $5
WHERE (tenant, decision_type, tier) = ($1, $2, $3)
    AND certificate_id <> $4 AND activated_at IS NOT NULL AND ended_at IS NULL;

-- name: certificates
-- The certificates of a decision type, the newest first.
SELECT
    certificate_id, tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256,
    proposed_at, activated_at, ended_at, state
FROM certificates
WHERE ($1::text[] IS NULL OR tenant = ANY ($1))
    AND ($2::text IS NULL OR decision_type = $2)
    AND ($3::text IS NULL OR tier = $3)
    AND ($4::text IS NULL OR certificate_id = $4)
ORDER BY proposed_at DESC
LIMIT $5;

-- name: attempts
SELECT number, size, floor, last_routed_at, last_case_id, expected, opened_at
FROM attempts
WHERE (tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256)
    = ($1, $2, $3, $4, $5, $6, $7) AND since = $8
ORDER BY number;

-- name: add_attempt
INSERT INTO attempts (
    tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256, since,
    number, size, floor, last_routed_at, last_case_id, expected, opened_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING;

-- name: automated_populations
-- What the promises of a decision type are about, the one with the newest drawn case first.
SELECT
    tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256,
    array_agg(DISTINCT cells.cell_id) AS cell_ids,
    max(newest.routed_at) AS newest
FROM cells LEFT JOIN LATERAL (
    SELECT routed_at FROM labels
    WHERE labels.cell_id = cells.cell_id AND routed_at IS NOT NULL
    ORDER BY routed_at DESC LIMIT 1
) AS newest ON true
WHERE would_automate AND NOT test AND tenant = $1 AND decision_type = $2
GROUP BY tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256
ORDER BY newest DESC NULLS LAST, max(cells.cell_id) DESC;

-- name: scopes
-- The (tenant, decision type) pairs that cases have come for.
SELECT DISTINCT tenant, decision_type FROM cells WHERE would_automate AND NOT test ORDER BY tenant, decision_type;

-- name: look_back
-- Automatic decisions of a population within a stretch of time, with what is known of each since; in pages by case.
SELECT cases.case_id, cases.routed_at, cases.confidence, labels.error AS audit_error, cases.seen & 4 <> 0 AS reversed
FROM cases LEFT JOIN labels USING (tenant, case_id)
WHERE cases.cell_id = ANY ($1::integer[])
    AND cases.conclusion = 'automatic'
    AND cases.routed_at >= $2 AND cases.routed_at <= $3
    AND cases.case_id > $4
ORDER BY cases.case_id
LIMIT $5;
