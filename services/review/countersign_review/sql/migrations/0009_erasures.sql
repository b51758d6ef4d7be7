-- Tombstones of erased cases: countersign_shared/erasure.
CREATE TABLE erasures (
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    erasure_id  text        NOT NULL,
    erased_at   timestamptz NOT NULL,
    rows_erased integer     NOT NULL,
    PRIMARY KEY (case_id, tenant, erasure_id)
);
