-- What changed lately, for those who look at the desk.

-- name: tell_waiting
-- One row for each tenant and queue of a batch; it names the case where there is only one.
INSERT INTO live (kind, tenant, case_id, queue)
SELECT 'review.waiting', tenant, CASE WHEN count(*) = 1 THEN min(case_id) END, queue
FROM unnest($1::text[], $2::text[], $3::text[]) AS r (tenant, case_id, queue)
GROUP BY tenant, queue;

-- name: newest
SELECT coalesce(max(number), 0) FROM live;

-- name: read
-- What came after the last number read, and what had been missing before it.
SELECT l.number, l.kind, l.tenant, l.case_id, coalesce(l.queue, r.queue) AS queue, r.review_id
FROM live AS l
LEFT JOIN LATERAL (SELECT queue, review_id FROM reviews AS r
                   WHERE r.tenant = l.tenant AND r.case_id = l.case_id
                   ORDER BY r.created_at DESC LIMIT 1) AS r ON true
WHERE l.number > $1 OR l.number = ANY ($2::bigint[])
ORDER BY l.number
LIMIT $3;

-- name: hint
SELECT pg_notify($1, '');

-- name: forget
DELETE FROM live WHERE at < $1;
