-- The log. Rows are only ever added: see the triggers at the end.

-- What the functions below run with, whoever calls them; temporary tables must not come first.
SELECT set_config('search_path', current_schema() || ', pg_temp', true);

-- In partitions by range of the index, which the writer makes ahead: make_room.
CREATE TABLE entries (
    index       bigint      PRIMARY KEY,   -- place in the log, from 0 without holes; a second writer collides here
    leaf        bytea       NOT NULL,      -- the exact bytes that are hashed; everything else in this row is a copy
    leaf_hash   bytea       NOT NULL,      -- SHA-256(0x00 || leaf)
    record_id   bytea       NOT NULL,      -- keyed name of (topic, event id), by which repeats are dropped
    case_ref    bytea,                     -- keyed name of (tenant, case id); null when the entry is about no case
    tenant      text,
    kind        text        NOT NULL,
    occurred_at timestamptz,               -- the event's own time
    actor       text                       -- pseudonym
) PARTITION BY RANGE (index);
-- The bytes are short and already dense: looking for something to compress would only cost time.
ALTER TABLE entries ALTER COLUMN leaf SET STORAGE EXTERNAL;
CREATE INDEX entries_case_ref ON entries (case_ref, index) WHERE case_ref IS NOT NULL;
CREATE INDEX entries_actor ON entries (actor, index) WHERE actor IS NOT NULL;
CREATE INDEX entries_access ON entries (index) WHERE kind IN ('audit.read', 'audit.exported');
CREATE INDEX entries_own ON entries (index) WHERE kind IN ('log.genesis', 'log.key_rotated', 'log.recovered');
CREATE INDEX entries_dead_letters ON entries (index) WHERE kind = 'countersign.dead-letter';
-- Entries come nearly in the order of their time, so a range of pages is summed up by a few limits; more than
-- one pair of them, because a producer's clock may be years ahead.
CREATE INDEX entries_occurred_at ON entries USING brin (occurred_at timestamptz_minmax_multi_ops, index)
    WITH (pages_per_range = 32, autosummarize = on);

-- What each entry is about, encrypted. Apart from the entries, so that it can be erased without touching them.
CREATE TABLE payloads (
    index      bigint   PRIMARY KEY,
    key_number integer  NOT NULL,          -- which data key of the entry's scope
    sealed     bytea    NOT NULL           -- AES-256-GCM: nonce, then headers and body of the record, packed
) PARTITION BY RANGE (index);
ALTER TABLE payloads ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- The names of all records, each once: what is unique in the whole log cannot be an index of a partition.
CREATE TABLE records (
    record_id bytea  PRIMARY KEY,
    index     bigint NOT NULL              -- the entry that holds it
);

-- The ranges that have a partition, without holes from the first on.
CREATE TABLE partitions (
    first  bigint PRIMARY KEY,
    beyond bigint NOT NULL                 -- the first index that is in it no more
);

-- A data key per case and subject (per record where there is no case), wrapped by an epoch key that is not here.
CREATE TABLE data_keys (
    scope   bytea    NOT NULL,             -- the case_ref, or the record_id of an entry about no case
    number  integer  NOT NULL,             -- 1 for the first subject of the scope
    subject bytea,                         -- keyed name of the subject
    epoch   integer  NOT NULL,
    wrapped bytea    NOT NULL,
    PRIMARY KEY (scope, number)
);
CREATE INDEX data_keys_subject ON data_keys (subject) WHERE subject IS NOT NULL;
-- No samples for the planner: they would keep keys that were destroyed.
ALTER TABLE data_keys ALTER COLUMN wrapped SET STATISTICS 0;

-- Signed statements about the log, oldest first by size.
CREATE TABLE checkpoints (
    size      bigint      PRIMARY KEY,     -- entries covered
    root      bytea       NOT NULL,
    note      bytea       NOT NULL,        -- the signed note, byte for byte
    frontier  bytea       NOT NULL,        -- right edge of the tree, so that a start need not read the log
    signed_at timestamptz NOT NULL
);

