-- What people do with a case beside answering it.

-- Questions to upstream; a review has one open at a time.
CREATE TABLE questions (
    question_id text        PRIMARY KEY,
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    review_id   text        NOT NULL REFERENCES reviews,
    asked_by    text        NOT NULL,
    question    text        NOT NULL,
    asked_at    timestamptz NOT NULL,
    answered_at timestamptz
);
CREATE INDEX questions_of_case ON questions (tenant, case_id);

CREATE TABLE comments (
    comment_id   text        PRIMARY KEY,
    tenant       text        NOT NULL,
    case_id      text        NOT NULL,
    author       text        NOT NULL,
    commented_at timestamptz NOT NULL,
    comment      text        NOT NULL
);
CREATE INDEX comments_of_case ON comments (tenant, case_id, commented_at);

CREATE TABLE case_tags (
    tenant    text        NOT NULL,
    case_id   text        NOT NULL,
    tag       text        NOT NULL,
    tagged_by text        NOT NULL,
    tagged_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, case_id, tag)
);

-- What a reviewer has written and not sent yet. Nobody else's, and on no record.
CREATE TABLE drafts (
    reviewer  text        NOT NULL,
    review_id text        NOT NULL REFERENCES reviews,
    saved_at  timestamptz NOT NULL,
    draft     bytea       NOT NULL,
    PRIMARY KEY (reviewer, review_id)
);

-- What a request with an idempotency key was answered, for two days.
CREATE TABLE requests (
    caller          text        NOT NULL,
    idempotency_key text        NOT NULL,
    request_sha256  text        NOT NULL,
    answered_at     timestamptz NOT NULL,
    answer          bytea       NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX requests_age ON requests (answered_at);

-- Judgements as they were concluded: what follows from one that differs happens when it has left.
CREATE TABLE judgements (
    answer_id     text        PRIMARY KEY,
    tenant        text        NOT NULL,
    case_id       text        NOT NULL,
    decision_type text        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('audit', 'control', 'reversal')),
    error         boolean     NOT NULL,
    final_outcome text        NOT NULL,
    people        smallint    NOT NULL,
    leaves_at     timestamptz NOT NULL,
    followed_at   timestamptz
);
CREATE INDEX judgements_pending ON judgements (leaves_at) WHERE followed_at IS NULL;
CREATE INDEX judgements_of_case ON judgements (tenant, case_id);

-- An objection may come before the decision it is about: it is looked at again later.
ALTER TABLE updates ADD COLUMN try_at timestamptz;
