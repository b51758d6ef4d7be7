-- name: cases_of_subject
-- Every case that has a key of this subject's.
SELECT DISTINCT k.scope FROM data_keys AS k
WHERE k.subject = $1 AND EXISTS (SELECT FROM entries WHERE case_ref = k.scope)
ORDER BY k.scope LIMIT $2;

-- name: request
INSERT INTO erasures (erasure_id, scope, tenant, case_id, requested_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING scope;

-- name: of_erasure
SELECT a.erasure_id, a.scope, a.tenant, a.case_id, a.requested_at, d.erased_at
FROM erasures AS a LEFT JOIN erased AS d USING (erasure_id, scope)
WHERE a.erasure_id = $1 ORDER BY a.tenant, a.case_id;

-- name: waiting
-- Erasures that were asked for and not carried out yet, oldest first, after one of them.
SELECT a.erasure_id, a.scope, a.tenant, a.case_id, a.requested_at, NULL::timestamptz AS erased_at
FROM erasures AS a WHERE NOT EXISTS (SELECT FROM erased AS d WHERE d.erasure_id = a.erasure_id AND d.scope = a.scope)
  AND (a.requested_at, a.scope, a.erasure_id) > ($2::timestamptz, $3::bytea, $4::text)
ORDER BY a.requested_at, a.scope, a.erasure_id LIMIT $1;

-- name: confirmations
SELECT leaf FROM entries WHERE case_ref = $1 AND kind = 'erasure.completed' ORDER BY index;

-- name: come_in_since
-- Erased cases of which something was sealed again: more than the record of the erasure itself, and of who looked at it.
-- That, too, where it names a subject: who looked before was told of them, and came into the log after.
-- Case by case, which a planner that thinks of many erasures would not do: it reads the whole log every time, and nearly
-- always nothing or little is erased.
SELECT DISTINCT d.scope, d.erasure_id FROM erased AS d
CROSS JOIN LATERAL (SELECT FROM data_keys AS k WHERE k.scope = d.scope LIMIT 1) AS known_again
CROSS JOIN LATERAL (
    SELECT FROM entries AS e
    WHERE e.case_ref = d.scope
      AND (
          e.kind NOT IN ('erasure.requested', 'erasure.completed', 'audit.read', 'audit.exported')
          OR EXISTS (SELECT FROM data_keys AS k WHERE k.scope = d.scope AND k.subject IS NOT NULL)
      )
      AND EXISTS (SELECT FROM payloads AS p WHERE p.index = e.index)
    LIMIT 1
) AS sealed_again
LIMIT $1;

-- name: erase
SELECT erase_case($1);

-- name: carried_out
INSERT INTO erased (erasure_id, scope, erased_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: is_erased
SELECT EXISTS (SELECT FROM erased WHERE scope = $1);
