-- One row per case: what was published for it, so that exactly that can be published again.
-- digest     SHA-256 of the canonical case.created body; a repeat has the same one
-- partition  where the case arrived first; every later event of the case goes there
-- headers    CloudEvents headers of the scored event, its id among them, without traceparent
-- body       packed (countersign_shared.postgres.bodies). Names are compared as bytes, which is cheaper and exact.
CREATE TABLE cases (
    tenant        text COLLATE "C" NOT NULL,
    case_id       text COLLATE "C" NOT NULL,
    digest        bytea            NOT NULL CHECK (octet_length(digest) = 32),
    partition     integer          NOT NULL CHECK (partition >= 0),
    first_seen_at timestamptz      NOT NULL,
    headers       bytea            NOT NULL,
    body          bytea            NOT NULL,
    PRIMARY KEY (tenant, case_id)
);
ALTER TABLE cases ALTER COLUMN headers SET STORAGE EXTERNAL, ALTER COLUMN body SET STORAGE EXTERNAL;

-- Tombstones of erased cases: countersign_shared/erasure.
CREATE TABLE erasures (
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    erasure_id  text        NOT NULL,
    erased_at   timestamptz NOT NULL,
    rows_erased integer     NOT NULL,
    PRIMARY KEY (case_id, tenant, erasure_id)
);
