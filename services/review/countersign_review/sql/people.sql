-- Users, sessions, keys.

-- name: insert_user
INSERT INTO users (username, pseudonym, display_name, password_hash, roles, tenants, decision_types, max_tier_rank,
                   amount_limit, currency, skills, languages, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (username) DO NOTHING
RETURNING *;

-- name: list_users
SELECT * FROM users ORDER BY username;

-- name: user
SELECT * FROM users WHERE username = $1 AND disabled_at IS NULL;

-- name: lock_user
SELECT * FROM users WHERE username = $1 FOR NO KEY UPDATE;

-- name: disable_user
WITH ended AS (DELETE FROM sessions WHERE username = $1),
     unlinked AS (DELETE FROM login_links WHERE username = $1),
     revoked AS (UPDATE api_keys SET revoked_at = $2 WHERE username = $1 AND revoked_at IS NULL)
UPDATE users SET disabled_at = $2 WHERE username = $1 RETURNING *;

-- name: take_user_number
-- Events about a user are numbered like those of a case.
UPDATE users SET next_sequence = next_sequence + 1 WHERE username = $1
RETURNING next_sequence - 1 AS sequence, pseudonym;

-- name: insert_session
INSERT INTO sessions (token_sha256, username, csrf_token, created_at, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: session
SELECT s.csrf_token, s.expires_at, u.* FROM sessions AS s JOIN users AS u USING (username)
WHERE s.token_sha256 = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL;

-- name: delete_session
DELETE FROM sessions WHERE token_sha256 = $1 RETURNING username;

-- name: delete_old_sessions
WITH links AS (DELETE FROM login_links WHERE expires_at <= $1)
DELETE FROM sessions WHERE expires_at <= $1;

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
SELECT * FROM api_keys ORDER BY created_at, key_id;

-- name: api_key
SELECT k.secret_sha256, k.roles AS key_roles, k.tenants AS key_tenants, u.*
FROM api_keys AS k JOIN users AS u USING (username)
WHERE k.key_id = $1 AND k.expires_at > $2 AND k.revoked_at IS NULL AND u.disabled_at IS NULL;

-- name: user_by_pseudonym
SELECT * FROM users WHERE pseudonym = $1 AND disabled_at IS NULL;

-- name: lock_signing_keys
SELECT pg_advisory_xact_lock(hashtextextended('countersign.signing_keys.' || current_schema(), 0));

-- name: signing_keys
SELECT kid, private, public FROM signing_keys ORDER BY created_at DESC;

-- name: insert_signing_key
INSERT INTO signing_keys (kid, private, public, created_at) VALUES ($1, $2, $3, $4);
