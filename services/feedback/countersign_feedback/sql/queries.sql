-- name: add_cells
-- Make sure these cells exist. Sorted, so that two batches that bring the same new cells wait for each other in order.
INSERT INTO cells (
    tenant, decision_type, tier, band, level, would_automate, reasons,
    model_name, model_version, calibrator_version, automation_sha256, test
)
SELECT
    tenant, decision_type, tier, band, level, would_automate,
    ARRAY(SELECT json_array_elements_text(reasons::json)),
    model_name, model_version, calibrator_version, automation_sha256, test
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::boolean[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[]
) AS given (
    tenant, decision_type, tier, band, level, would_automate, reasons,
    model_name, model_version, calibrator_version, automation_sha256, test
)
ORDER BY
    tenant, decision_type, tier, band, level, would_automate, reasons,
    model_name, model_version, calibrator_version, automation_sha256, test
ON CONFLICT DO NOTHING;

-- name: find_cells
-- The numbers of cells, in a statement of its own: only that sees what a concurrent batch has just committed.
SELECT
    cell_id, tenant, decision_type, tier, band, level, would_automate, reasons,
    model_name, model_version, calibrator_version, automation_sha256, test
FROM cells
WHERE (tenant, decision_type) IN (SELECT * FROM unnest($1::text[], $2::text[]));

-- name: add_facts
-- Merge a batch's facts into the cases and count what is new, in one statement.
-- A row is written only when it gains a fact; the row lock makes concurrent batches of one case take turns, so the one
-- that completes a case sees all of it and counts it once. A case that is placed late brings its earlier facts along.
-- A column of nulls only may come as one null.
WITH changed AS (
    INSERT INTO cases AS stored (
        tenant, case_id, cell_id, routed_at, day, seen, added,
        conclusion, audit_error, control_error, confidence, audit_weight
    )
    SELECT
        tenant, case_id, cell_id, routed_at, (routed_at AT TIME ZONE 'UTC')::date, seen, seen,
        conclusion::conclusion, audit_error, control_error, confidence, audit_weight
    FROM unnest(
        $1::text[], $2::text[], $3::integer[], $4::timestamptz[], $5::smallint[],
        $6::text[], $7::boolean[], $8::boolean[], $9::double precision[], $10::bigint[]
    ) AS given (
        tenant, case_id, cell_id, routed_at, seen,
        conclusion, audit_error, control_error, confidence, audit_weight
    )
    ORDER BY tenant, case_id
    ON CONFLICT (tenant, case_id) DO UPDATE SET
        cell_id       = coalesce(stored.cell_id, excluded.cell_id),
        routed_at     = coalesce(stored.routed_at, excluded.routed_at),
        day           = coalesce(stored.day, excluded.day),
        seen          = stored.seen | excluded.seen,
        added         = excluded.seen & ~stored.seen,
        conclusion    = coalesce(stored.conclusion, excluded.conclusion),
        audit_error   = coalesce(stored.audit_error, excluded.audit_error),
        control_error = coalesce(stored.control_error, excluded.control_error),
        confidence    = coalesce(stored.confidence, excluded.confidence),
        audit_weight  = coalesce(stored.audit_weight, excluded.audit_weight)
    WHERE excluded.seen & ~stored.seen <> 0
    RETURNING
        cell_id, day, conclusion, audit_error, control_error, audit_weight,
        CASE WHEN added & 1 <> 0 THEN seen ELSE added END AS news
)
INSERT INTO counters AS total (
    cell_id, day, cases, automatic, assisted_agreed, assisted_modified, assisted_overrode,
    blind_agreed, blind_modified, blind_overrode, no_proposal, closed, reversed,
    audits, audit_errors, weight, weight_squared, error_weight, controls, control_errors
)
SELECT
    cell_id,
    day,
    count(*) FILTER (WHERE news & 1 <> 0),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'automatic'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'assisted_agreed'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'assisted_modified'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'assisted_overrode'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'blind_agreed'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'blind_modified'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'blind_overrode'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'no_proposal'),
    count(*) FILTER (WHERE news & 2 <> 0 AND conclusion = 'closed'),
    count(*) FILTER (WHERE news & 4 <> 0),
    count(*) FILTER (WHERE news & 8 <> 0),
    count(*) FILTER (WHERE news & 8 <> 0 AND audit_error),
    coalesce(sum(audit_weight) FILTER (WHERE news & 8 <> 0), 0),
    coalesce(sum(audit_weight::numeric * audit_weight) FILTER (WHERE news & 8 <> 0), 0),
    coalesce(sum(audit_weight) FILTER (WHERE news & 8 <> 0 AND audit_error), 0),
    count(*) FILTER (WHERE news & 16 <> 0),
    count(*) FILTER (WHERE news & 16 <> 0 AND control_error)
