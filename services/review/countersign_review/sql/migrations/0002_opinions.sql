-- Several people to one review, an answer before and one after the proposal is shown, and who may not take a review.

ALTER TABLE reviews DROP CONSTRAINT reviews_kind_check;
ALTER TABLE reviews ADD CONSTRAINT reviews_kind_check CHECK (kind IN ('decision', 'audit', 'reversal', 'seed'));
ALTER TABLE reviews DROP CONSTRAINT reviews_state_check;
ALTER TABLE reviews ADD CONSTRAINT reviews_state_check
    CHECK (state IN ('waiting', 'claimed', 'revealed', 'asked', 'blocked', 'decided', 'withdrawn'));
ALTER TABLE reviews
    ADD COLUMN stage          text        NOT NULL DEFAULT 'first'
                              CHECK (stage IN ('first', 'second', 'adjudication')),
    ADD COLUMN escalated      boolean     NOT NULL DEFAULT false,
    ADD COLUMN excluded       text[]      NOT NULL DEFAULT '{}',
    ADD COLUMN assigned_to    text,
    ADD COLUMN assigned_until timestamptz,
    ADD COLUMN asked_at       timestamptz,
    ADD COLUMN opened_for     text,
    ADD COLUMN supersedes     text,
    ADD COLUMN open           boolean     GENERATED ALWAYS AS (state NOT IN ('decided', 'withdrawn')) STORED,
    ADD COLUMN veiled         boolean     GENERATED ALWAYS AS
                              (withheld OR reviewers_required > 1 OR kind = 'seed') STORED;
DROP INDEX reviews_open;
CREATE INDEX reviews_open ON reviews (tenant, case_id) WHERE open;
CREATE INDEX reviews_held ON reviews (queue, tenant) WHERE state IN ('claimed', 'revealed');
CREATE INDEX reviews_aside ON reviews (state, created_at) WHERE state IN ('asked', 'blocked');
CREATE INDEX reviews_assigned ON reviews (assigned_to) WHERE assigned_to IS NOT NULL;
CREATE INDEX reviews_urgent ON reviews (queue, tenant, tier_rank DESC, due_minute, priority DESC, review_id)
    WHERE state = 'waiting';

ALTER TABLE claims DROP CONSTRAINT claims_state_check;
ALTER TABLE claims ADD CONSTRAINT claims_state_check
    CHECK (state IN ('held', 'released', 'skipped', 'expired', 'withdrawn', 'decided', 'recused', 'escalated',
                     'delegated', 'recalled', 'asked', 'blocked', 'returned'));

DROP INDEX answers_standing;
ALTER TABLE answers
    ADD COLUMN part      text        NOT NULL DEFAULT 'final' CHECK (part IN ('blind', 'opinion', 'final')),
    ADD COLUMN said      bytea,
    ADD COLUMN lapsed_at timestamptz;
CREATE UNIQUE INDEX answers_final ON answers (review_id) WHERE part = 'final' AND undone_at IS NULL;
CREATE UNIQUE INDEX answers_standing ON answers (review_id, reviewer, part)
    WHERE undone_at IS NULL AND lapsed_at IS NULL;

-- One label a case: the judgement of a control is written once, whatever becomes of its review afterwards.
CREATE UNIQUE INDEX events_control ON events (tenant, case_id) WHERE kind = 'control.judged';

CREATE OR REPLACE FUNCTION eligible(u users, r reviews) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT ('*' = ANY (u.tenants) OR r.tenant = ANY (u.tenants))
       AND (u.decision_types IS NULL OR r.decision_type = ANY (u.decision_types))
       AND r.tier_rank <= u.max_tier_rank
       AND (r.amount IS NULL OR u.amount_limit IS NULL OR (r.currency = u.currency AND r.amount <= u.amount_limit))
       AND r.skills <@ u.skills
       AND CASE WHEN r.escalated OR r.stage = 'adjudication' THEN 'lead' = ANY (u.roles)
                ELSE r.roles = '{}' OR r.roles && u.roles END
       AND (r.language IS NULL OR u.languages IS NULL OR r.language = ANY (u.languages))
       AND r.submitted_by <> u.username AND r.submitted_by <> u.pseudonym
       AND u.pseudonym <> ALL (r.excluded)
       AND (r.assigned_to IS NULL OR r.assigned_to = u.pseudonym)
$$;
