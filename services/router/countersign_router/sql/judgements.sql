-- name: note_judgements
-- An audit is judged once: what comes again changes nothing.
INSERT INTO judgements (tenant, case_id, decision_type, error, chance, thin, judged_at)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::double precision[], $6::double precision[],
            $7::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: cell_errors
-- Judged decisions of each cell of the matrix, of cases routed since a moment. $4..$6: cells with the least chance of an
-- audit that the policy in force gives there. `kept` is a sample drawn with one chance, the least of all.
WITH judged AS (
    SELECT r.tier, r.band, j.error, j.chance, j.thin, min(j.chance) OVER (PARTITION BY r.tier, r.band) AS least
    FROM judgements AS j JOIN routings AS r USING (tenant, case_id)
    WHERE r.routed_at >= $1 AND r.decision_type = $2 AND ($3::text IS NULL OR r.tenant = $3) AND r.band IS NOT NULL
      AND NOT r.test
), thinned AS (
    SELECT tier, band, error, chance, thin < least(least, coalesce(given.chance_in_force, 1)) / chance AS kept
    FROM judged
    LEFT JOIN unnest($4::text[], $5::text[], $6::double precision[]) AS given (tier, band, chance_in_force)
        USING (tier, band)
)
SELECT tier, band, count(*) AS judged, count(*) FILTER (WHERE error) AS errors, sum(1 / chance) AS weight,
       coalesce(sum(1 / chance) FILTER (WHERE error), 0) AS wrong, count(*) FILTER (WHERE kept) AS kept,
       count(*) FILTER (WHERE kept AND error) AS kept_errors
FROM thinned
GROUP BY tier, band;
