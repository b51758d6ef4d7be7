-- name: try_writer_lock
-- One writer per log. The lock lives as long as the session that writes.
SELECT pg_try_advisory_lock(hashtextextended('countersign.audit.log.' || current_schema(), 0));

-- name: latest_checkpoint
SELECT size, root, note, frontier, signed_at FROM checkpoints ORDER BY size DESC LIMIT 1;

-- name: checkpoint_note
SELECT note FROM checkpoints WHERE size = $1;

-- name: leaves_from
-- Entries younger than the last checkpoint: a second's worth at most, after a crash.
SELECT index, leaf, leaf_hash FROM entries WHERE index >= $1 ORDER BY index;

-- name: genesis
SELECT leaf FROM entries WHERE index = 0;

-- name: own_entries
-- What the log says about itself; whatever else claims one of these kinds has a topic, which the reader looks at.
SELECT index, leaf FROM entries WHERE kind IN ('log.genesis', 'log.key_rotated', 'log.recovered') ORDER BY index;

-- name: known_records
-- Which of these records are in the log already, and under which key their content was committed to. Subselects with an
-- offset, here and below, because the plan is kept: made while tables are small, it would read all of them for ever.
SELECT r.record_id, e.index, e.leaf, coalesce(e.case_ref, r.record_id) AS scope, p.key_number,
       k.subject, k.epoch, k.wrapped
FROM records AS r
CROSS JOIN LATERAL (SELECT index, leaf, case_ref FROM entries WHERE index = r.index OFFSET 0) AS e
LEFT JOIN LATERAL (SELECT key_number FROM payloads WHERE index = r.index OFFSET 0) AS p ON true
LEFT JOIN LATERAL (
    SELECT subject, epoch, wrapped FROM data_keys
    WHERE scope = coalesce(e.case_ref, r.record_id) AND number = p.key_number OFFSET 0
) AS k ON true
WHERE r.record_id = ANY ($1::bytea[]);

-- name: known_scopes
-- The newest entry and the data keys of each of these cases that the log knows; the subselects walk their indexes once
-- per case.
SELECT s.scope, e.index, k.number, k.subject, k.epoch, k.wrapped
FROM unnest($1::bytea[]) AS s (scope)
CROSS JOIN LATERAL (SELECT max(index) AS index FROM entries WHERE case_ref = s.scope) AS e
LEFT JOIN LATERAL (SELECT number, subject, epoch, wrapped FROM data_keys WHERE scope = s.scope OFFSET 0) AS k ON true
WHERE e.index IS NOT NULL
ORDER BY s.scope, k.number;

-- name: walk_indexes
-- For the session that looks cases up: its plans are made while the tables are small, too.
SET enable_seqscan = off;

-- name: add_checkpoint
INSERT INTO checkpoints (size, root, note, frontier, signed_at) VALUES ($1, $2, $3, $4, $5);

-- name: case_entries
-- A case's entries in the order of the log, with payload and wrapped key where they still exist.
SELECT e.index, e.leaf, e.leaf_hash, e.kind, e.tenant, e.occurred_at, e.actor, e.case_ref, e.record_id,
       p.key_number, p.sealed, k.subject, k.epoch, k.wrapped
FROM entries AS e
LEFT JOIN payloads AS p USING (index)
LEFT JOIN data_keys AS k ON k.scope = e.case_ref AND k.number = p.key_number
WHERE e.case_ref = $1
ORDER BY e.index
LIMIT $2;

-- name: steps_of_case
-- What a decision rests on, of a case with however many other entries: a page in the order of the log, after an index.
SELECT e.index, e.leaf, e.case_ref, e.record_id, p.key_number, p.sealed, k.subject, k.epoch, k.wrapped
FROM entries AS e
LEFT JOIN payloads AS p USING (index)
LEFT JOIN data_keys AS k ON k.scope = e.case_ref AND k.number = p.key_number
WHERE e.case_ref = $1 AND e.kind = ANY ($2::text[]) AND e.index > $3
ORDER BY e.index
LIMIT $4;

