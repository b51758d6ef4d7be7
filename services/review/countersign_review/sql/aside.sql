-- Reviews that wait outside the queues, or that nobody may take. $1 is the caller's own scope of tenants.

-- name: aside_reviews
SELECT r.*, NULL::text AS kept_for,
       (SELECT q.question FROM questions AS q
        WHERE q.review_id = r.review_id AND q.answered_at IS NULL ORDER BY q.asked_at DESC LIMIT 1) AS question
FROM reviews AS r
WHERE r.state = $2 AND r.state IN ('asked', 'blocked') AND ('*' = ANY ($1::text[]) OR r.tenant = ANY ($1))
ORDER BY r.created_at, r.review_id LIMIT $3;

-- name: kept_reviews
SELECT r.*, u.display_name AS kept_for, NULL::text AS question
FROM reviews AS r LEFT JOIN users AS u ON u.pseudonym = r.assigned_to
WHERE r.assigned_to IS NOT NULL AND r.state = 'waiting' AND $2 = 'assigned'
  AND ('*' = ANY ($1::text[]) OR r.tenant = ANY ($1))
ORDER BY r.created_at, r.review_id LIMIT $3;

-- name: unassignable
SELECT r.* FROM reviews AS r
WHERE r.state = 'waiting' AND ('*' = ANY ($1::text[]) OR r.tenant = ANY ($1))
  AND NOT EXISTS (SELECT FROM users AS u
                  WHERE u.disabled_at IS NULL AND u.roles && ARRAY['reviewer', 'lead'] AND eligible(u, r) AND trained(u, $3))
ORDER BY r.due_minute, r.tier_rank DESC, r.review_id LIMIT $2;
