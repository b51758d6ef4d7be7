-- What cases are found by beside their names: words, and the tier of their consequence. Filled after the intake, when there
-- is time; a case without a row is found by its id and its subject only.
CREATE TABLE case_index (
    arrival   bigint   PRIMARY KEY,
    tier_rank smallint,
    words     tsvector NOT NULL
);
CREATE INDEX case_index_words ON case_index USING gin (words);

-- Searches that people keep.
CREATE TABLE saved_views (
    username   text        NOT NULL REFERENCES users,
    name       text        NOT NULL,
    filters    bytea       NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (username, name)
);
