-- name: insert_cases
-- Keep a batch's new cases and tell which they were. Sorted, so that two batches with the same cases wait in order.
INSERT INTO cases (tenant, case_id, digest, partition, first_seen_at, headers, body)
SELECT tenant, case_id, digest, partition, first_seen_at, headers, body
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::timestamptz[], $6::bytea[], $7::bytea[])
    AS given (tenant, case_id, digest, partition, first_seen_at, headers, body)
ORDER BY tenant COLLATE "C", case_id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING tenant, case_id;

-- name: find_cases
-- The stored rows of these cases, in a statement of its own: only that sees what a concurrent batch has just committed.
SELECT tenant, case_id, digest, partition, headers, body
FROM cases
WHERE (tenant, case_id) IN (SELECT * FROM unnest($1::text[], $2::text[]));

-- name: find_digest
-- The digest of one case, or nothing.
SELECT digest FROM cases WHERE tenant = $1 AND case_id = $2;
