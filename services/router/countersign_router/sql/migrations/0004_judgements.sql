-- Automatic decisions that people judged afterwards, blind, because chance asked for it: one row per audit.
-- error             the people's answer differs from what was decided
-- chance            with which the case was drawn to be judged
-- thin              a keyed draw of its own: keeping the rows with thin < c / chance leaves a sample drawn with chance c
CREATE TABLE judgements (
    tenant        text COLLATE "C" NOT NULL,
    case_id       text COLLATE "C" NOT NULL,
    decision_type text COLLATE "C" NOT NULL,
    error         boolean          NOT NULL,
    chance        double precision NOT NULL CHECK (chance > 0 AND chance <= 1),
    thin          double precision NOT NULL CHECK (thin >= 0 AND thin < 1),
    judged_at     timestamptz      NOT NULL,
    PRIMARY KEY (tenant, case_id)
);
CREATE INDEX judgements_newest ON judgements (decision_type, judged_at);
