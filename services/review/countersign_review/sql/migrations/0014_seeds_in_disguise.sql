-- A decision that several people took against the proposal is a proposal known to be wrong, as a judgement is.
ALTER TABLE judgements DROP CONSTRAINT judgements_kind_check, ADD CONSTRAINT judgements_kind_check
    CHECK (kind IN ('audit', 'control', 'decision', 'reversal'));

-- Whether a case with such a review keeps its level, its history and its part of the log from those who may answer. Where
-- seeds are in use every case that waits to be decided does, or the few that do would be known for seeds.
CREATE FUNCTION covered(r reviews) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT r.veiled OR (r.kind = 'decision' AND EXISTS (SELECT FROM seeds AS s
                                                        WHERE s.tenant = r.tenant AND s.planted_case IS NOT NULL))
$$;
