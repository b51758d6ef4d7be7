-- Cases as the router described them, of every level. Rows are written once and never changed:
-- the state of a case follows from its decisions and reviews.
CREATE TABLE cases (
    tenant        text        NOT NULL,
    case_id       text        NOT NULL,
    decision_type text        NOT NULL,
    subject_ref   text,
    -- Null where nobody asked for one yet: it is then made from the payload when somebody reads it.
    title         text,
    level         smallint    NOT NULL,
    partition     integer     NOT NULL,
    event_id      text        NOT NULL,
    routed_at     timestamptz NOT NULL,
    arrival       bigint      GENERATED ALWAYS AS IDENTITY,
    body          bytea       NOT NULL,
    PRIMARY KEY (tenant, case_id)
-- Bodies are packed (countersign_shared.postgres.bodies); even a large one stays in its row, which spares two index entries.
) WITH (toast_tuple_target = 8160);
ALTER TABLE cases ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX cases_arrival ON cases (arrival);
CREATE INDEX cases_subject ON cases (subject_ref, tenant, arrival) WHERE subject_ref IS NOT NULL;

-- What cases are found by beside their names: words, and the tier of their consequence. Filled after the intake, when there
-- is time; a case without a row is found by its id and its subject only.
CREATE TABLE case_index (
    arrival   bigint   PRIMARY KEY,
    tier_rank smallint,
    words     tsvector NOT NULL
);
CREATE INDEX case_index_words ON case_index USING gin (words);

-- Decisions to act on: the router's and this service's own. At most one first decision a case,
-- and at most one successor of each.
CREATE TABLE decisions (
    tenant         text        NOT NULL,
    case_id        text        NOT NULL,
    decision_id    text        NOT NULL,
    supersedes     text,
    outcome        text,
    outcome_params bytea       NOT NULL,
    closed_as      text        NOT NULL,
    mode           text        NOT NULL,
    relation       text        NOT NULL,
    decided_at     timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (tenant, case_id, supersedes)
);

-- The likeness of cases that people have taken up. A case's places lie beside those of cases like it.
CREATE TABLE precedents (
    arrival bigint PRIMARY KEY,
    code    bytea  NOT NULL
);
CREATE TABLE precedent_places (
    scope   bigint   NOT NULL,
    tree    smallint NOT NULL,
    place   bigint   NOT NULL,
    arrival bigint   NOT NULL,
    PRIMARY KEY (scope, tree, place, arrival)
);

-- The number of the next event this service writes about a case, and the partition all of them go to.
-- The row is locked before a number is taken, so that numbers, outbox ids and commits have one order.
CREATE TABLE case_counters (
    tenant    text    NOT NULL,
    case_id   text    NOT NULL,
    partition integer NOT NULL,
    next      integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, case_id)
);

