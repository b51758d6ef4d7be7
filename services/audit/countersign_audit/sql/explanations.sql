-- name: make_link
INSERT INTO explanation_links (token_sha256, scope, tenant, case_id, language, made_by, made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING;

-- name: find_link
SELECT l.scope, l.tenant, l.case_id, l.language, l.expires_at, o.opened_at
FROM explanation_links AS l LEFT JOIN explanation_openings AS o USING (token_sha256)
WHERE l.token_sha256 = $1;

-- name: open_link
INSERT INTO explanation_openings (token_sha256, opened_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING opened_at;