FROM changed
WHERE cell_id IS NOT NULL
GROUP BY cell_id, day
ORDER BY cell_id, day
ON CONFLICT (cell_id, day) DO UPDATE SET
    cases             = total.cases + excluded.cases,
    automatic         = total.automatic + excluded.automatic,
    assisted_agreed   = total.assisted_agreed + excluded.assisted_agreed,
    assisted_modified = total.assisted_modified + excluded.assisted_modified,
    assisted_overrode = total.assisted_overrode + excluded.assisted_overrode,
    blind_agreed      = total.blind_agreed + excluded.blind_agreed,
    blind_modified    = total.blind_modified + excluded.blind_modified,
    blind_overrode    = total.blind_overrode + excluded.blind_overrode,
    no_proposal       = total.no_proposal + excluded.no_proposal,
    closed            = total.closed + excluded.closed,
    reversed          = total.reversed + excluded.reversed,
    audits            = total.audits + excluded.audits,
    audit_errors      = total.audit_errors + excluded.audit_errors,
    weight            = total.weight + excluded.weight,
    weight_squared    = total.weight_squared + excluded.weight_squared,
    error_weight      = total.error_weight + excluded.error_weight,
    controls          = total.controls + excluded.controls,
    control_errors    = total.control_errors + excluded.control_errors;

-- name: sums
-- The counts of every cell that real cases fell into. tenants and decision_type null = all; days inclusive, null = open.
SELECT
    decision_type, tier, band, level, reasons, model_name, model_version,
    sum(cases)::bigint AS cases,
    sum(automatic)::bigint AS automatic,
    sum(assisted_agreed)::bigint AS assisted_agreed,
    sum(assisted_modified)::bigint AS assisted_modified,
    sum(assisted_overrode)::bigint AS assisted_overrode,
    sum(blind_agreed)::bigint AS blind_agreed,
    sum(blind_modified)::bigint AS blind_modified,
    sum(blind_overrode)::bigint AS blind_overrode,
    sum(no_proposal)::bigint AS no_proposal,
    sum(closed)::bigint AS closed,
    sum(reversed)::bigint AS reversed,
    sum(audits)::bigint AS audits,
    sum(audit_errors)::bigint AS audit_errors,
    sum(weight) AS weight,
    sum(weight_squared) AS weight_squared,
    sum(error_weight) AS error_weight,
    sum(controls)::bigint AS controls,
    sum(control_errors)::bigint AS control_errors
FROM counters JOIN cells USING (cell_id)
WHERE NOT test
    AND ($1::text[] IS NULL OR tenant = ANY ($1))
    AND ($2::text IS NULL OR decision_type = $2)
    AND ($3::date IS NULL OR day >= $3)
    AND ($4::date IS NULL OR day <= $4)
GROUP BY decision_type, tier, band, level, reasons, model_name, model_version;

-- name: unplaced
-- How many cases are known only by a decision or a judgement so far.
SELECT count(*) FROM cases WHERE cell_id IS NULL AND ($1::text[] IS NULL OR tenant = ANY ($1));

-- name: populations
-- What a certificate could be about: the newest populations of a decision type that would be automated, with their cases.
SELECT
    tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256,
    array_agg(DISTINCT cell_id) AS cell_ids,
    sum(cases)::bigint AS cases
FROM cells JOIN counters USING (cell_id)
WHERE would_automate AND NOT test
    AND ($1::text[] IS NULL OR tenant = ANY ($1))
    AND decision_type = $2
    AND ($3::text IS NULL OR tier = $3)
GROUP BY tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256
ORDER BY max(day) DESC, cases DESC
LIMIT $4;

-- name: traffic
-- Confidences of a sample of pages: which confidences occur, without reading every case. $2 is the share in percent.
SELECT confidence
FROM cases TABLESAMPLE SYSTEM ($2::real) REPEATABLE (1)
WHERE cell_id = ANY ($1::integer[]) AND confidence IS NOT NULL
LIMIT $3;

-- name: all_cases
-- About how many cases there are, as the planner last counted, and how many of them lie in these cells.
SELECT
    greatest(reltuples, 0)::bigint AS everything,
    (SELECT coalesce(sum(cases), 0) FROM counters WHERE cell_id = ANY ($1::integer[]))::bigint AS mine
FROM pg_class
WHERE oid = 'cases'::regclass;

-- name: daily_overrides
-- Overrides among assisted reviews, by day of the routing, oldest first.
SELECT
    sum(assisted_overrode)::bigint AS k,
    sum(assisted_agreed + assisted_modified + assisted_overrode)::bigint AS n
FROM counters JOIN cells USING (cell_id)
WHERE NOT test
    AND ($1::text[] IS NULL OR tenant = ANY ($1))
    AND decision_type = $2
GROUP BY day
ORDER BY day;

-- name: forget
-- Empty what follows from events alone, to fill it anew. Cells only number what occurs, and stay; so does what was spent.
TRUNCATE cases, counters, labels, answers, truths, reviewers, outcomes;