-- Work for people. `withheld` says that the answer must be given without seeing the proposal.
CREATE TABLE reviews (
    review_id          text        PRIMARY KEY,
    tenant             text        NOT NULL,
    case_id            text        NOT NULL,
    kind               text        NOT NULL CHECK (kind IN ('decision', 'audit', 'reversal', 'seed')),
    state              text        NOT NULL
                       CHECK (state IN ('waiting', 'claimed', 'revealed', 'asked', 'blocked', 'decided', 'withdrawn')),
    queue              text        NOT NULL,
    decision_type      text        NOT NULL,
    subject_ref        text,
    title              text        NOT NULL,
    reason             text        NOT NULL,
    withheld           boolean     NOT NULL,
    level              smallint    NOT NULL,
    tier_rank          smallint    NOT NULL,
    priority           integer     NOT NULL,
    amount             numeric,
    currency           text,
    skills             text[]      NOT NULL,
    roles              text[]      NOT NULL,
    language           text,
    submitted_by       text        NOT NULL,
    reviewers_required smallint    NOT NULL,
    created_at         timestamptz NOT NULL,
    due_at             timestamptz NOT NULL,
    at_risk_at         timestamptz NOT NULL,
    -- Deadlines within the same minute count as equal; consequence then breaks the tie.
    due_minute         bigint      NOT NULL,
    payload_sha256     text        NOT NULL,
    revision           integer     NOT NULL DEFAULT 0,
    test               boolean     NOT NULL,
    -- Whose turn it is where several must answer.
    stage              text        NOT NULL DEFAULT 'first' CHECK (stage IN ('first', 'second', 'adjudication')),
    -- For leads alone, as what has to be settled between two answers is.
    escalated          boolean     NOT NULL DEFAULT false,
    -- Who may not take it: they recused themselves, have answered, or have seen what the next must not know.
    excluded           text[]      NOT NULL DEFAULT '{}',
    -- Kept for one person, for a while.
    assigned_to        text,
    assigned_until     timestamptz,
    -- Since when it waits for an answer from outside.
    asked_at           timestamptz,
    -- What a reversal was opened for, and which decision it is about.
    opened_for         text,
    supersedes         text,
    open               boolean     GENERATED ALWAYS AS (state NOT IN ('decided', 'withdrawn')) STORED,
    -- While it is open, nobody who may have to answer is told what others or the machine have said of the case.
    veiled             boolean     GENERATED ALWAYS AS (withheld OR reviewers_required > 1 OR kind = 'seed') STORED
);
CREATE INDEX reviews_waiting ON reviews (queue, due_minute, tier_rank DESC, priority DESC, review_id)
    WHERE state = 'waiting';
CREATE INDEX reviews_urgent ON reviews (queue, tenant, tier_rank DESC, due_minute, priority DESC, review_id)
    WHERE state = 'waiting';
CREATE INDEX reviews_held ON reviews (queue, tenant) WHERE state IN ('claimed', 'revealed');
CREATE INDEX reviews_aside ON reviews (state, created_at) WHERE state IN ('asked', 'blocked');
CREATE INDEX reviews_assigned ON reviews (assigned_to) WHERE assigned_to IS NOT NULL;
-- Reviews of a case whatever became of them.
CREATE INDEX reviews_of_case ON reviews (tenant, case_id);

-- One row per hold of a reviewer on a review, kept when it ends.
CREATE TABLE claims (
    claim_id         text        PRIMARY KEY,
    review_id        text        NOT NULL REFERENCES reviews,
    reviewer         text        NOT NULL,
    state            text        NOT NULL
                     CHECK (state IN ('held', 'released', 'skipped', 'expired', 'withdrawn', 'decided', 'recused',
                                      'escalated', 'delegated', 'recalled', 'asked', 'blocked', 'returned')),
    version          integer     NOT NULL DEFAULT 1,
    claimed_at       timestamptz NOT NULL,
    opened_at        timestamptz,
    lease_expires_at timestamptz NOT NULL,
    ended_at         timestamptz
);
CREATE UNIQUE INDEX claims_held ON claims (review_id, reviewer) WHERE state = 'held';
CREATE INDEX claims_mine ON claims (reviewer, claimed_at) WHERE state = 'held';
CREATE INDEX claims_lease ON claims (lease_expires_at) WHERE state = 'held';
CREATE INDEX claims_of_review ON claims (review_id);

-- The other cases that a context package names: when one of them is erased, what was said of it leaves the package too.
-- Of the bytes alone, so that no package is stored without. NUL, which no case has in its id, is replaced because
-- PostgreSQL reads no JSON that has it; an escaped backslash before `u0000` is none.
CREATE FUNCTION cases_named(package bytea) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    said text := convert_from(package, 'UTF8');
    history json;
