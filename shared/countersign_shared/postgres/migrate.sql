-- name: wait_long_for_other_replicas
SET LOCAL lock_timeout = '60s';

-- name: wait_briefly_for_traffic
SET LOCAL lock_timeout = '5s';

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('countersign.migrate.' || $1, 0));

-- name: has_table
-- Asked first: a role that may only use its schema is refused even what is there already.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: create_table
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: applied
SELECT name, sha256 FROM schema_migrations;

-- name: record
INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2);
