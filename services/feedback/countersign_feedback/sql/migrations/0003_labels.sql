-- When a case was routed, by the router's clock: what a look-back list needs. The column of days stays for counting.
ALTER TABLE cases ADD COLUMN routed_at timestamptz;

-- Labels have a table of their own now.
DROP INDEX cases_judged;

-- Automatic decisions of a stretch of time, without an index that every case would pay for.
CREATE INDEX cases_routed ON cases USING brin (routed_at);

CREATE TYPE purpose AS ENUM ('audit', 'blind', 'human_only');

-- Cases that were drawn by a logged chance to be judged blind, judged or not: what certificates and alarms rest on.
-- Routing and judgement come in any order, and each is merged in once. draw is the case's own number for thinning.
CREATE TABLE labels (
    tenant         text NOT NULL,
    case_id        text NOT NULL,
    decision_type  text NOT NULL,
    purpose        purpose,
    cell_id        integer,
    routed_at      timestamptz,
    confidence     double precision,
    probability    double precision,
    draw           double precision,
    certificate_id text,
    policy_sha256  text,
    error          boolean,
    judged_at      timestamptz,
    PRIMARY KEY (tenant, case_id)
);

CREATE INDEX labels_cell ON labels (cell_id, routed_at);

-- What persons did, each thing once: the keys alone, the counts are in reviewers.
CREATE TABLE answers (
    tenant   text NOT NULL,
    case_id  text NOT NULL,
    reviewer text NOT NULL,
    what     text NOT NULL,
    PRIMARY KEY (tenant, case_id, reviewer, what)
);

-- Sums per reviewer, under pseudonyms, by UTC day.
CREATE TABLE reviewers (
    tenant          text    NOT NULL,
    decision_type   text    NOT NULL,
    reviewer        text    NOT NULL,
    day             date    NOT NULL,
    assisted        integer NOT NULL,
    assisted_agreed integer NOT NULL,
    blind           integer NOT NULL,
    blind_agreed    integer NOT NULL,
    seeded          integer NOT NULL,
    caught          integer NOT NULL,
    timed           integer NOT NULL,
    too_fast        integer NOT NULL,
    PRIMARY KEY (tenant, decision_type, reviewer, day)
);

-- What became of decisions in the world, as upstream reported it.
CREATE TABLE outcomes (
    event_id      text     NOT NULL PRIMARY KEY,
    tenant        text     NOT NULL,
    case_id       text     NOT NULL,
    decision_type text     NOT NULL,
    kind          text     NOT NULL,
    severity      smallint,
    happened_on   date     NOT NULL,
    source        text     NOT NULL
);

CREATE INDEX outcomes_case ON outcomes (tenant, case_id);

-- What the router has in force, as feedback follows it: the newest state of each control that evidence is held against.
CREATE TABLE known_controls (
    kind          text        NOT NULL,
    tenant        text        NOT NULL,
    decision_type text        NOT NULL,
    tier          text        NOT NULL,
    revision      bigint      NOT NULL,
    changed_at    timestamptz NOT NULL,
    state         json        NOT NULL,
    PRIMARY KEY (kind, tenant, decision_type, tier)
);

-- The controls that feedback itself writes, each with its event as it was published.
CREATE TABLE controls (
    kind          text        NOT NULL,
    tenant        text        NOT NULL,
    decision_type text        NOT NULL,
    tier          text        NOT NULL,
    revision      bigint      NOT NULL,
    changed_at    timestamptz NOT NULL,
    headers       bytea       NOT NULL,
    body          bytea       NOT NULL,
    PRIMARY KEY (kind, tenant, decision_type, tier)
);

-- Attempts at certificates, frozen when they were opened: which drawn cases, thinned how, where the walk begins.
-- Never derived anew: each attempt spends a part of delta, whatever it found.
CREATE TABLE attempts (
    tenant             text             NOT NULL,
    decision_type      text             NOT NULL,
    tier               text             NOT NULL,
    model_name         text             NOT NULL,
    model_version      text             NOT NULL,
    calibrator_version text             NOT NULL,
    automation_sha256  text             NOT NULL,
    since              timestamptz      NOT NULL,
    number             integer          NOT NULL,
    size               integer          NOT NULL,
    floor              double precision NOT NULL,
    last_routed_at     timestamptz      NOT NULL,
    last_case_id       text             NOT NULL,
    expected           double precision[],
    opened_at          timestamptz      NOT NULL,
    PRIMARY KEY (
        tenant, decision_type, tier, model_name, model_version, calibrator_version, automation_sha256, since, number
    )
);

-- Every certificate that was ever proposed, and when it came into force.
CREATE TABLE certificates (
    certificate_id     text        NOT NULL PRIMARY KEY,
    tenant             text        NOT NULL,
    decision_type      text        NOT NULL,
    tier               text        NOT NULL,
    model_name         text        NOT NULL,
    model_version      text        NOT NULL,
    calibrator_version text        NOT NULL,
    automation_sha256  text        NOT NULL,
    proposed_at        timestamptz NOT NULL,
    activated_at       timestamptz,
    ended_at           timestamptz,
    state              json        NOT NULL
);

CREATE INDEX certificates_scope ON certificates (tenant, decision_type, tier, proposed_at);

CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    text        NOT NULL UNIQUE,
    topic       text        NOT NULL,
    partition   integer,
    key         bytea       NOT NULL,
    body        bytea       NOT NULL,
    headers     bytea       NOT NULL,
    not_before  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX outbox_key ON outbox (key, id);
