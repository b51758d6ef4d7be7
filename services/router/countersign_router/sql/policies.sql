-- name: insert_policy
INSERT INTO policies (sha256, tenant, decision_type, version, automation_sha256, document, published_at, published_by,
                      reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING;

-- name: find_policy_version
SELECT sha256 FROM policies WHERE tenant = $1 AND decision_type = $2 AND version = $3;

-- name: list_policies
SELECT sha256, tenant, decision_type, version, automation_sha256, published_at, published_by, reason
FROM policies ORDER BY tenant, decision_type, version DESC;

-- name: newest_version
SELECT max(version) FROM policies WHERE tenant = $1 AND decision_type = $2;

-- name: find_published
SELECT sha256, tenant, decision_type, version, automation_sha256, published_at, published_by, reason
FROM policies WHERE sha256 = $1;
