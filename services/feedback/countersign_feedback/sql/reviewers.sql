-- name: add_answers
-- Add each person's part in a case to their sums, once however often it is told.
WITH fresh AS (
    INSERT INTO answers (tenant, case_id, reviewer, what, agreed, day)
    SELECT tenant, case_id, reviewer, what, agreed, CASE WHEN agreed IS NOT NULL THEN day END
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $6::date[], $15::boolean[])
        AS given (tenant, case_id, reviewer, what, day, agreed)
    ORDER BY tenant, case_id, reviewer, what
    ON CONFLICT DO NOTHING
    RETURNING tenant, case_id, reviewer, what
)
INSERT INTO reviewers AS total (
    tenant, decision_type, reviewer, day, assisted, assisted_agreed, blind, blind_agreed,
    seeded, caught, timed, too_fast
)
SELECT
    tenant, decision_type, reviewer, day,
    sum(assisted), sum(assisted_agreed), sum(blind), sum(blind_agreed),
    sum(seeded), sum(caught), sum(timed), sum(too_fast)
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::integer[], $8::integer[],
    $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::integer[]
) AS given (
    tenant, case_id, reviewer, what, decision_type, day, assisted, assisted_agreed, blind, blind_agreed,
    seeded, caught, timed, too_fast
)
JOIN fresh USING (tenant, case_id, reviewer, what)
GROUP BY tenant, decision_type, reviewer, day
ORDER BY tenant, decision_type, reviewer, day
ON CONFLICT (tenant, decision_type, reviewer, day) DO UPDATE SET
    assisted        = total.assisted + excluded.assisted,
    assisted_agreed = total.assisted_agreed + excluded.assisted_agreed,
    blind           = total.blind + excluded.blind,
    blind_agreed    = total.blind_agreed + excluded.blind_agreed,
    seeded          = total.seeded + excluded.seeded,
    caught          = total.caught + excluded.caught,
    timed           = total.timed + excluded.timed,
    too_fast        = total.too_fast + excluded.too_fast;

-- name: add_truths
-- The latest word that says whether the proposal was right stands; that a decision was upheld overrules none.
INSERT INTO truths (tenant, case_id, decision_type, wrong, told_at, event_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::timestamptz[], $6::text[])
ORDER BY 1, 2
ON CONFLICT (tenant, case_id) DO UPDATE
SET wrong = excluded.wrong, told_at = excluded.told_at, event_id = excluded.event_id
WHERE excluded.wrong IS NOT NULL
    AND (truths.wrong IS NULL OR (excluded.told_at, excluded.event_id) > (truths.told_at, truths.event_id));

-- name: reviewers
-- The sums of every reviewer of a decision type (null = all) since a day. Few cases are looked at again, so assisted
-- answers are held against them here, and not counted when either comes. A seed's proposal is known to be wrong.
WITH newest AS (
    -- As many as any figure needs; each is looked up in two large tables.
    SELECT tenant, case_id, wrong
    FROM truths
    WHERE tenant = $1 AND ($2::text IS NULL OR decision_type = $2)
    ORDER BY told_at DESC, case_id
    LIMIT 2000
), known AS (
    SELECT a.reviewer, a.agreed, coalesce(t.wrong, c.conclusion IN ('assisted_overrode', 'blind_overrode')) AS wrong
    FROM newest AS t
    -- By their keys, each: OFFSET keeps the planner from reading the tables whole.
    CROSS JOIN LATERAL (
        SELECT reviewer, agreed, day FROM answers
        WHERE tenant = t.tenant AND case_id = t.case_id AND what = 'assisted' AND agreed IS NOT NULL OFFSET 0
    ) AS a
    LEFT JOIN LATERAL (
        SELECT conclusion FROM cases WHERE t.wrong IS NULL AND tenant = t.tenant AND case_id = t.case_id OFFSET 0
    ) AS c ON true
    WHERE $3::date IS NULL OR a.day >= $3
), held AS (
    SELECT
        reviewer,
        count(*) FILTER (WHERE wrong) AS wrong, count(*) FILTER (WHERE wrong AND NOT agreed) AS overrode_wrong,
        count(*) FILTER (WHERE NOT wrong) AS right_, count(*) FILTER (WHERE NOT wrong AND NOT agreed) AS overrode_right
    FROM known
    GROUP BY reviewer
)
SELECT
    reviewer,
    sum(assisted)::integer AS assisted, sum(assisted_agreed)::integer AS assisted_agreed,
    sum(blind)::integer AS blind, sum(blind_agreed)::integer AS blind_agreed,
    sum(seeded)::integer AS seeded, sum(caught)::integer AS caught,
    sum(timed)::integer AS timed, sum(too_fast)::integer AS too_fast,
    (coalesce(max(held.wrong), 0) + sum(seeded))::integer AS wrong,
    (coalesce(max(held.overrode_wrong), 0) + sum(caught))::integer AS overrode_wrong,
    coalesce(max(held.right_), 0)::integer AS "right", coalesce(max(held.overrode_right), 0)::integer AS overrode_right
FROM reviewers LEFT JOIN held USING (reviewer)
WHERE tenant = $1
    AND ($2::text IS NULL OR decision_type = $2)
    AND ($3::date IS NULL OR day >= $3)
GROUP BY reviewer
ORDER BY reviewer;

-- name: add_outcomes
INSERT INTO outcomes (event_id, tenant, case_id, decision_type, kind, severity, happened_on, source, event_source)
SELECT event_id, tenant, case_id, decision_type, kind, severity, happened_on, source, event_source
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::date[], $8::text[], $9::text[]
) AS given (event_id, tenant, case_id, decision_type, kind, severity, happened_on, source, event_source)
WHERE NOT EXISTS (
    -- Kept by an earlier release, which did not keep the source.
    SELECT FROM outcomes AS kept
    WHERE kept.tenant = given.tenant AND kept.case_id = given.case_id AND kept.event_id = given.event_id
        AND kept.event_source = ''
)
AND NOT EXISTS (SELECT FROM erasures WHERE erasures.tenant = given.tenant AND erasures.case_id = given.case_id)
ORDER BY tenant, case_id, event_id, event_source
ON CONFLICT DO NOTHING;

-- name: outcomes
-- Reported outcomes by what was reported, and who had decided.
SELECT
    outcomes.decision_type, outcomes.kind, count(*) AS reported,
    count(*) FILTER (WHERE cases.conclusion = 'automatic') AS automatic,
    max(severity) AS worst
FROM outcomes LEFT JOIN cases USING (tenant, case_id)
WHERE ($1::text[] IS NULL OR outcomes.tenant = ANY ($1))
    AND ($2::text IS NULL OR outcomes.decision_type = $2)
GROUP BY outcomes.decision_type, outcomes.kind
ORDER BY reported DESC
LIMIT 100;

-- name: lock_openings
SELECT pg_advisory_xact_lock(hashtextextended('countersign.feedback.openings', 0));

-- name: find_opening
-- The same request again: it was recorded.
SELECT number
FROM openings
WHERE tenant = $1 AND reviewer = $2 AND opened_by = $3 AND request_key = $4;

-- name: add_opening
INSERT INTO openings (tenant, reviewer, number, opened_by, request_key, opened_at)
SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5 FROM openings WHERE tenant = $1 AND reviewer = $2
RETURNING number;
