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

-- name: last_day
SELECT max(day) FROM reconciled;

-- name: add_day
INSERT INTO reconciled (day, entries, holes, reconciled_at) VALUES ($1, $2, $3, $4);
