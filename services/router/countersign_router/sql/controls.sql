-- name: lock_controls_table
-- Waits for every batch in flight (they hold ROW SHARE) and keeps later ones waiting until this change has committed.
-- Whoever hangs in the middle of a change would hold up every case: the database ends it after a few seconds.
SET LOCAL idle_in_transaction_session_timeout = '5s';
LOCK TABLE controls IN EXCLUSIVE MODE;

-- name: end_hanging_batches
-- End the transactions of batches whose process has not said anything for $1 seconds, so that a change need not wait
-- for it: the database waits for the client, between two statements or amid a COPY (which counts as active). Nothing of
-- such a batch was published or acknowledged; it comes again.
SELECT who.application_name, extract(epoch FROM clock_timestamp() - who.state_change) AS seconds,
       pg_terminate_backend(who.pid) AS ended
FROM pg_locks AS held JOIN pg_stat_activity AS who USING (pid)
WHERE held.relation = 'controls'::regclass AND held.mode = 'RowShareLock' AND held.granted
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND who.wait_event_type = 'Client' AND who.state_change < clock_timestamp() - make_interval(secs => $1)
  AND who.pid <> pg_backend_pid();

-- name: find_control
SELECT revision, activities, headers, body FROM controls
WHERE kind = $1 AND tenant = $2 AND decision_type = $3 AND tier = $4;

-- name: list_controls
SELECT kind, tenant, decision_type, tier, headers, body FROM controls ORDER BY kind, tenant, decision_type, tier;

-- name: list_kind
SELECT kind, tenant, decision_type, tier, revision, activities, headers, body FROM controls
WHERE kind = $1 ORDER BY tenant, decision_type, tier;

-- name: put_control
INSERT INTO controls (kind, tenant, decision_type, tier, revision, activities, changed_at, event_id, headers, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (kind, tenant, decision_type, tier) DO UPDATE
SET revision = excluded.revision, activities = excluded.activities, changed_at = excluded.changed_at,
    event_id = excluded.event_id, headers = excluded.headers, body = excluded.body;

-- name: add_history
INSERT INTO control_history (kind, tenant, decision_type, tier, revision, changed_at, body)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: find_history
SELECT body FROM control_history
WHERE kind = $1 AND tenant = $2 AND decision_type = $3 AND tier = $4 AND revision = $5;

-- name: list_history
-- Newest first.
SELECT body FROM control_history
WHERE kind = $1 AND tenant = $2 AND decision_type = $3 AND tier = $4 AND revision < $5
ORDER BY revision DESC LIMIT $6;

-- name: add_refused
-- Nothing comes back when this record was refused before, by whichever replica.
INSERT INTO refused_controls (sha256, reason, refused_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING sha256;

-- name: known_refused
SELECT sha256 FROM refused_controls WHERE sha256 = ANY ($1::text[]);

-- name: count_activity
-- The next number of an activity about a control; the caller holds the table's lock.
UPDATE controls SET activities = activities + 1
WHERE kind = $1 AND tenant = $2 AND decision_type = $3 AND tier = $4
RETURNING activities;

-- name: database_time
SELECT clock_timestamp();

-- name: count_load
-- Cases of a scope by hour before a moment (0 = the last one): those the machine decided, and those that went to people.
SELECT tenant, decision_type, floor(extract(epoch FROM $2 - routed_at) / 3600)::integer AS hours_ago,
       count(decision_body) AS automatic, count(*) - count(decision_body) AS people
FROM routings
WHERE routed_at > $1 AND routed_at <= $2 AND ($3 = '*' OR tenant = $3) AND ($4 = '*' OR decision_type = $4)
  AND NOT test
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
