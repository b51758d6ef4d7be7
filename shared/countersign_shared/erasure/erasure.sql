-- Tombstones of erased cases. This table is part of each such service's own migrations:
--
--   CREATE TABLE erasures (
--       tenant      text        NOT NULL,
--       case_id     text        NOT NULL,
--       erasure_id  text        NOT NULL,
--       erased_at   timestamptz NOT NULL,
--       rows_erased integer     NOT NULL,
--       PRIMARY KEY (case_id, tenant, erasure_id)
--   );

-- name: add
INSERT INTO erasures (tenant, case_id, erasure_id, erased_at, rows_erased) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- name: find
SELECT e.erased_at, e.rows_erased,
       (SELECT count(*) FROM erasures AS b
        WHERE b.tenant = $1 AND b.case_id = $2 AND (b.erased_at, b.erasure_id) <= (e.erased_at, e.erasure_id)) AS number
FROM erasures AS e WHERE e.tenant = $1 AND e.case_id = $2 AND e.erasure_id = $3;

-- name: erased
-- Which cases of these ids are erased; asked once a batch, and nearly always answered with nothing.
SELECT DISTINCT tenant, case_id FROM erasures WHERE case_id = ANY ($1::text[]);

-- name: sampled
-- The service's tables of which the planner has kept samples. NULL: none.
SELECT string_agg(DISTINCT format('%I.%I', schemaname, tablename), ', ') FROM pg_stats WHERE schemaname = current_schema();

-- name: recent
SELECT DISTINCT tenant, case_id FROM erasures WHERE erased_at >= $1 ORDER BY tenant, case_id;
