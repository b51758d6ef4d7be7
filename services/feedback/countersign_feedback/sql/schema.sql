-- How a case ended: by whom, and how that compares with the stored proposal.
CREATE TYPE conclusion AS ENUM (
    'automatic',
    'assisted_agreed', 'assisted_modified', 'assisted_overrode',
    'blind_agreed', 'blind_modified', 'blind_overrode',
    'no_proposal',
    'closed'
);

-- Every combination that cases are grouped by, once. Few rows, read into memory by the service.
CREATE TABLE cells (
    cell_id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant             text     NOT NULL,
    decision_type      text     NOT NULL,
    tier               text     NOT NULL,
    band               text     NOT NULL,
    level              smallint NOT NULL,
    would_automate     boolean  NOT NULL,
    reasons            text[]   NOT NULL,
    model_name         text     NOT NULL,
    model_version      text     NOT NULL,
    calibrator_version text     NOT NULL,
    automation_sha256  text     NOT NULL,
    test               boolean  NOT NULL,
    UNIQUE (
        tenant, decision_type, tier, band, level, would_automate, reasons,
        model_name, model_version, calibrator_version, automation_sha256, test
    )
);

-- What is known about each case: what makes repeats harmless and lets facts come in any order.
-- seen and added are bits: 1 placed, 2 concluded, 4 reversed, 8 audited, 16 control judged.
-- added holds the bits that the latest write brought, which is what that write had to count.
-- Rows are updated in place once or twice soon after they are made: the spare room keeps that off the index.
-- cell_id is no foreign key: the check would cost each case more than all the rest, and only this service writes here.
CREATE TABLE cases (
    tenant        text     NOT NULL,
    case_id       text     NOT NULL,
    cell_id       integer,
    day           date,
    seen          smallint NOT NULL,
    added         smallint NOT NULL,
    conclusion    conclusion,
    audit_error   boolean,
    control_error boolean,
    confidence    double precision,
    audit_weight  bigint,
    routed_at     timestamptz,
    PRIMARY KEY (tenant, case_id)
) WITH (fillfactor = 80);

-- Decisions whose routing has not arrived: they are counted once it does.
CREATE INDEX cases_unplaced ON cases (tenant) WHERE cell_id IS NULL;

-- Automatic decisions of a stretch of time, without an index that every case would pay for.
CREATE INDEX cases_routed ON cases USING brin (routed_at);

-- The sums that reports read, per cell and UTC day of the routing. Kept in step by the same statement that writes cases.
CREATE TABLE counters (
    cell_id           integer NOT NULL REFERENCES cells,
    day               date    NOT NULL,
    cases             bigint  NOT NULL,
    automatic         bigint  NOT NULL,
    assisted_agreed   bigint  NOT NULL,
    assisted_modified bigint  NOT NULL,
    assisted_overrode bigint  NOT NULL,
    blind_agreed      bigint  NOT NULL,
    blind_modified    bigint  NOT NULL,
    blind_overrode    bigint  NOT NULL,
    no_proposal       bigint  NOT NULL,
    closed            bigint  NOT NULL,
    reversed          bigint  NOT NULL,
    audits            bigint  NOT NULL,
    audit_errors      bigint  NOT NULL,
    weight            numeric NOT NULL,
    weight_squared    numeric NOT NULL,
    error_weight      numeric NOT NULL,
    controls          bigint  NOT NULL,
    control_errors    bigint  NOT NULL,
    PRIMARY KEY (cell_id, day)
) WITH (fillfactor = 50);

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
    base           double precision,
    artifact_sha256 text,
    PRIMARY KEY (tenant, case_id)
);

CREATE INDEX labels_cell ON labels (cell_id, routed_at);

-- What persons did, each thing once: the keys, the counts are in reviewers.
-- Of assisted answers also whether they followed the proposal, and the UTC day.
CREATE TABLE answers (
    tenant   text NOT NULL,
    case_id  text NOT NULL,
    reviewer text NOT NULL,
    what     text NOT NULL,
    agreed   boolean,
    day      date,
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

CREATE INDEX truths_newest ON truths (tenant, told_at);

-- What became of decisions in the world, as upstream reported it.
CREATE TABLE outcomes (
    event_id      text     NOT NULL,
    tenant        text     NOT NULL,
    case_id       text     NOT NULL,
    decision_type text     NOT NULL,
    kind          text     NOT NULL,
    severity      smallint,
    happened_on   date     NOT NULL,
    source        text     NOT NULL,
    -- Of the event, whose id is unique only there; empty where an earlier release kept it.
    event_source  text     NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, case_id, event_id, event_source)
);

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

-- Whoever opened a person's page, and what for. Numbered per person; each is announced and becomes part of the record.
CREATE TABLE openings (
    tenant      text        NOT NULL,
    reviewer    text        NOT NULL,
    number      integer     NOT NULL,
    opened_by   text        NOT NULL,
    request_key text,
    opened_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, reviewer, number)
);

CREATE UNIQUE INDEX openings_request ON openings (tenant, reviewer, opened_by, request_key)
    WHERE request_key IS NOT NULL;

-- Tombstones of erased cases: countersign_shared/erasure.
CREATE TABLE erasures (
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    erasure_id  text        NOT NULL,
    erased_at   timestamptz NOT NULL,
    rows_erased integer     NOT NULL,
    PRIMARY KEY (case_id, tenant, erasure_id)
);
