-- name: think_longer
-- For $1 milliseconds between two statements of this transaction.
SELECT set_config('idle_in_transaction_session_timeout', $1, true);

-- name: count_cases
-- Cases of a decision type from a place on: of these tenants (null: of all), without those that have a policy of their own.
SELECT count(*)
FROM routings
WHERE routed_at >= $1 AND decision_type = $2 AND ($3::text[] IS NULL OR tenant = ANY ($3)) AND NOT tenant = ANY ($4::text[])
    AND (routed_at, tenant, case_id) >= ($1, $5::text, $6::text);

-- name: nth_newest_case
-- The place of the n-th newest case since a moment, n from 0. Narrow rows: the bodies stay where they are.
SELECT routed_at, tenant, case_id
FROM routings
WHERE routed_at >= $1 AND decision_type = $2 AND ($3::text[] IS NULL OR tenant = ANY ($3)) AND NOT tenant = ANY ($4::text[])
ORDER BY routed_at DESC, tenant DESC, case_id DESC
OFFSET $5 LIMIT 1;

-- name: stored_cases
-- Every case from a place on, in the order of the table: nothing is sorted, so nothing is held.
SELECT routed_at, routed_body
FROM routings
WHERE routed_at >= $1 AND decision_type = $2 AND ($3::text[] IS NULL OR tenant = ANY ($3)) AND NOT tenant = ANY ($4::text[])
    AND (routed_at, tenant, case_id) >= ($1, $5::text, $6::text);

-- name: oldest_case
SELECT min(routed_at) FROM routings;

-- name: policies_of_type
-- Every version that can have routed a case of the type.
SELECT sha256, document, published_at FROM policies WHERE decision_type = $1;

-- name: tenants_with_a_policy
-- Tenants whose own policy is in force: the default tenant's does not speak for them.
SELECT tenant FROM controls WHERE kind = 'policy' AND decision_type = $1 AND tenant <> 'default';

-- name: sampling_keys
SELECT key_id, key FROM sampling_keys;

-- name: history_of_controls
-- Every state that a control of the type, or of all types, has had, oldest first.
SELECT changed_at, kind, tenant, decision_type, tier, body
FROM control_history
WHERE decision_type IN ($1, '*')
ORDER BY changed_at, kind, tenant, decision_type, tier, revision;

-- name: judgements_of_type
-- The newest judged cases of a decision type.
SELECT tenant, case_id, error FROM judgements WHERE decision_type = $1 ORDER BY judged_at DESC LIMIT $2;
