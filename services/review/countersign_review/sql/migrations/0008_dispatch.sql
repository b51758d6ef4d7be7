-- How fast a queue is worked, and proposals known to be wrong that keep attention awake.

CREATE INDEX answers_recorded ON answers (recorded_at);

-- Routed cases that were drawn to bring a known-wrong proposal along, and which case it was shown with.
CREATE TABLE seeds (
    tenant        text        NOT NULL,
    case_id       text        NOT NULL,
    decision_type text        NOT NULL,
    queue         text        NOT NULL,
    drawn_at      timestamptz NOT NULL,
    planted_at    timestamptz,
    planted_case  text,
    PRIMARY KEY (tenant, case_id)
);
CREATE INDEX seeds_pending ON seeds (drawn_at) WHERE planted_at IS NULL;
CREATE INDEX seeds_planted ON seeds (tenant, planted_case, planted_at) WHERE planted_case IS NOT NULL;
