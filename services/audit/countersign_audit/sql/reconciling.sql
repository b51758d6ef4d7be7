-- name: counts
-- What happened on a day, by kind.
SELECT kind, count(*) AS entries,
       count(*) FILTER (WHERE position('"conflict_with":'::bytea IN leaf) > 0) AS conflicts
FROM entries WHERE occurred_at >= $1 AND occurred_at < $2 GROUP BY kind ORDER BY count(*) DESC, kind;

-- name: holes
-- Producers number what they say about a case 1, 2, 3...: a number that is missing below one that is there is an event
-- that never arrived. All entries of the cases that something happened to on the day.
SELECT encode(case_ref, 'hex') AS "case", source, array_agg(DISTINCT sequence ORDER BY sequence) AS seen
FROM (
    SELECT e.case_ref, said ->> 'source' AS source, (said ->> 'sequence')::bigint AS sequence
    FROM (SELECT DISTINCT case_ref FROM entries
          WHERE case_ref IS NOT NULL AND occurred_at >= $1 AND occurred_at < $2) AS touched
    JOIN entries AS e USING (case_ref)
    CROSS JOIN LATERAL (SELECT convert_from(e.leaf, 'UTF8')::json AS said) AS parsed
    WHERE said ->> 'sequence' IS NOT NULL AND said ->> 'source' IS NOT NULL
) AS numbered
WHERE sequence > 0
GROUP BY case_ref, source
HAVING count(DISTINCT sequence) < max(sequence)
ORDER BY 1, 2
LIMIT $3;

-- name: absent
-- Events on which a later one rests and that are not in the log, though the later one is: no number is missing when what
-- was lost is the last or only thing its producer said about a case. And decisions that should long have been made, of
-- the cases that were routed between $3 and $4. Of each case only the first step that is missing.
WITH steps (number, step, rests) AS (
    VALUES (1, 'case.created', 'case.scored'), (2, 'case.scored', 'case.routed'), (3, 'case.routed', 'decision.made')
), touched AS (
    SELECT DISTINCT case_ref FROM entries WHERE case_ref IS NOT NULL AND occurred_at >= $1 AND occurred_at < $2
), overdue AS (
    SELECT DISTINCT case_ref FROM entries
    WHERE case_ref IS NOT NULL AND kind = 'case.routed' AND occurred_at >= $3 AND occurred_at < $4
), known AS (
    SELECT c.case_ref, array_agg(DISTINCT convert_from(e.leaf, 'UTF8')::json ->> 'topic') AS topics
    FROM (SELECT case_ref FROM touched UNION SELECT case_ref FROM overdue) AS c JOIN entries AS e USING (case_ref)
    GROUP BY c.case_ref
), found AS (
    SELECT case_ref, number, step FROM known JOIN steps ON rests = ANY (topics) AND NOT step = ANY (topics)
    UNION ALL
    SELECT case_ref, 4, 'decision.made' FROM known JOIN overdue USING (case_ref) WHERE NOT 'decision.made' = ANY (topics)
)
SELECT DISTINCT ON (case_ref) encode(case_ref, 'hex') AS "case", step AS topic FROM found
ORDER BY case_ref, number
LIMIT $5;

-- name: last_day
SELECT max(day) FROM reconciled;

-- name: add_day
INSERT INTO reconciled (day, entries, holes, reconciled_at) VALUES ($1, $2, $3, $4);
