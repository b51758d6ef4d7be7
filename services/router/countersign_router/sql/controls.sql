-- name: lock_controls_table
-- Waits for every batch in flight (they hold ROW SHARE) and keeps later ones waiting until this change has committed.
LOCK TABLE controls IN EXCLUSIVE MODE;

-- name: find_control
SELECT revision, activities, headers, body FROM controls
WHERE kind = $1 AND tenant = $2 AND decision_type = $3 AND tier = $4;

-- name: list_controls
SELECT kind, tenant, decision_type, tier, headers, body FROM controls ORDER BY kind, tenant, decision_type, tier;

-- name: put_control
INSERT INTO controls (kind, tenant, decision_type, tier, revision, activities, changed_at, event_id, headers, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (kind, tenant, decision_type, tier) DO UPDATE
SET revision = excluded.revision, activities = excluded.activities, changed_at = excluded.changed_at,
    event_id = excluded.event_id, headers = excluded.headers, body = excluded.body;

-- name: count_activity
-- The next number of an activity about a control; the caller holds the table's lock.
UPDATE controls SET activities = activities + 1
WHERE kind = $1 AND tenant = $2 AND decision_type = $3 AND tier = $4
RETURNING activities;

-- name: database_time
SELECT clock_timestamp();
