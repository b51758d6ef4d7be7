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
-- was lost is the last or only thing its producer said about a case. And what should long have happened to the cases that
-- came between $3 and $4: all of them were scored, routed and decided by now, unless somebody refused or erased them. Of
-- each case only the first step that is missing.
WITH steps (number, step, rests) AS (
    VALUES (1, 'case.created', 'case.scored'), (2, 'case.scored', 'case.routed'), (3, 'case.routed', 'decision.made'),
           (4, 'decision.made', NULL)
), touched AS (
    SELECT DISTINCT case_ref FROM entries WHERE case_ref IS NOT NULL AND occurred_at >= $1 AND occurred_at < $2
), overdue AS (
    SELECT DISTINCT case_ref FROM entries
    WHERE case_ref IS NOT NULL AND kind IN ('case.created', 'case.scored', 'case.routed')
      AND occurred_at >= $3 AND occurred_at < $4
      AND NOT EXISTS (SELECT FROM erased WHERE scope = case_ref)
), known AS (
    SELECT c.case_ref, array_agg(DISTINCT convert_from(e.leaf, 'UTF8')::json ->> 'topic') AS topics
    FROM (SELECT case_ref FROM touched UNION SELECT case_ref FROM overdue) AS c JOIN entries AS e USING (case_ref)
    GROUP BY c.case_ref
), found AS (
    SELECT case_ref, number, step FROM known JOIN steps ON rests = ANY (topics) AND NOT step = ANY (topics)
    UNION ALL
    SELECT case_ref, number, step FROM known JOIN overdue USING (case_ref) CROSS JOIN steps
    WHERE NOT step = ANY (topics) AND NOT 'decision.made' = ANY (topics)
), first_missing AS (
    SELECT DISTINCT ON (case_ref) case_ref, step FROM found ORDER BY case_ref, number
), refused AS (
    -- Whoever could not read a case said so in a dead letter, which belongs to no case but names the record.
    SELECT said ->> 'topic' AS topic, said ->> 'partition' AS "partition", said ->> 'offset' AS "offset"
    FROM (SELECT convert_from(leaf, 'UTF8')::json -> 'dead_letter' AS said
          FROM entries WHERE kind = 'countersign.dead-letter') AS letters
)
SELECT encode(case_ref, 'hex') AS "case", step AS topic FROM first_missing
WHERE step <> 'case.scored' OR NOT EXISTS (
    SELECT FROM entries AS e
    CROSS JOIN LATERAL (SELECT convert_from(e.leaf, 'UTF8')::json AS said) AS parsed
    JOIN refused ON refused.topic = said ->> 'topic' AND refused."partition" = said #>> '{record,partition}'
                AND refused."offset" = said #>> '{record,offset}'
    WHERE e.case_ref = first_missing.case_ref
)
ORDER BY case_ref
LIMIT $5;

-- name: last_day
-- What was written under a clock that ran ahead does not count: its days may not even have begun.
SELECT max(day) FROM reconciled WHERE reconciled_at <= $1;

-- name: add_day
INSERT INTO reconciled (day, entries, holes, reconciled_at) VALUES ($1, $2, $3, $4);
