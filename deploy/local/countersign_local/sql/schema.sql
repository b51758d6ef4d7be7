-- The whole schema, as the migrations leave it. A test holds the two together.

CREATE TABLE runs (
    run        integer PRIMARY KEY,
    size       integer NOT NULL CHECK (size > 0),
    started_at timestamptz NOT NULL
);

CREATE TABLE cases (
    tenant       text NOT NULL,
    case_id      text NOT NULL,
    -- Demo cases only: the run they belong to and their place in the data set, counted on when it begins anew.
    run          integer REFERENCES runs,
    number       integer UNIQUE CHECK (number > 0),
    key          bytea NOT NULL,
    body         bytea NOT NULL,
    headers      bytea NOT NULL,
    partition    integer,
    submitted_at timestamptz NOT NULL,
    finished_at  timestamptz,
    PRIMARY KEY (tenant, case_id)
);
ALTER TABLE cases ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX cases_unfinished ON cases (submitted_at) WHERE finished_at IS NULL;

-- Every decision seen on the topic, as an upstream system would see it. A repeat is the same row.
CREATE TABLE decisions (
    tenant       text NOT NULL,
    case_id      text NOT NULL,
    event_id     text NOT NULL,
    body_sha256  bytea NOT NULL,
    supersedes   boolean NOT NULL,
    level        integer,
    mode         text,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, case_id, event_id, body_sha256)
);
