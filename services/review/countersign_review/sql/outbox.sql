-- What leaves.

-- name: due
-- As in countersign_shared/messaging/outbox.sql, but a message waits for earlier ones of its own case only: two tenants may
-- have cases of one name, and so of one key. Subselects, each of which is looked up by its key, whatever the planner
-- thinks of the size of these tables.
SELECT id, event_id, topic, partition, key, body, headers,
       (SELECT EXISTS (SELECT FROM pg_locks
                       WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted)) AS holds_lock
FROM outbox AS o
WHERE (not_before <= $1 OR not_before > $3)
  AND NOT EXISTS (SELECT FROM outbox AS earlier
                  WHERE earlier.key = o.key AND earlier.id < o.id AND earlier.not_before > $1
                    AND earlier.not_before <= $3
                    AND (SELECT e.tenant FROM events AS e WHERE e.event_id = earlier.event_id)
                        IS NOT DISTINCT FROM (SELECT e.tenant FROM events AS e WHERE e.event_id = o.event_id))
ORDER BY id
LIMIT $2
FOR UPDATE;
