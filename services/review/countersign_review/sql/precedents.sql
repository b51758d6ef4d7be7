-- Cases that people have held, by their likeness.

-- name: near
-- On either side of each case's place in each tree; $10 a side. Cases with an arrival are remembered, and not among what
-- this finds: a statement does not see what it writes. They come in the order of their arrival.
WITH asked AS (
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::text[])
                  AS a (place, scope, arrival, code, tenant, case_id)
), keys AS (
    SELECT * FROM unnest($7::integer[], $8::smallint[], $9::bigint[]) AS k (place, tree, at)
), kept AS (
    INSERT INTO precedents (arrival, code)
    SELECT arrival, code FROM asked WHERE arrival IS NOT NULL ORDER BY arrival
    ON CONFLICT DO NOTHING
    RETURNING arrival
), placed AS (
    INSERT INTO precedent_places (scope, tree, place, arrival)
    SELECT a.scope, k.tree, k.at, a.arrival FROM kept JOIN asked AS a USING (arrival) JOIN keys AS k USING (place)
    ON CONFLICT DO NOTHING
), near AS (
    SELECT DISTINCT a.place, n.arrival
    FROM asked AS a JOIN keys AS k USING (place)
    CROSS JOIN LATERAL (
        (SELECT p.arrival FROM precedent_places AS p
         WHERE p.scope = a.scope AND p.tree = k.tree AND p.place >= k.at ORDER BY p.place, p.arrival LIMIT $10)
        UNION ALL
        (SELECT p.arrival FROM precedent_places AS p
         WHERE p.scope = a.scope AND p.tree = k.tree AND p.place < k.at
         ORDER BY p.place DESC, p.arrival DESC LIMIT $10)
    ) AS n
)
SELECT near.place, arrival, code FROM near JOIN precedents USING (arrival);

-- name: decided
-- Those of them that a person decided, where nothing is to be answered unseen. OFFSET 0 keeps the search for a case by its
-- arrival to itself: nothing else is known of so few cases that an index over it would help.
SELECT k.place, c.arrival, c.tenant, c.case_id, c.decision_type, c.title, c.body, c.routed_at, d.outcome, d.decided_at
FROM unnest($1::integer[], $2::bigint[]) AS k (place, arrival)
JOIN unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])
     AS a (place, tenant, case_id, decision_type, subject_ref) USING (place)
CROSS JOIN LATERAL (SELECT * FROM cases AS x WHERE x.arrival = k.arrival OFFSET 0) AS c
JOIN LATERAL (SELECT outcome, closed_as, mode, decided_at FROM decisions AS d
              WHERE d.tenant = c.tenant AND d.case_id = c.case_id
              ORDER BY d.decided_at DESC LIMIT 1) AS d ON d.closed_as = 'decided' AND d.mode <> 'automatic'
WHERE c.tenant = a.tenant AND c.decision_type = a.decision_type AND c.case_id <> a.case_id
  AND c.subject_ref IS DISTINCT FROM a.subject_ref
  AND NOT EXISTS (SELECT FROM reviews AS r
                  WHERE r.tenant = c.tenant AND r.case_id = c.case_id AND r.open);
