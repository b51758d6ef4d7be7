-- One row per case: what was published for it, so that exactly that can be published again.
-- partition         where the case arrived first; every event of the case goes there
-- *_headers         CloudEvents headers, without traceparent
-- *_body            packed (countersign_shared.postgres.bodies)
-- decision_*        only where the machine decided
-- test              a rehearsal, which is counted nowhere
-- outcome .. level  for the matrix's counts and the list of recent automatic decisions; the bodies hold the same
-- Names are compared as bytes, which is cheaper and exact.
CREATE TABLE routings (
    tenant           text COLLATE "C" NOT NULL,
    case_id          text COLLATE "C" NOT NULL,
    partition        integer          NOT NULL CHECK (partition >= 0),
    level            smallint         NOT NULL CHECK (level BETWEEN 1 AND 5),
    decision_type    text COLLATE "C" NOT NULL,
    tier             text COLLATE "C",
    band             text COLLATE "C",
    outcome          text COLLATE "C",
    routed_at        timestamptz      NOT NULL,
    routed_headers   bytea            NOT NULL,
    routed_body      bytea            NOT NULL,
    decision_headers bytea,
    decision_body    bytea,
    test             boolean          NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, case_id),
    CHECK ((decision_headers IS NULL) = (decision_body IS NULL)),
    CHECK ((level <= 2) = (decision_body IS NOT NULL))
);
ALTER TABLE routings
    ALTER COLUMN routed_headers SET STORAGE EXTERNAL, ALTER COLUMN routed_body SET STORAGE EXTERNAL,
    ALTER COLUMN decision_headers SET STORAGE EXTERNAL, ALTER COLUMN decision_body SET STORAGE EXTERNAL,
    -- A row has about 2 kB: whole in its page it costs less than with a body in chunks beside it.
    SET (toast_tuple_target = 8160);
-- Rows arrive in the order of this column, so a few bytes per range of pages find the last minute or day.
CREATE INDEX routings_routed_at ON routings USING brin (routed_at) WITH (pages_per_range = 16);

-- Every version that was ever published, unchangeable: cases in flight finish under the version that routed them.
-- published_by, reason: null where it was read from a file at start
CREATE TABLE policies (
    sha256            text PRIMARY KEY,
    tenant            text        NOT NULL,
    decision_type     text        NOT NULL,
    version           integer     NOT NULL CHECK (version >= 1),
    automation_sha256 text        NOT NULL,
    document          bytea       NOT NULL,
    published_at      timestamptz NOT NULL,
    published_by      text,
    reason            text,
    UNIQUE (tenant, decision_type, version)
);

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

-- Automatic decisions that people judged afterwards, blind, because chance asked for it: one row per audit.
-- error             the people's answer differs from what was decided
-- chance            with which the case was drawn to be judged
-- thin              a keyed draw of its own: keeping the rows with thin < c / chance leaves a sample drawn with chance c
CREATE TABLE judgements (
    tenant        text COLLATE "C" NOT NULL,
    case_id       text COLLATE "C" NOT NULL,
    decision_type text COLLATE "C" NOT NULL,
    error         boolean          NOT NULL,
    chance        double precision NOT NULL CHECK (chance > 0 AND chance <= 1),
    thin          double precision NOT NULL CHECK (thin >= 0 AND thin < 1),
    judged_at     timestamptz      NOT NULL,
    PRIMARY KEY (tenant, case_id)
);
CREATE INDEX judgements_newest ON judgements (decision_type, judged_at);

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

-- The truth about controls: the newest control.changed of each, as published. `*` stands for all.
-- Batches read these rows FOR SHARE, which takes ROW SHARE on the table; whoever changes a control takes EXCLUSIVE first
-- and so waits for batches in flight, even when the row is new and could not have been locked.
CREATE TABLE controls (
    kind          text NOT NULL,
    tenant        text NOT NULL,
    decision_type text NOT NULL,
    tier          text NOT NULL,
    revision      bigint      NOT NULL CHECK (revision >= 1),
    activities    bigint      NOT NULL CHECK (activities >= 0),
    changed_at    timestamptz NOT NULL,
    event_id      text        NOT NULL,
    headers       bytea       NOT NULL,
    body          bytea       NOT NULL,
    PRIMARY KEY (kind, tenant, decision_type, tier)
);

-- Every state a control has had, as published; `controls` holds the newest.
-- A record of control.changed whose revision is old is a repeat when it is in here, and a writer's lost memory when not.
CREATE TABLE control_history (
    kind          text NOT NULL,
    tenant        text NOT NULL,
    decision_type text NOT NULL,
    tier          text NOT NULL,
    revision      bigint      NOT NULL CHECK (revision >= 1),
    changed_at    timestamptz NOT NULL,
    body          bytea       NOT NULL,
    PRIMARY KEY (kind, tenant, decision_type, tier, revision)
);

-- Records of control.changed that were not believed, by their hash: the topic is read whole at every start, and each is
-- reported once.
CREATE TABLE refused_controls (
    sha256     text PRIMARY KEY,
    reason     text        NOT NULL,
    refused_at timestamptz NOT NULL
);

-- What people said to a change that loosens something, for the hash of exactly that change. Rows are only added; a refusal
-- voids the signatures before it.
CREATE TABLE control_signatures (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256    text        NOT NULL,
    signed    boolean     NOT NULL,
    pseudonym text        NOT NULL,
    role      text        NOT NULL,
    reason    text        NOT NULL,
    signed_at timestamptz NOT NULL
);
CREATE INDEX control_signatures_sha256 ON control_signatures (sha256, id);

-- What one person asked for and another must confirm. A request is for one revision: a stop in between voids it.
CREATE TABLE release_requests (
    id            uuid PRIMARY KEY,
    tenant        text        NOT NULL,
    decision_type text        NOT NULL,
    revision      bigint      NOT NULL,
    requested_by  text        NOT NULL,
    role          text        NOT NULL,
    reason        text        NOT NULL,
    requested_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    confirmed_by  text,
    confirmed_at  timestamptz
);
CREATE INDEX release_requests_pending ON release_requests (requested_at) WHERE confirmed_at IS NULL;

-- Keys of the random draws, oldest first in use. Whoever can read this table can foresee samples.
CREATE TABLE sampling_keys (
    key_id     text PRIMARY KEY,
    key        bytea       NOT NULL CHECK (octet_length(key) >= 16),
    created_at timestamptz NOT NULL
);

-- Messages of changes that people make over HTTP; see countersign_shared.messaging.outbox.
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

-- Tombstones of erased cases: countersign_shared/erasure.
CREATE TABLE erasures (
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    erasure_id  text        NOT NULL,
    erased_at   timestamptz NOT NULL,
    rows_erased integer     NOT NULL,
    PRIMARY KEY (case_id, tenant, erasure_id)
);
