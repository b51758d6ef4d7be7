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
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