-- The tree in tiles of 256 hashes, each added when it has filled up; the open ones are derived from what is below.
CREATE TABLE tiles (
    level  smallint NOT NULL,              -- 0: hashes of leaves; above: roots of the tiles one level down
    number bigint   NOT NULL,
    hashes bytea    NOT NULL,              -- 256 of 32 bytes
    root   bytea    NOT NULL,              -- over these hashes
    PRIMARY KEY (level, number)
);
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Reads of the record by people, numbered per case; each is announced on activity.recorded and becomes an entry.
CREATE TABLE reads (
    scope    bytea       NOT NULL,         -- the case_ref, or a name for the tenant's log as a whole
    sequence integer     NOT NULL,
    read_at  timestamptz NOT NULL,
    PRIMARY KEY (scope, sequence)
);

-- Links for the affected person, by the hash of what is in them. Opening one is a row of its own: it opens once.
CREATE TABLE explanation_links (
    token_sha256 bytea       PRIMARY KEY,
    scope        bytea       NOT NULL,
    tenant       text        NOT NULL,
    case_id      text        NOT NULL,
    language     text,
    made_by      text        NOT NULL,
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE TABLE explanation_openings (
    token_sha256 bytea       PRIMARY KEY REFERENCES explanation_links,
    opened_at    timestamptz NOT NULL
);

-- Days whose entries were counted and looked through for holes; the entry `log.reconciled` says what was found.
CREATE TABLE reconciled (
    day           date        NOT NULL,
    entries       bigint      NOT NULL,
    holes         integer     NOT NULL,
    reconciled_at timestamptz NOT NULL,    -- still to come where the clock ran ahead: the day is counted again
    PRIMARY KEY (day, reconciled_at)
);

-- Epochs after the first, with which the log began: when each began, and when no key of an earlier one was left.
CREATE TABLE epochs (
    epoch integer     NOT NULL,
    step  text        NOT NULL CHECK (step IN ('begun', 'completed')),
    at    timestamptz NOT NULL,
    PRIMARY KEY (epoch, step)
);

-- How far the columns have been compared, a row a stretch; the newest says where to go on. From 0 again after the end.
CREATE TABLE copies_checked (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first      bigint      NOT NULL,
    beyond     bigint      NOT NULL,
    differing  integer     NOT NULL,
    ended      boolean     NOT NULL,       -- the end of the log was reached
    checked_at timestamptz NOT NULL
);

-- Records that the broker removed before this log had read them; each is said once for each topic of that name.
CREATE TABLE missing_records (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    first_offset bigint      NOT NULL,
    beyond       bigint      NOT NULL,     -- the first offset that is still there, or was read
    found_at     timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, first_offset, beyond)
);

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

-- What was asked for, a row a case. `scope` is the case's name in the log; the case id stays, as its tombstone.
CREATE TABLE erasures (
    erasure_id   text        NOT NULL,
    scope        bytea       NOT NULL,
    tenant       text        NOT NULL,
    case_id      text        NOT NULL,
    requested_at timestamptz NOT NULL,
    PRIMARY KEY (erasure_id, scope)
);
CREATE INDEX erasures_scope ON erasures (scope);

-- What was carried out. What comes in of the case later is erased as well, without another row.
CREATE TABLE erased (
    erasure_id text        NOT NULL,
    scope      bytea       NOT NULL,
    erased_at  timestamptz NOT NULL,
    PRIMARY KEY (erasure_id, scope)
);
CREATE INDEX erased_scope ON erased (scope);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('payloads', 'data_keys')
        AND current_setting('countersign.erasing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'data_keys' AND current_setting('countersign.rewrapping', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'The audit log is never changed; verification would name the entry.';
END
$$;

-- Destroys the data keys of a case and deletes what they sealed; refuses a case that nobody asked to erase.
CREATE FUNCTION erase_case(erased_scope bytea) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    deleted integer;
BEGIN
    IF NOT EXISTS (SELECT FROM erasures WHERE scope = erased_scope) THEN
        RAISE EXCEPTION 'no erasure of this case is on record' USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM set_config('countersign.erasing', 'on', true);
    DELETE FROM payloads AS p USING entries AS e WHERE e.case_ref = erased_scope AND p.index = e.index;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    DELETE FROM data_keys WHERE scope = erased_scope;
    PERFORM set_config('countersign.erasing', '', true);
    RETURN deleted;
END
$$;

-- Makes partitions until every index below `until` has one; each ends where a multiple of `width` begins. Returns the
-- first index without one. Made apart and then attached, so that nobody who reads or writes has to wait.
CREATE FUNCTION make_room(until bigint, width bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    begins bigint;
    ends   bigint;
    parent text;
    made   text;
BEGIN
    SELECT coalesce(max(beyond), 0) INTO begins FROM partitions;
    WHILE begins < until LOOP
        ends := (begins / width + 1) * width;
        FOREACH parent IN ARRAY ARRAY['entries', 'payloads'] LOOP
            made := parent || '_' || begins;
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING STORAGE INCLUDING CONSTRAINTS INCLUDING INDEXES)', made, parent);
            IF parent = 'payloads' THEN
                -- Even a large payload stays in its row: that costs less than chunks beside it, and no more room.
                EXECUTE format('ALTER TABLE %I SET (toast_tuple_target = 8160)', made);
            END IF;
            -- The triggers of the whole see only what is done to the whole.
            EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', made);
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', made);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, made,
                CASE WHEN begins = 0 THEN 'MINVALUE' ELSE begins::text END, ends);
        END LOOP;
        INSERT INTO partitions (first, beyond) VALUES (begins, ends);
        begins := ends;
    END LOOP;
    RETURN begins;
