-- name: latest_run
-- The newest run, and how far it has come.
SELECT runs.run, runs.size,
       count(cases.case_id)::integer AS arrived,
       (count(cases.case_id) FILTER (WHERE cases.finished_at IS NOT NULL))::integer AS finished
FROM runs LEFT JOIN cases USING (run)
GROUP BY runs.run
ORDER BY runs.run DESC
LIMIT 1;

-- name: begin_run
-- A new run with its size.
INSERT INTO runs (run, size, started_at) VALUES ($1, $2, $3);

-- name: resize_run
-- A run that is taken up again with another size; never smaller than what has arrived.
UPDATE runs
SET size = greatest($2, (SELECT count(*) FROM cases WHERE cases.run = $1))
WHERE run = $1
RETURNING size;

-- name: highest_number
-- The last demo case that was made, in any run.
SELECT coalesce(max(number), 0) FROM cases;

-- name: add_cases
-- Cases as they were first seen; a repeat changes nothing.
INSERT INTO cases (tenant, case_id, run, number, key, body, headers, partition, submitted_at)
SELECT tenant, case_id, run, number, key, body, headers, partition, $9
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::bytea[], $6::bytea[], $7::bytea[], $8::integer[])
    AS given (tenant, case_id, run, number, key, body, headers, partition)
ORDER BY tenant, case_id
ON CONFLICT DO NOTHING;

-- name: unfinished
-- What has to be submitted again after the broker forgot it, in the order it came.
SELECT key, body, headers, partition FROM cases WHERE finished_at IS NULL ORDER BY submitted_at, number NULLS LAST, case_id;

-- name: add_decisions
-- Decisions as they came; a repeat changes nothing.
INSERT INTO decisions (tenant, case_id, event_id, body_sha256, supersedes, level, mode, seen_at)
SELECT tenant, case_id, event_id, body_sha256, supersedes, level, mode, $8
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::boolean[], $6::integer[], $7::text[])
    AS given (tenant, case_id, event_id, body_sha256, supersedes, level, mode)
ORDER BY tenant, case_id, event_id, body_sha256
ON CONFLICT DO NOTHING;

-- name: finish
-- These cases are decided, and every service has all there is to know about them: nobody needs their bodies here again.
UPDATE cases SET finished_at = $3, body = '', headers = ''
FROM (SELECT * FROM unnest($1::text[], $2::text[]) AS given (tenant, case_id)) AS given
WHERE cases.tenant = given.tenant AND cases.case_id = given.case_id AND cases.finished_at IS NULL;

-- name: cases_of_run
-- Which cases belong to a run.
SELECT tenant, case_id FROM cases WHERE run = $1 ORDER BY number;

-- name: census
-- The cases of a run: how many have no decision, exactly one, more than one, or one decision with two bodies.
SELECT count(*)::integer AS cases,
       (count(*) FILTER (WHERE coalesce(found.decisions, 0) = 0))::integer AS undecided,
       (count(*) FILTER (WHERE found.decisions = 1 AND found.bodies = 1))::integer AS decided_once,
       (count(*) FILTER (WHERE found.decisions > 1))::integer AS decided_twice,
       (count(*) FILTER (WHERE found.bodies > found.decisions))::integer AS forked
FROM cases LEFT JOIN LATERAL (
    SELECT count(DISTINCT event_id) AS decisions, count(DISTINCT (event_id, body_sha256)) AS bodies
    FROM decisions
    WHERE decisions.tenant = cases.tenant AND decisions.case_id = cases.case_id AND NOT decisions.supersedes
) AS found ON true
WHERE cases.run = $1;

-- name: kinds_of_decision
-- The decisions of a run by level and mode. One that replaces another after a disagreeing audit is not one more case.
SELECT level, mode, count(*)::integer AS decisions
FROM (
    SELECT DISTINCT ON (tenant, case_id, event_id) level, mode
    FROM decisions JOIN cases USING (tenant, case_id)
    WHERE cases.run = $1 AND NOT decisions.supersedes
) AS once
GROUP BY level, mode
ORDER BY level, mode;
