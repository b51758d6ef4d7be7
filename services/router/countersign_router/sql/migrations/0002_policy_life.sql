-- Documents on their way to being published: new versions, and published ones that somebody wants to go back to.
-- sha256            of `document`; another text has another hash, and no step taken for the old one counts for it
-- authors           everybody who wrote any of it; none of them signs it
-- returns           true: the document was published before, and publishing it again rolls back
-- reason            why it is proposed
CREATE TABLE policy_drafts (
    id                uuid PRIMARY KEY,
    tenant            text        NOT NULL,
    decision_type     text        NOT NULL,
    version           integer     NOT NULL CHECK (version >= 1),
    sha256            text        NOT NULL,
    automation_sha256 text        NOT NULL,
    document          bytea       NOT NULL,
    authors           text[]      NOT NULL CHECK (cardinality(authors) >= 1),
    returns           boolean     NOT NULL,
    reason            text        NOT NULL,
    state             text        NOT NULL CHECK (state IN ('open', 'published')),
    created_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL
);
CREATE INDEX policy_drafts_newest ON policy_drafts (created_at, id);
CREATE INDEX policy_drafts_sha256 ON policy_drafts (sha256);

-- What was done with a draft, and for which hash. Rows are only added.
CREATE TABLE policy_steps (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    draft_id  uuid        NOT NULL REFERENCES policy_drafts,
    sha256    text        NOT NULL,
    step      text        NOT NULL CHECK (step IN ('tested', 'replayed', 'approved')),
    passed    boolean     NOT NULL,
    pseudonym text        NOT NULL,
    role      text        NOT NULL,
    done_at   timestamptz NOT NULL,
    result    bytea       NOT NULL
);
CREATE INDEX policy_steps_of_draft ON policy_steps (draft_id, sha256);

-- How many activities each policy's life has: they are numbered without a hole.
CREATE TABLE policy_threads (
    tenant        text   NOT NULL,
    decision_type text   NOT NULL,
    activities    bigint NOT NULL CHECK (activities >= 0),
    PRIMARY KEY (tenant, decision_type)
);
-- Until now they were counted with the policy's control.
INSERT INTO policy_threads (tenant, decision_type, activities)
SELECT tenant, decision_type, activities FROM controls WHERE kind = 'policy';

-- Who published a version and why; null where it was read from a file at start.
ALTER TABLE policies ADD COLUMN published_by text, ADD COLUMN reason text;

-- What the record says of people: roles and tenants as last named, and whether the account is disabled. Review is the
-- truth; this decides about signatures between two tokens. sequence: of the newest activity that is in here.
CREATE TABLE people (
    pseudonym text PRIMARY KEY,
    roles     text[],
    tenants   text[],
    disabled  boolean     NOT NULL,
    sequence  bigint      NOT NULL,
    noted_at  timestamptz NOT NULL
);

-- Answers to writes that came with an Idempotency-Key, so that the same request again gives the same answer.
CREATE TABLE given_answers (
    subject        text        NOT NULL,
    key            text        NOT NULL,
    request_sha256 text        NOT NULL,
    body           bytea       NOT NULL,
    given_at       timestamptz NOT NULL,
    PRIMARY KEY (subject, key)
);
CREATE INDEX given_answers_given_at ON given_answers (given_at);
