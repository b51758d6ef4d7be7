-- What was shown about other cases, when a case that it names is erased.

-- name: naming
SELECT s.claim_id, s.number, s.package
FROM shown AS s JOIN claims AS c USING (claim_id) JOIN reviews AS r USING (review_id)
WHERE cases_named(s.package) @> ARRAY[$2::text] AND r.tenant = $1
ORDER BY s.claim_id, s.number LIMIT $3
FOR UPDATE OF s;

-- name: redact
UPDATE shown SET package = $3, redacted_at = $4 WHERE claim_id = $1 AND number = $2;
