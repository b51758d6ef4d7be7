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
INSERT INTO control_history (kind, tenant, decision_type, tier, revision, changed_at, body)
SELECT kind, tenant, decision_type, tier, revision, changed_at, body FROM controls;

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
