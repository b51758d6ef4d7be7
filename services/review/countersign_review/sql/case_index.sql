-- Finding cases by words and consequence. Filled behind the intake's back, when it has nothing else to do.

-- name: lock
-- One instance at a time; the others try again later.
SELECT pg_try_advisory_xact_lock(hashtextextended('countersign.case_index.' || current_schema(), 0));

-- name: not_indexed
SELECT c.arrival, c.case_id, c.decision_type, c.subject_ref, c.title, c.body, c.routed_at
FROM cases AS c
WHERE c.arrival > $1 AND NOT EXISTS (SELECT FROM case_index AS i WHERE i.arrival = c.arrival)
ORDER BY c.arrival
LIMIT $2;

-- name: newest_case
SELECT coalesce(max(arrival), 0) FROM cases;

-- name: routed_after
SELECT routed_at FROM cases WHERE arrival > $1 ORDER BY arrival LIMIT 1;

-- name: insert
-- Words arrive as text with a unit separator between them: unnest would flatten arrays of arrays.
INSERT INTO case_index (arrival, tier_rank, words)
SELECT arrival, tier_rank, array_to_tsvector(string_to_array(words, E'\x1f'))
FROM unnest($1::bigint[], $2::smallint[], $3::text[]) AS i (arrival, tier_rank, words)
ON CONFLICT DO NOTHING;
