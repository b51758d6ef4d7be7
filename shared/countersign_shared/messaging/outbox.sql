-- The outbox of a service where HTTP starts the write: state and row in one transaction.
-- This table is part of each such service's own migrations:
--
--   CREATE TABLE outbox (
--       id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
--       event_id    text        NOT NULL UNIQUE,
--       topic       text        NOT NULL,
--       partition   integer,
--       key         bytea       NOT NULL,
--       body        bytea       NOT NULL,
--       headers     bytea       NOT NULL,
--       not_before  timestamptz NOT NULL,
--       created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
--   );
--   CREATE INDEX outbox_key ON outbox (key, id);

-- name: add
-- The writer has locked the case row before, so that ids follow the order of commits within a case.
INSERT INTO outbox (event_id, topic, partition, key, body, headers, not_before)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (event_id) DO NOTHING;

-- name: remove
-- Takes back a message that has not left; tells whether there was one.
DELETE FROM outbox WHERE event_id = $1 RETURNING id;

-- name: due
-- Oldest first; a message waits while an earlier one of its key is still held back. With whether the relay's lock is held.
-- None is held back past $3: what is to leave later than that was written under a clock that ran ahead.
SELECT id, event_id, topic, partition, key, body, headers,
       (SELECT EXISTS (SELECT FROM pg_locks
                       WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted)) AS holds_lock
FROM outbox AS o
WHERE (not_before <= $1 OR not_before > $3)
  AND NOT EXISTS (SELECT FROM outbox AS earlier
                  WHERE earlier.key = o.key AND earlier.id < o.id AND earlier.not_before > $1
                    AND earlier.not_before <= $3)
ORDER BY id
LIMIT $2
FOR UPDATE;

-- name: waiting
-- Whether something is due, and when the next of those held back will be.
SELECT EXISTS (SELECT FROM outbox WHERE not_before <= $1 OR not_before > $2) AS due,
       (SELECT min(not_before) FROM outbox WHERE not_before > $1 AND not_before <= $2) AS next;

-- name: delete
DELETE FROM outbox WHERE id = ANY ($1::bigint[]);

-- name: oldest
SELECT min(not_before) FROM outbox;

-- name: lock
-- One relay per service schema: several would break the order within a case.
SELECT pg_try_advisory_lock(hashtextextended('countersign.outbox.' || current_schema(), 0));
