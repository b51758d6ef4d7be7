-- Who gets what next: the function `take_next` of the schema gives it. $1 is the caller's username, $2 their scope of
-- tenants, which a key may narrow, $3 now, $4 the queue.

-- name: next_review
-- What it would give, without taking it.
SELECT r.review_id, r.title, r.due_at, r.due_minute, r.tier_rank, r.priority
FROM users AS u JOIN reviews AS r ON eligible(u, r) AND trained(u, $3)
WHERE u.username = $1 AND r.queue = $4 AND r.state = 'waiting' AND ('*' = ANY ($2::text[]) OR r.tenant = ANY ($2))
  AND NOT EXISTS (SELECT FROM skips AS s
                  WHERE s.reviewer = u.pseudonym AND s.review_id = r.review_id AND s.until > $3)
ORDER BY r.due_minute, r.tier_rank DESC, r.priority DESC, r.review_id
LIMIT 1;

-- name: next_in_overload
SELECT r.review_id, r.title, r.due_at, r.due_minute, r.tier_rank, r.priority
FROM users AS u JOIN reviews AS r ON eligible(u, r) AND trained(u, $3)
WHERE u.username = $1 AND r.queue = $4 AND r.state = 'waiting' AND ('*' = ANY ($2::text[]) OR r.tenant = ANY ($2))
  AND NOT EXISTS (SELECT FROM skips AS s
                  WHERE s.reviewer = u.pseudonym AND s.review_id = r.review_id AND s.until > $3)
ORDER BY r.tier_rank DESC, r.due_minute, r.priority DESC, r.review_id
LIMIT 1;

-- name: deadlines
SELECT queue, due_minute, count(*) AS waiting, min(tenant) AS first_tenant, max(tenant) AS last_tenant
FROM reviews WHERE state = 'waiting'
GROUP BY queue, due_minute ORDER BY queue, due_minute;

-- name: answered_since
SELECT r.queue, count(*) FROM answers AS a JOIN reviews AS r USING (review_id)
WHERE a.recorded_at > $1 AND a.undone_at IS NULL GROUP BY r.queue;

-- name: held_now
SELECT queue, count(*) FROM reviews WHERE state IN ('claimed', 'revealed') GROUP BY queue;

-- Proposals known to be wrong.

-- name: insert_seeds
INSERT INTO seeds (tenant, case_id, decision_type, queue, drawn_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: pending_seeds
SELECT * FROM seeds WHERE planted_at IS NULL ORDER BY drawn_at LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: known_wrong
-- A case whose proposal was wrong in the eyes of at least two people, or was reversed; not one that is being looked at,
-- nor one shown lately. Those that people decided come first: they look like what comes to the desk otherwise. Which of
-- them follows from the case that was drawn.
SELECT c.case_id, c.body FROM judgements AS j JOIN cases AS c USING (tenant, case_id)
WHERE j.tenant = $1 AND j.decision_type = $2 AND j.error AND j.leaves_at <= $4
  AND (j.people > 1 OR j.kind = 'reversal') AND j.case_id <> $3
  AND NOT EXISTS (SELECT FROM reviews AS r WHERE r.tenant = j.tenant AND r.case_id = j.case_id AND r.open)
  AND NOT EXISTS (SELECT FROM seeds AS s
                  WHERE s.tenant = j.tenant AND s.planted_case = j.case_id AND s.planted_at > $5)
ORDER BY c.level < 3, md5(j.case_id || $3) LIMIT 1;

-- name: seed_planted
UPDATE seeds SET planted_at = $3, planted_case = $4 WHERE tenant = $1 AND case_id = $2;
