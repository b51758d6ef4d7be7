-- name: last_epoch
-- The epoch in force as the log says, null while it is the one the log began with.
SELECT max(epoch) FROM epochs;

-- name: is_completed
SELECT EXISTS (SELECT FROM epochs WHERE epoch = $1 AND step = 'completed');

-- name: add_epoch
INSERT INTO epochs (epoch, step, at) VALUES ($1, $2, $3);

-- name: keys_before
-- Data keys after one that are wrapped under an earlier epoch, in their order.
SELECT scope, number, epoch, wrapped FROM data_keys
WHERE (scope, number) > ($1::bytea, $2::integer) AND epoch < $3
ORDER BY scope, number LIMIT $4;

-- name: rewrap
SELECT rewrap_keys($1, $2, $3, $4);

-- name: sum_up_pages
SELECT sum_up_pages();

-- name: keys_by_epoch
SELECT epoch, count(*) AS keys FROM data_keys GROUP BY epoch ORDER BY epoch;

-- name: copies_from
-- Entries with what is kept beside their leaves, but for the payloads.
SELECT e.index, e.leaf, e.leaf_hash, e.record_id, e.case_ref, e.tenant, e.kind, e.occurred_at, e.actor,
       r.known_as, p.key_number
FROM (SELECT * FROM entries WHERE index >= $1 ORDER BY index LIMIT $2) AS e
LEFT JOIN (SELECT record_id, index AS known_as FROM records) AS r USING (record_id)
LEFT JOIN payloads AS p USING (index)
ORDER BY e.index;

-- name: last_checked
SELECT first, beyond, differing, ended, checked_at FROM copies_checked ORDER BY number DESC LIMIT 1;

-- name: differing_in_pass
-- What was found since the log was last gone through from its beginning.
SELECT coalesce(sum(differing), 0)::bigint FROM copies_checked
WHERE number >= coalesce((SELECT max(number) FROM copies_checked WHERE first = 0), 0);

-- name: add_checked
INSERT INTO copies_checked (first, beyond, differing, ended, checked_at) VALUES ($1, $2, $3, $4, $5);

-- name: began_at
SELECT signed_at FROM checkpoints ORDER BY size LIMIT 1;

-- name: add_missing_records
INSERT INTO missing_records (topic, partition, first_offset, beyond, found_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING true;

-- name: said_until
-- Up to where a stretch that holds this offset is on the record; null when none does. A partition never begins further
-- back than it did: what reaches beyond where it begins now was said of a topic that has been made anew since.
SELECT max(beyond) FROM missing_records
WHERE topic = $1 AND partition = $2 AND first_offset <= $3 AND beyond > $3 AND beyond <= $4;

-- name: has_kind
SELECT EXISTS (SELECT FROM entries WHERE kind = $1);