-- name: plan_for_these_values
-- The searches below take very different ways for different limits.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: search_entries
-- Entries in the order of the log, from an index on, with what is asked for; `tenants` null = every tenant, entries
-- without a tenant included. $8 is about where the time $6 falls, and reading in the order of the log begins; $9 are
-- the entries before that.
WITH found AS (
    SELECT unnest($9::bigint[]) AS index
    UNION ALL
    (SELECT index FROM entries
     WHERE index >= greatest($1::bigint, $8::bigint)
       AND ($2::text[] IS NULL OR tenant = ANY ($2::text[])) AND ($4::text IS NULL OR kind = $4)
       AND ($5::text IS NULL OR actor = $5)
       AND ($6::timestamptz IS NULL OR occurred_at >= $6) AND ($7::timestamptz IS NULL OR occurred_at < $7)
     ORDER BY index LIMIT $3)
    ORDER BY index LIMIT $3
)
SELECT index, leaf, leaf_hash, kind, occurred_at, actor, tenant
FROM found JOIN entries USING (index)
ORDER BY index;

-- name: place_of
-- About where in the log a time falls, by halving. Of nine entries in a row the middle one counts: some producers' clocks
-- are wrong. Any place would do; from a good one there is little to read.
WITH RECURSIVE halving AS (
    SELECT 0::bigint AS low, (SELECT coalesce(max(index) + 1, 0) FROM entries) AS high
    UNION ALL
    SELECT CASE WHEN t.at < $1 THEN m.middle + 1 ELSE h.low END, CASE WHEN t.at < $1 THEN h.high ELSE m.middle END
    FROM halving AS h
    CROSS JOIN LATERAL (SELECT (h.low + h.high) / 2 AS middle) AS m
    CROSS JOIN LATERAL (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY occurred_at) AS at
                        FROM (SELECT occurred_at FROM entries
                              WHERE index >= m.middle AND occurred_at IS NOT NULL
                              ORDER BY index LIMIT 9) AS few) AS t
    WHERE h.low < h.high
)
SELECT low FROM halving WHERE low >= high;

-- name: entries_ahead
-- What stands before place $8 and says that it happened at $6 or later, by a producer's clock that was ahead.
WITH ahead AS MATERIALIZED (
    SELECT index FROM entries
    WHERE index >= $1 AND index < $8
      AND ($2::text[] IS NULL OR tenant = ANY ($2::text[])) AND ($4::text IS NULL OR kind = $4)
      AND ($5::text IS NULL OR actor = $5)
      AND occurred_at >= $6 AND ($7::timestamptz IS NULL OR occurred_at < $7)
)
SELECT index FROM ahead ORDER BY index LIMIT $3;

-- name: by_summaries
-- The planner takes time and place for independent and expects very many of those; there are few, and the summaries of
-- the pages lead to them.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true);

-- name: by_any_way
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'on', true);

-- name: search_case
SELECT index, leaf, leaf_hash, kind, occurred_at, actor, tenant
FROM entries
WHERE case_ref = $8 AND index >= $1
  AND ($2::text[] IS NULL OR tenant = ANY ($2::text[])) AND ($4::text IS NULL OR kind = $4)
  AND ($5::text IS NULL OR actor = $5)
  AND ($6::timestamptz IS NULL OR occurred_at >= $6) AND ($7::timestamptz IS NULL OR occurred_at < $7)
ORDER BY index
LIMIT $3;

-- name: search_subject
-- A subject is known by the data keys that are still there: after an erasure nothing leads to it any more.
SELECT index, leaf, leaf_hash, kind, occurred_at, actor, tenant
FROM (SELECT scope, number FROM data_keys WHERE subject = $8) AS k
CROSS JOIN LATERAL (
    SELECT * FROM entries WHERE case_ref = k.scope
    UNION ALL
    SELECT e.* FROM records AS r JOIN entries AS e USING (index) WHERE r.record_id = k.scope AND e.case_ref IS NULL
) AS e
JOIN payloads AS p USING (index)
WHERE p.key_number = k.number AND index >= $1
  AND ($2::text[] IS NULL OR tenant = ANY ($2::text[])) AND ($4::text IS NULL OR kind = $4)
  AND ($5::text IS NULL OR actor = $5)
  AND ($6::timestamptz IS NULL OR occurred_at >= $6) AND ($7::timestamptz IS NULL OR occurred_at < $7)
ORDER BY index
LIMIT $3;

