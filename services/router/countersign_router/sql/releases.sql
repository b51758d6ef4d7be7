-- name: insert_release_request
INSERT INTO release_requests (id, tenant, decision_type, revision, requested_by, role, reason, requested_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: find_release_request
SELECT id, tenant, decision_type, revision, requested_by, role, reason, requested_at, expires_at, confirmed_by,
       confirmed_at
FROM release_requests WHERE id = $1;

-- name: list_release_requests
-- Requests that still wait for a second person. One whose switch has changed since is void, and waits for nobody.
SELECT id, tenant, decision_type, revision, requested_by, role, reason, requested_at, expires_at, confirmed_by,
       confirmed_at
FROM release_requests WHERE confirmed_at IS NULL AND expires_at > $1
  AND EXISTS (SELECT FROM controls AS switch
              WHERE switch.kind = 'stop' AND switch.tenant = release_requests.tenant AND switch.tier = '*'
                AND switch.decision_type = release_requests.decision_type
                AND switch.revision = release_requests.revision)
ORDER BY requested_at DESC LIMIT 200;

-- name: confirm_release_request
UPDATE release_requests SET confirmed_by = $2, confirmed_at = $3 WHERE id = $1;

-- name: add_control_signature
INSERT INTO control_signatures (sha256, signed, pseudonym, role, reason, signed_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: list_control_signatures
-- Oldest first; only what was said after the last refusal, and that refusal.
SELECT sha256, signed, pseudonym, role, reason, signed_at
FROM control_signatures AS said
WHERE sha256 = ANY ($1::text[])
  AND id >= (SELECT coalesce(max(id), 0) FROM control_signatures WHERE sha256 = said.sha256 AND NOT signed)
ORDER BY id;
