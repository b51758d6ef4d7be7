-- Whether the proposal was right, where people looked at a decided case again: what assisted answers are held against.
-- wrong: null where the decision was upheld, and the case's own conclusion says it. The latest word that says it stands.
CREATE TABLE truths (
    tenant        text        NOT NULL,
    case_id       text        NOT NULL,
    decision_type text        NOT NULL,
    wrong         boolean,
    told_at       timestamptz NOT NULL,
    event_id      text        NOT NULL,
    PRIMARY KEY (tenant, case_id)
);

-- Of assisted answers also whether they followed the proposal, and the UTC day.
ALTER TABLE answers ADD COLUMN agreed boolean, ADD COLUMN day date;
