-- Users, sessions, keys.

-- name: insert_user
INSERT INTO users (username, pseudonym, display_name, password_hash, roles, tenants, decision_types, max_tier_rank,
                   amount_limit, currency, skills, languages, training_valid_until, delegates, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (username) DO NOTHING
RETURNING *;

-- name: user
SELECT * FROM users WHERE username = $1 AND disabled_at IS NULL;

-- name: lock_user_and_administrator
-- Both at once and in the order of their names, so that two administrators who change each other come one after another.
SELECT * FROM users WHERE username = $1 OR pseudonym = $2 ORDER BY username FOR NO KEY UPDATE;

-- name: lock_user
SELECT * FROM users WHERE username = $1 FOR NO KEY UPDATE;

-- name: disable_user
WITH ended AS (DELETE FROM sessions WHERE username = $1),
     unlinked AS (DELETE FROM login_links WHERE username = $1),
     revoked AS (UPDATE api_keys SET revoked_at = $2 WHERE username = $1 AND revoked_at IS NULL)
UPDATE users SET disabled_at = $2, version = version + 1 WHERE username = $1 RETURNING *;

-- name: take_user_number
-- Events about a user are numbered like those of a case.
UPDATE users SET next_sequence = next_sequence + 1 WHERE username = $1
RETURNING next_sequence - 1 AS sequence, pseudonym;

-- name: insert_session
-- Only while what they proved themselves with still holds: a reset that came in the meantime has ended their sessions.
INSERT INTO sessions (token_sha256, username, csrf_token, created_at, last_seen_at, expires_at)
SELECT $1, username, $3, $4, $4, $5 FROM users
WHERE username = $2 AND disabled_at IS NULL AND password_hash IS NOT DISTINCT FROM $6
FOR NO KEY UPDATE
RETURNING username;

-- name: sessions
-- $3 is how long ago they must have been used.
SELECT s.token_sha256, s.csrf_token, s.expires_at, s.last_seen_at, u.* FROM sessions AS s JOIN users AS u USING (username)
WHERE s.token_sha256 = ANY ($1::text[]) AND s.expires_at > $2 AND s.last_seen_at > $3 AND u.disabled_at IS NULL;

-- name: delete_session
DELETE FROM sessions WHERE token_sha256 = $1 RETURNING username;

-- name: delete_old_sessions
WITH links AS (DELETE FROM login_links WHERE expires_at <= $1)
DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2;

-- name: insert_login_link
INSERT INTO login_links (token_sha256, username, expires_at) VALUES ($1, $2, $3);

-- name: use_login_link
-- Deleted as it is read: it works once.
DELETE FROM login_links WHERE token_sha256 = $1 AND expires_at > $2 RETURNING username;

-- name: insert_api_key
INSERT INTO api_keys (key_id, name, username, secret_sha256, roles, tenants, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING *;

-- name: list_api_keys
SELECT k.*, u.tenants AS owner_tenants FROM api_keys AS k JOIN users AS u USING (username) ORDER BY k.created_at, k.key_id;

-- name: keys_in_use
SELECT k.key_id, k.secret_sha256, k.roles AS key_roles, k.tenants AS key_tenants, k.last_used_at, u.*
FROM api_keys AS k JOIN users AS u USING (username)
WHERE k.key_id = ANY ($1::text[]) AND k.expires_at > $2 AND k.revoked_at IS NULL AND u.disabled_at IS NULL;

-- name: user_by_pseudonym
SELECT * FROM users WHERE pseudonym = $1 AND disabled_at IS NULL;

-- name: lock_signing_keys
SELECT pg_advisory_xact_lock(hashtextextended('countersign.signing_keys.' || current_schema(), 0));

-- name: signing_keys
SELECT kid, private, public FROM signing_keys ORDER BY created_at DESC;

-- name: insert_signing_key
INSERT INTO signing_keys (kid, private, public, created_at) VALUES ($1, $2, $3, $4);

-- name: page_of_users
SELECT u.* FROM users AS u
WHERE ('*' = ANY ($1::text[]) OR '*' = ANY (u.tenants) OR u.tenants && $1) AND u.username > $2
ORDER BY u.username
LIMIT $3;

-- name: colleagues
-- People at the desk who share a tenant with the caller.
SELECT u.username, u.display_name, u.roles, u.tenants, d.delegate AS stands_in, d.ends_at AS away_until
FROM users AS u
LEFT JOIN LATERAL (SELECT delegate, ends_at FROM delegations AS d
                   WHERE d.username = u.username AND d.starts_at <= $2 AND d.ends_at > $2
                   ORDER BY d.starts_at LIMIT 1) AS d ON true
WHERE u.disabled_at IS NULL AND u.roles && ARRAY['reviewer', 'lead']
  AND ('*' = ANY ($1::text[]) OR '*' = ANY (u.tenants) OR u.tenants && $1)
ORDER BY u.display_name, u.username
LIMIT $3;

-- name: names_of
-- What people who share a tenant with the caller are called; those who have left, too, as records name them for ever.
SELECT u.pseudonym, u.display_name FROM users AS u
WHERE u.pseudonym = ANY ($2::text[]) AND ('*' = ANY ($1::text[]) OR '*' = ANY (u.tenants) OR u.tenants && $1)
ORDER BY u.pseudonym;

-- name: change_user
UPDATE users
SET display_name = $2, roles = $3, tenants = $4, decision_types = $5, max_tier_rank = $6, amount_limit = $7,
    currency = $8, skills = $9, languages = $10, training_valid_until = $11, delegates = $12, version = version + 1
WHERE username = $1
RETURNING *;

-- name: set_undo_seconds
UPDATE users SET undo_seconds = $2 WHERE username = $1 AND disabled_at IS NULL RETURNING *;

-- name: enable_user
UPDATE users SET disabled_at = NULL, version = version + 1 WHERE username = $1 RETURNING *;

-- name: set_password
-- Whoever was signed in with the old one is not any more.
WITH ended AS (DELETE FROM sessions WHERE username = $1),
     unlinked AS (DELETE FROM login_links WHERE username = $1)
UPDATE users SET password_hash = $2, version = version + 1 WHERE username = $1 RETURNING *;

-- name: revoke_api_key
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE key_id = $1 RETURNING *;

-- name: owner_of_key
SELECT username FROM api_keys WHERE key_id = $1;

-- name: lock_api_key
-- Once its owner is locked, as whoever disables them does it.
SELECT k.*, u.tenants AS owner_tenants FROM api_keys AS k JOIN users AS u USING (username)
WHERE k.key_id = $1 FOR UPDATE OF k;

-- name: touch_api_key
-- Of the requests that find it to be long ago in the same moment, one writes.
UPDATE api_keys SET last_used_at = $2 WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at <= $3);

-- name: touch_session
UPDATE sessions SET last_seen_at = $2 WHERE token_sha256 = $1;

-- name: delegations
-- Those that are not over, of one person on either side, or of everybody who shares a tenant with the caller.
SELECT d.*, u.tenants AS person_tenants FROM delegations AS d JOIN users AS u USING (username)
WHERE d.ends_at > $2 AND ($1::text IS NULL OR d.username = $1 OR d.delegate = $1)
  AND ($1::text IS NOT NULL OR '*' = ANY ($4::text[]) OR '*' = ANY (u.tenants) OR u.tenants && $4)
ORDER BY d.starts_at, d.delegation_id
LIMIT $3;

-- name: delegation_of
-- One of somebody who shares a tenant with the caller.
SELECT d.*, u.tenants AS person_tenants FROM delegations AS d JOIN users AS u USING (username)
WHERE d.delegation_id = $1 AND ('*' = ANY ($2::text[]) OR '*' = ANY (u.tenants) OR u.tenants && $2);

-- name: delegation
SELECT * FROM delegations WHERE delegation_id = $1 FOR UPDATE;

-- name: overlapping
SELECT delegation_id FROM delegations WHERE username = $1 AND starts_at < $3 AND ends_at > $2 LIMIT 1;

-- name: same_delegation
SELECT * FROM delegations WHERE username = $1 AND delegate = $2 AND starts_at = $3 AND ends_at = $4;

-- name: insert_delegation
INSERT INTO delegations (delegation_id, username, delegate, starts_at, ends_at, reason, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING *;

-- name: end_delegation
-- One that has not begun leaves nothing behind; one that has ends now.
WITH gone AS (DELETE FROM delegations WHERE delegation_id = $1 AND starts_at >= $2)
UPDATE delegations SET ends_at = $2 WHERE delegation_id = $1 AND starts_at < $2;

-- name: stands_in
-- Who stands in for a person now, directly.
SELECT u.username, u.pseudonym FROM delegations AS d JOIN users AS u ON u.username = d.delegate
WHERE d.username = $1 AND d.starts_at <= $2 AND d.ends_at > $2 AND u.disabled_at IS NULL
ORDER BY d.starts_at LIMIT 1;