BEGIN
    IF position('\u0000' IN said) > 0 THEN
        said := regexp_replace(said, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\u0001', 'g');
    END IF;
    history := said::json -> 'history';
    RETURN ARRAY(SELECT json_array_elements(history -> 'subject') ->> 'case_id'
                 UNION ALL SELECT json_array_elements(history -> 'similar') ->> 'case_id');
END $$;

-- The exact bytes of every context package served. When words of an erased case were taken out, they are no longer what
-- the digest is over: that stays of what was served.
CREATE TABLE shown (
    claim_id    text        NOT NULL REFERENCES claims,
    number      smallint    NOT NULL,
    revision    integer     NOT NULL,
    sha256      text        NOT NULL,
    shown_at    timestamptz NOT NULL,
    package     bytea       NOT NULL,
    redacted_at timestamptz,
    PRIMARY KEY (claim_id, number)
);
CREATE INDEX shown_names ON shown USING gin (cases_named(package));
ALTER INDEX shown_names ALTER COLUMN 1 SET STATISTICS 0;

-- A skip belongs to the reviewer; for everybody else the review waits as before.
CREATE TABLE skips (
    reviewer text        NOT NULL,
    review_id text       NOT NULL REFERENCES reviews,
    until    timestamptz NOT NULL,
    PRIMARY KEY (reviewer, review_id)
);

-- What people answered, decisions and judgements alike: unseen before the proposal was shown (`blind`), as one of
-- several (`opinion`), or so that the review ended (`final`). `said` holds all that the final record quotes.
CREATE TABLE answers (
    answer_id       text        PRIMARY KEY,
    review_id       text        NOT NULL REFERENCES reviews,
    claim_id        text        NOT NULL REFERENCES claims,
    reviewer        text        NOT NULL,
    event_id        text        NOT NULL UNIQUE,
    idempotency_key text        NOT NULL,
    request_sha256  text        NOT NULL,
    outcome         text        NOT NULL,
    relation        text        NOT NULL,
    recorded_at     timestamptz NOT NULL,
    leaves_at       timestamptz NOT NULL,
    sent_at         timestamptz,
    undone_at       timestamptz,
    part            text        NOT NULL DEFAULT 'final' CHECK (part IN ('blind', 'opinion', 'final')),
    said            bytea,
    -- Evidence came after it: it counts no more.
    lapsed_at       timestamptz,
    UNIQUE (reviewer, idempotency_key)
);
CREATE UNIQUE INDEX answers_final ON answers (review_id) WHERE part = 'final' AND undone_at IS NULL;
CREATE UNIQUE INDEX answers_standing ON answers (review_id, reviewer, part)
    WHERE undone_at IS NULL AND lapsed_at IS NULL;

CREATE INDEX answers_recorded ON answers (recorded_at);

-- Every event this service wrote, with its bytes: published again as they are when a case is repeated.
CREATE TABLE events (
    event_id  text        PRIMARY KEY,
    tenant    text        NOT NULL,
    case_id   text        NOT NULL,
    sequence  integer     NOT NULL,
    topic     text        NOT NULL,
    kind      text        NOT NULL,
    actor     text,
    at        timestamptz NOT NULL,
    partition integer     NOT NULL,
    body      bytea       NOT NULL,
    headers   bytea       NOT NULL
);
CREATE UNIQUE INDEX events_of_case ON events (tenant, case_id, sequence);
-- One label a case: the judgement of a control is written once, whatever becomes of its review afterwards.
CREATE UNIQUE INDEX events_control ON events (tenant, case_id) WHERE kind = 'control.judged';

-- What came in about cases from outside, whether or not the case was known by then.
CREATE TABLE updates (
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    source      text        NOT NULL,
    event_id    text        NOT NULL,
    kind        text        NOT NULL,
    arrival     bigint      GENERATED ALWAYS AS IDENTITY,
    received_at timestamptz NOT NULL,
    applied_at  timestamptz,
    body        bytea       NOT NULL,
    -- An objection may come before the decision it is about: it is looked at again later.
    try_at      timestamptz,
    PRIMARY KEY (tenant, case_id, source, event_id)
);
CREATE INDEX updates_pending ON updates (tenant, case_id) WHERE applied_at IS NULL;

-- What changed lately, told to everybody who looks at the desk. Nothing rests on it: pages are fetched, and whoever was
-- away reads them anew. So it needs no write-ahead log, and is emptied every few minutes.
CREATE UNLOGGED TABLE live (
    number  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind    text        NOT NULL,
    tenant  text        NOT NULL,
    case_id text,
    queue   text
);

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
    PRIMARY KEY (tenant, case_id, tag, tagged_by)
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

-- Routed cases that were drawn to bring a known-wrong proposal along, and which case it was shown with.
CREATE TABLE seeds (
    tenant        text        NOT NULL,
    case_id       text        NOT NULL,
    decision_type text        NOT NULL,
    queue         text        NOT NULL,
    drawn_at      timestamptz NOT NULL,
    planted_at    timestamptz,
    planted_case  text,
    PRIMARY KEY (tenant, case_id)
);
CREATE INDEX seeds_pending ON seeds (drawn_at) WHERE planted_at IS NULL;
CREATE INDEX seeds_planted ON seeds (tenant, planted_case, planted_at) WHERE planted_case IS NOT NULL;

-- Judgements as they were concluded: what follows from one that differs happens when it has left.
CREATE TABLE judgements (
    answer_id     text        PRIMARY KEY,
    tenant        text        NOT NULL,
    case_id       text        NOT NULL,
    decision_type text        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('audit', 'control', 'decision', 'reversal')),
    error         boolean     NOT NULL,
    final_outcome text        NOT NULL,
    people        smallint    NOT NULL,
    leaves_at     timestamptz NOT NULL,
    followed_at   timestamptz
);
CREATE INDEX judgements_pending ON judgements (leaves_at) WHERE followed_at IS NULL;
CREATE INDEX judgements_of_case ON judgements (tenant, case_id);

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

