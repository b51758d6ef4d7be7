-- name: insert_policy
INSERT INTO policies (sha256, tenant, decision_type, version, automation_sha256, document, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: find_policy_version
SELECT sha256 FROM policies WHERE tenant = $1 AND decision_type = $2 AND version = $3;

-- name: list_policies
SELECT sha256, tenant, decision_type, version, automation_sha256, published_at
FROM policies ORDER BY tenant, decision_type, version DESC;
