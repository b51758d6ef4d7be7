-- Cases that people have held, by their likeness.

-- name: near
-- On either side of the case's place in each tree; $3 a side. The case itself ($4 and $5, its code $6) is remembered,
-- unless $7, and not among what this finds: a statement does not see what it writes.
WITH kept AS (
    INSERT INTO precedents (arrival, code)
    SELECT arrival, $6 FROM cases WHERE tenant = $4 AND case_id = $5 AND NOT $7
    ON CONFLICT DO NOTHING
    RETURNING arrival
), placed AS (
    INSERT INTO precedent_places (scope, tree, place, arrival)
    SELECT $1, k.tree, k.place, kept.arrival
    FROM kept CROSS JOIN unnest($2::bigint[]) WITH ORDINALITY AS k (place, tree)
), near AS (
    SELECT DISTINCT n.arrival
    FROM unnest($2::bigint[]) WITH ORDINALITY AS k (place, tree)
    CROSS JOIN LATERAL (
        (SELECT p.arrival FROM precedent_places AS p
         WHERE p.scope = $1 AND p.tree = k.tree AND p.place >= k.place ORDER BY p.place, p.arrival LIMIT $3)
        UNION ALL
        (SELECT p.arrival FROM precedent_places AS p
         WHERE p.scope = $1 AND p.tree = k.tree AND p.place < k.place ORDER BY p.place DESC, p.arrival DESC LIMIT $3)
    ) AS n
)
SELECT arrival, code FROM near JOIN precedents USING (arrival);

-- name: decided
-- Those of them that a person decided, where nothing is to be answered unseen.
SELECT c.arrival, c.tenant, c.case_id, c.decision_type, c.title, c.body, c.routed_at, d.outcome, d.decided_at
FROM cases AS c
JOIN LATERAL (SELECT outcome, closed_as, mode, decided_at FROM decisions AS d
              WHERE d.tenant = c.tenant AND d.case_id = c.case_id
              ORDER BY d.decided_at DESC LIMIT 1) AS d ON d.closed_as = 'decided' AND d.mode <> 'automatic'
WHERE c.arrival = ANY ($1::bigint[]) AND c.tenant = $2 AND c.decision_type = $3 AND c.case_id <> $4
  AND c.subject_ref IS DISTINCT FROM $5
  AND NOT EXISTS (SELECT FROM reviews AS r
                  WHERE r.tenant = c.tenant AND r.case_id = c.case_id AND r.open);