-- name: access_log
-- The newest first: who looks for who looked begins with now.
SELECT index, leaf, leaf_hash, kind, occurred_at, actor, tenant
FROM entries
WHERE kind IN ('audit.read', 'audit.exported') AND index <= $1 AND ($8::bytea IS NULL OR case_ref = $8)
  AND ($2::text[] IS NULL OR tenant = ANY ($2::text[])) AND ($4::text IS NULL OR kind = $4)
  AND ($5::text IS NULL OR actor = $5)
  AND ($6::timestamptz IS NULL OR occurred_at >= $6) AND ($7::timestamptz IS NULL OR occurred_at < $7)
ORDER BY index DESC
LIMIT $3;

-- name: leaves_between
SELECT leaf FROM entries WHERE index >= $1 AND index < $2 ORDER BY index;

-- name: tenants_between
-- Whose entries a stretch of the log holds: how many, the first and the last of each.
SELECT tenant, count(*) AS entries, min(index) AS first_index, max(index) AS last_index FROM entries
WHERE index >= $1 AND index < $2 GROUP BY tenant;

-- name: lock_reads
-- Two reads of one case at once take their numbers one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('countersign.audit.reads.' || encode($1::bytea, 'hex'), 0));

-- name: add_read
INSERT INTO reads (scope, sequence, read_at)
SELECT $1::bytea, coalesce(max(sequence), 0) + 1, $2::timestamptz FROM reads WHERE scope = $1::bytea
RETURNING sequence;

-- name: entries_after
-- The log in its own order, page by page, with payload and wrapped key where they still exist. Pages, because one
-- statement over everything is planned as a sort of the whole log.
SELECT e.index, e.leaf, e.leaf_hash, e.record_id, e.case_ref, e.tenant, e.kind, e.occurred_at, e.actor,
       r.known_as, p.key_number, p.sealed, k.subject, k.epoch, k.wrapped
FROM (SELECT * FROM entries WHERE index > $1 ORDER BY index LIMIT $2) AS e
LEFT JOIN (SELECT record_id, index AS known_as FROM records) AS r USING (record_id)
LEFT JOIN payloads AS p USING (index)
LEFT JOIN data_keys AS k ON k.scope = coalesce(e.case_ref, e.record_id) AND k.number = p.key_number
ORDER BY e.index;

-- name: checkpoints_after
SELECT size, root, note, frontier, signed_at FROM checkpoints WHERE size > $1 ORDER BY size LIMIT $2;

-- name: log_extent
SELECT (SELECT count(*) FROM entries) AS entries, (SELECT count(*) FROM records) AS records;

-- name: make_room
SELECT make_room($1, $2);

-- name: add_tiles
INSERT INTO tiles (level, number, hashes, root)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[]);

-- name: next_tile
-- How many tiles of a level there are: they are numbered from 0 without holes.
SELECT coalesce(max(number) + 1, 0) FROM tiles WHERE level = $1;

-- name: has_tiles_table
SELECT to_regclass('tiles') IS NOT NULL;

-- name: stored_tile
SELECT hashes, root FROM tiles WHERE level = $1 AND number = $2;

-- name: tiles
-- Full tiles as they were stored; open ones are made of what is below them.
SELECT w.level, w.number, w.width, CASE
    WHEN w.width = 256 THEN (SELECT t.hashes FROM tiles AS t WHERE t.level = w.level AND t.number = w.number)
    WHEN w.level = 0 THEN (
        SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.index) FROM entries AS e
        WHERE e.index >= w.number * 256 AND e.index < w.number * 256 + w.width)
    ELSE (
        SELECT string_agg(t.root, ''::bytea ORDER BY t.number) FROM tiles AS t
        WHERE t.level = w.level - 1 AND t.number >= w.number * 256 AND t.number < w.number * 256 + w.width)
    END AS hashes
FROM unnest($1::smallint[], $2::bigint[], $3::integer[]) AS w (level, number, width);

-- name: hashes_of_leaves
SELECT string_agg(leaf_hash, ''::bytea ORDER BY index) FROM entries WHERE index >= $1 AND index < $2;

-- name: hashes_of_tiles
SELECT string_agg(root, ''::bytea ORDER BY number) FROM tiles WHERE level = $1 AND number >= $2 AND number < $3;