END
$$;
REVOKE ALL ON FUNCTION make_room(bigint, bigint) FROM PUBLIC;

-- Replaces how some data keys are wrapped, each by a wrapping under a later epoch, and nothing else about them; returns
-- how many. A key that is being erased is passed over, so neither waits for the other.
CREATE FUNCTION rewrap_keys(scopes bytea[], numbers integer[], wraps bytea[], new_epoch integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    replaced integer;
BEGIN
    PERFORM set_config('countersign.rewrapping', 'on', true);
    WITH free AS (
        SELECT k.scope, k.number, w.wrapped FROM data_keys AS k
        JOIN unnest(scopes, numbers, wraps) AS w (scope, number, wrapped) USING (scope, number)
        WHERE k.epoch < new_epoch
        FOR UPDATE OF k SKIP LOCKED
    )
    UPDATE data_keys AS k SET epoch = new_epoch, wrapped = f.wrapped
    FROM free AS f WHERE k.scope = f.scope AND k.number = f.number;
    GET DIAGNOSTICS replaced = ROW_COUNT;
    PERFORM set_config('countersign.rewrapping', '', true);
    RETURN replaced;
END
$$;
REVOKE ALL ON FUNCTION rewrap_keys(bytea[], integer[], bytea[], integer) FROM PUBLIC;

-- Sums up the pages that entries were added to, so that a search by time need not read them; returns how many ranges of
-- pages. PostgreSQL does so by itself for those that it has room to remember: where many fill up at once, it forgets most.
CREATE FUNCTION sum_up_pages() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part   regclass;
    summed bigint := 0;
BEGIN
    -- Of the partitions those that entries are added to, or were lately.
    FOR part IN SELECT to_regclass('entries_' || first) FROM partitions
        WHERE first <= coalesce((SELECT max(index) FROM entries), 0) ORDER BY first DESC LIMIT 2
    LOOP
        BEGIN
            -- A vacuum sums up as well: it is neither waited for nor, as whoever waits for it would do, ended.
            EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', part);
        EXCEPTION WHEN lock_not_available THEN
            CONTINUE;
        END;
        summed := summed + (
            SELECT coalesce(sum(brin_summarize_new_values(i.indexrelid)), 0)
            FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
            WHERE i.indrelid = part AND a.amname = 'brin');
    END LOOP;
    RETURN summed;
END
$$;
REVOKE ALL ON FUNCTION sum_up_pages() FROM PUBLIC;

-- Statement triggers fire even when no row matches; ALWAYS, because session_replication_role = replica skips the others.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payloads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON data_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tiles
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE entries ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE payloads ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE data_keys ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE checkpoints ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE tiles ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE reads ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erased
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE erasures ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE erased ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON explanation_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON explanation_openings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE explanation_links ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE explanation_openings ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciled
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE reconciled ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON partitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE records ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE partitions ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON epochs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON copies_checked
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE epochs ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE copies_checked ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON missing_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE missing_records ENABLE ALWAYS TRIGGER append_only;
