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
    PRIMARY KEY (tenant, case_id)
) WITH (fillfactor = 80);

-- Decisions whose routing has not arrived: they are counted once it does.
CREATE INDEX cases_unplaced ON cases (tenant) WHERE cell_id IS NULL;

-- Labels are a small part of the cases: certificates and calibration read them without touching the rest.
CREATE INDEX cases_judged ON cases (cell_id) WHERE audit_error IS NOT NULL;

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