-- People. The pseudonym is what leaves this service.
CREATE TABLE users (
    username       text        PRIMARY KEY,
    pseudonym      text        NOT NULL UNIQUE,
    display_name   text        NOT NULL,
    password_hash  text,
    roles          text[]      NOT NULL,
    tenants        text[]      NOT NULL,
    decision_types text[],
    max_tier_rank  smallint    NOT NULL,
    amount_limit   numeric,
    currency       text,
    skills         text[]      NOT NULL,
    languages      text[],
    next_sequence  integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    disabled_at    timestamptz,
    -- What administrators keep of people beside their authority, and a version so that two of them do not overwrite each
    -- other. `delegates` are the usernames that somebody may hand work to; null means every colleague.
    training_valid_until date,
    delegates      text[],
    version        integer     NOT NULL DEFAULT 1,
    -- How long they want to be able to undo at the least; null: as the policy says.
    undo_seconds   smallint    CHECK (undo_seconds BETWEEN 0 AND 60),
    CHECK ((amount_limit IS NULL) = (currency IS NULL))
);

-- Searches that people keep.
CREATE TABLE saved_views (
    username   text        NOT NULL REFERENCES users,
    name       text        NOT NULL,
    filters    bytea       NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (username, name)
);

CREATE TABLE sessions (
    token_sha256 text        PRIMARY KEY,
    username     text        NOT NULL REFERENCES users,
    csrf_token   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- A session also ends when nobody uses it.
    last_seen_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (username);
CREATE INDEX sessions_expiry ON sessions (expires_at);

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

CREATE TABLE login_links (
    token_sha256 text        PRIMARY KEY,
    username     text        NOT NULL REFERENCES users,
    expires_at   timestamptz NOT NULL
);

CREATE TABLE api_keys (
    key_id        text        PRIMARY KEY,
    name          text        NOT NULL,
    username      text        NOT NULL REFERENCES users,
    secret_sha256 text        NOT NULL,
    roles         text[]      NOT NULL,
    tenants       text[]      NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    last_used_at  timestamptz
);

-- The keys tokens are signed with; all instances share them.
CREATE TABLE signing_keys (
    kid        text        PRIMARY KEY,
    private    bytea       NOT NULL,
    public     bytea       NOT NULL,
    created_at timestamptz NOT NULL
);

-- Whether a user may take a review. One expression, so that PostgreSQL folds it into the query around it;
-- `domain/eligibility.py` says the same in words a person can read.
CREATE FUNCTION eligible(u users, r reviews) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT ('*' = ANY (u.tenants) OR r.tenant = ANY (u.tenants))
       AND (u.decision_types IS NULL OR r.decision_type = ANY (u.decision_types))
       AND r.tier_rank <= u.max_tier_rank
       AND (r.amount IS NULL OR u.amount_limit IS NULL OR (r.currency = u.currency AND r.amount <= u.amount_limit))
       AND r.skills <@ u.skills
       AND CASE WHEN r.escalated OR r.stage = 'adjudication' THEN 'lead' = ANY (u.roles)
                ELSE r.roles = '{}' OR r.roles && u.roles END
       AND (r.language IS NULL OR u.languages IS NULL OR r.language = ANY (u.languages))
       AND r.submitted_by <> u.username AND r.submitted_by <> u.pseudonym
       AND u.pseudonym <> ALL (r.excluded)
       AND (r.assigned_to IS NULL OR r.assigned_to = u.pseudonym)
$$;

-- Whether a user's training is valid at a time; without a date it has no end.
CREATE FUNCTION trained(u users, moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT u.training_valid_until IS NULL OR (moment AT TIME ZONE 'UTC')::date <= u.training_valid_until
$$;

-- Whether a case with such a review keeps its level, its history and its part of the log from those who may answer. Where
-- seeds are in use every case that waits to be decided does, or the few that do would be known for seeds.
CREATE FUNCTION covered(r reviews) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT r.veiled OR (r.kind = 'decision' AND EXISTS (SELECT FROM seeds AS s
                                                        WHERE s.tenant = r.tenant AND s.planted_case IS NOT NULL))
$$;

-- Of the tenants whose worst waiting consequence is the worst of all, the one that fewest people work for. The tenants
-- are found by leaps along the index, not by reading every waiting row.
CREATE FUNCTION tenant_in_turn(u users, scope text[], of_queue text, moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE leaps AS (
        (SELECT r.tenant FROM reviews AS r WHERE r.queue = of_queue AND r.state = 'waiting' ORDER BY r.tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT r.tenant FROM reviews AS r
                WHERE r.queue = of_queue AND r.state = 'waiting' AND r.tenant > leaps.tenant ORDER BY r.tenant LIMIT 1)
        FROM leaps WHERE leaps.tenant IS NOT NULL
    )
    SELECT l.tenant FROM leaps AS l
    CROSS JOIN LATERAL (
        SELECT r.tier_rank FROM reviews AS r
        WHERE r.queue = of_queue AND r.tenant = l.tenant AND r.state = 'waiting' AND eligible(u, r)
          AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                          AND s.review_id = r.review_id AND s.until > moment)
        ORDER BY r.tier_rank DESC LIMIT 1
    ) AS worst
    WHERE '*' = ANY (scope) OR l.tenant = ANY (scope)
    ORDER BY worst.tier_rank DESC,
             (SELECT count(*) FROM reviews AS h
              WHERE h.queue = of_queue AND h.tenant = l.tenant AND h.state IN ('claimed', 'revealed')),
             l.tenant
    LIMIT 1
$$;

-- Who gets what next, for several people in one round trip. `usernames`, `scopes` (tenants with a unit separator between
-- them), `queues`, `by_consequence` and `only_tenants` say who asks for work of which queue, in whose name, and whether
-- that queue is in overload, with one tenant's work or several's. Nobody takes a review beyond `most`.
-- The reviews are claimed in the caller's transaction and their cases numbered; `held` is null for nobody's name, and what
-- somebody holds where there is no review for them. The row of each person is locked, people and cases in the order in
-- which everybody locks them; what another transaction is taking is passed over.
-- Plans are made once a connection: planning anew took more of a claim than carrying it out. Such a plan would be poor
-- where the tables were small when it was made, so it is told to go by the indexes whatever they hold.
CREATE FUNCTION take_next(
    usernames text[], scopes text[], queues text[], by_consequence boolean[], only_tenants text[], most integer,
    moment timestamptz
) RETURNS TABLE (
    place integer, held integer, review reviews, number integer, destination integer, arrival bigint, body bytea,
    routed_event_id text
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off
AS $$
DECLARE
    u users;
    one record;
    turn text;
    scope text[];
    found text;
    places integer[] := '{}';
    takers text[] := '{}';
    taken text[] := '{}';
BEGIN
    FOR asker IN 1 .. cardinality(usernames) LOOP
        place := asker;
        SELECT k.* INTO u FROM users AS k
        WHERE k.username = usernames[place] AND k.disabled_at IS NULL FOR NO KEY UPDATE;
        held := NULL;
        found := NULL;
        scope := string_to_array(scopes[place], E'\x1f');
        IF u.username IS NOT NULL THEN
            -- A statement of its own: within the one that waits for the lock, a count would see the time before the wait.
            SELECT count(*) INTO held FROM claims AS c
            WHERE c.reviewer = u.pseudonym AND c.state = 'held' AND c.lease_expires_at > moment;
            held := held + cardinality(array_positions(takers, u.username));
        END IF;
        IF held < most AND trained(u, moment) THEN
            IF by_consequence[place] THEN
                turn := coalesce(only_tenants[place], tenant_in_turn(u, scope, queues[place], moment));
                SELECT k.review_id INTO found FROM reviews AS k
                WHERE k.queue = queues[place] AND k.tenant = turn AND k.state = 'waiting' AND eligible(u, k)
                  AND ('*' = ANY (scope) OR k.tenant = ANY (scope))
                  AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                                  AND s.review_id = k.review_id AND s.until > moment)
                ORDER BY k.tier_rank DESC, k.due_minute, k.priority DESC, k.review_id
                LIMIT 1 FOR UPDATE OF k SKIP LOCKED;
            END IF;
            IF found IS NULL THEN
                SELECT k.review_id INTO found FROM reviews AS k
                WHERE k.queue = queues[place] AND k.state = 'waiting' AND eligible(u, k)
                  AND ('*' = ANY (scope) OR k.tenant = ANY (scope))
                  AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                                  AND s.review_id = k.review_id AND s.until > moment)
                ORDER BY k.due_minute, k.tier_rank DESC, k.priority DESC, k.review_id
                LIMIT 1 FOR UPDATE OF k SKIP LOCKED;
            END IF;
        END IF;
        IF found IS NULL THEN
            RETURN NEXT;
        ELSE
            UPDATE reviews AS k SET state = 'claimed' WHERE k.review_id = found;
            places := places || place;
            takers := takers || u.username;
            taken := taken || found;
        END IF;
    END LOOP;
    held := NULL;
    FOR one IN
        SELECT t.place, t.review_id FROM unnest(places, taken) AS t (place, review_id) JOIN reviews AS k USING (review_id)
        ORDER BY k.tenant COLLATE "C", k.case_id COLLATE "C"
    LOOP
        place := one.place;
        SELECT k.* INTO review FROM reviews AS k WHERE k.review_id = one.review_id;
        UPDATE case_counters AS k SET next = k.next + 1
        WHERE k.tenant = review.tenant AND k.case_id = review.case_id
        RETURNING k.next - 1, k.partition INTO number, destination;
        SELECT k.arrival, k.body, k.event_id INTO arrival, body, routed_event_id FROM cases AS k
        WHERE k.tenant = review.tenant AND k.case_id = review.case_id;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Tombstones of erased cases: countersign_shared/erasure.
CREATE TABLE erasures (
    tenant      text        NOT NULL,
    case_id     text        NOT NULL,
    erasure_id  text        NOT NULL,
    erased_at   timestamptz NOT NULL,
    rows_erased integer     NOT NULL,
    PRIMARY KEY (case_id, tenant, erasure_id)
);
