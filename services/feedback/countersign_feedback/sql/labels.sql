-- name: add_labels
-- Merge what a batch says of drawn cases: that they were drawn, what people answered. The first word on each stands.
INSERT INTO labels AS stored (
    tenant, case_id, decision_type, purpose, cell_id, routed_at, confidence, probability, draw,
    certificate_id, policy_sha256, error, judged_at, base, artifact_sha256
)
SELECT
    tenant, case_id, decision_type, purpose::purpose, cell_id, routed_at, confidence, probability, draw,
    certificate_id, policy_sha256, error, judged_at, base, artifact_sha256
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[], $7::double precision[],
    $8::double precision[], $9::double precision[], $10::text[], $11::text[], $12::boolean[], $13::timestamptz[],
    $14::double precision[], $15::text[]
) AS given (
    tenant, case_id, decision_type, purpose, cell_id, routed_at, confidence, probability, draw,
    certificate_id, policy_sha256, error, judged_at, base, artifact_sha256
)
ORDER BY tenant, case_id
ON CONFLICT (tenant, case_id) DO UPDATE SET
    purpose        = coalesce(stored.purpose, excluded.purpose),
    cell_id        = coalesce(stored.cell_id, excluded.cell_id),
    routed_at      = coalesce(stored.routed_at, excluded.routed_at),
    confidence     = coalesce(stored.confidence, excluded.confidence),
    probability    = coalesce(stored.probability, excluded.probability),
    draw           = coalesce(stored.draw, excluded.draw),
    certificate_id = CASE WHEN stored.purpose IS NULL THEN excluded.certificate_id ELSE stored.certificate_id END,
    policy_sha256  = coalesce(stored.policy_sha256, excluded.policy_sha256),
    error          = coalesce(stored.error, excluded.error),
    judged_at      = coalesce(stored.judged_at, excluded.judged_at),
    base           = coalesce(stored.base, excluded.base),
    artifact_sha256 = coalesce(stored.artifact_sha256, excluded.artifact_sha256)
WHERE (stored.purpose IS NULL AND excluded.purpose IS NOT NULL) OR (stored.error IS NULL AND excluded.error IS NOT NULL);

-- name: drawn
-- The drawn cases of a population, oldest first, judged or not. What was withdrawn before anybody decided never counts.
SELECT
    labels.case_id, labels.purpose, labels.routed_at, labels.confidence, labels.probability, labels.draw,
    labels.certificate_id, labels.error, labels.judged_at
FROM labels LEFT JOIN cases USING (tenant, case_id)
WHERE labels.cell_id = ANY ($1::integer[])
    AND ($2::timestamptz IS NULL OR labels.routed_at > $2)
    AND cases.conclusion IS DISTINCT FROM 'closed'
ORDER BY labels.routed_at, labels.case_id
LIMIT $3;

-- name: certified
-- What a certificate is watched by: audits of what was decided automatically under it, in the order of judgement.
SELECT case_id, purpose, routed_at, confidence, probability, draw, certificate_id, error, judged_at
FROM labels
WHERE cell_id = ANY ($1::integer[])
    AND certificate_id = $2
    AND purpose = 'audit'
    AND error IS NOT NULL
ORDER BY judged_at, case_id
LIMIT $3;

-- name: waiting
-- Drawn cases that nobody has judged yet, and judgements whose case has not arrived.
SELECT
    count(*) FILTER (WHERE purpose IS NOT NULL AND error IS NULL) AS unjudged,
    count(*) FILTER (WHERE purpose IS NULL) AS unplaced
FROM labels
WHERE ($1::text[] IS NULL OR tenant = ANY ($1));

-- name: calibration_count
SELECT count(*) FROM labels WHERE cell_id = ANY ($1::integer[]) AND error IS NOT NULL AND base IS NOT NULL;

-- name: calibration_labels
-- The judged cases of a model version under the calibrator that speaks now, all tiers together, the newest first but $3.
SELECT case_id, base, confidence, error
FROM labels
WHERE cell_id = ANY ($1::integer[]) AND error IS NOT NULL AND base IS NOT NULL
ORDER BY routed_at DESC, case_id
LIMIT $2 OFFSET $3;

-- name: speaking
-- Which model and calibrator speak for a decision type: those of the newest drawn case.
SELECT model_name, model_version, calibrator_version, artifact_sha256
FROM labels JOIN cells USING (cell_id)
WHERE cells.tenant = $1 AND cells.decision_type = $2 AND NOT cells.test AND labels.base IS NOT NULL
ORDER BY labels.routed_at DESC
LIMIT 1;

-- name: spoke_lately
-- Whether a case of a model under a calibrator was drawn at most $6 before the newest that was drawn.
SELECT EXISTS (
    SELECT
    FROM labels JOIN cells USING (cell_id)
    WHERE cells.tenant = $1 AND cells.decision_type = $2 AND cells.model_name = $3 AND cells.model_version = $4
        AND cells.calibrator_version = $5 AND NOT cells.test AND labels.base IS NOT NULL
        AND labels.routed_at >= (
            SELECT newest.routed_at
            FROM labels AS newest JOIN cells AS theirs USING (cell_id)
            WHERE theirs.tenant = $1 AND theirs.decision_type = $2 AND NOT theirs.test AND newest.base IS NOT NULL
            ORDER BY newest.routed_at DESC
            LIMIT 1
        ) - $6::interval
);

-- name: cells_of
SELECT cell_id
FROM cells
WHERE tenant = $1 AND decision_type = $2 AND model_name = $3 AND model_version = $4 AND calibrator_version = $5
    AND NOT test;
