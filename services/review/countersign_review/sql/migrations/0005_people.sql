-- What administrators keep of people beside their authority, and a version so that two of them do not overwrite each other.
-- `delegates` are the usernames that somebody may hand work to; null means every colleague.
ALTER TABLE users ADD COLUMN training_valid_until date;
ALTER TABLE users ADD COLUMN delegates text[];
ALTER TABLE users ADD COLUMN version integer NOT NULL DEFAULT 1;

-- A session also ends when nobody uses it.
ALTER TABLE sessions ADD COLUMN last_seen_at timestamptz;
UPDATE sessions SET last_seen_at = created_at;
ALTER TABLE sessions ALTER COLUMN last_seen_at SET NOT NULL;

-- Who stands in for whom, and when. Work is handed over, never authority.
CREATE TABLE delegations (
    delegation_id text        PRIMARY KEY,
    username      text        NOT NULL REFERENCES users,
    delegate      text        NOT NULL REFERENCES users,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    reason        text,
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL,
    CHECK (username <> delegate AND starts_at < ends_at)
);
CREATE INDEX delegations_of ON delegations (username, starts_at);
CREATE INDEX delegations_to ON delegations (delegate, starts_at);

-- Whether a user's training is valid at a time; without a date it has no end.
CREATE FUNCTION trained(u users, moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT u.training_valid_until IS NULL OR (moment AT TIME ZONE 'UTC')::date <= u.training_valid_until
$$;
