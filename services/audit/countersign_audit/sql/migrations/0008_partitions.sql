-- Entries and payloads in partitions by range of their index, made ahead by the writer: docs/adr/0080.
-- What is there becomes the first partition as it stands; it is read through once and not written again.
--
-- Its range ends with the last entry. So a service of an earlier release that is still running, and does not fill
-- `records`, finds no room for another one and stops.

-- What the functions below run with, whoever calls them; temporary tables must not come first.
SELECT set_config('search_path', current_schema() || ', pg_temp', true);

ALTER TABLE entries RENAME TO entries_before;
ALTER INDEX entries_pkey RENAME TO entries_before_pkey;
ALTER INDEX entries_case_ref RENAME TO entries_before_case_ref;
ALTER INDEX entries_actor RENAME TO entries_before_actor;
ALTER INDEX entries_access RENAME TO entries_before_access;
ALTER INDEX entries_own RENAME TO entries_before_own;
ALTER INDEX entries_occurred_at RENAME TO entries_before_occurred_at;
ALTER TABLE payloads RENAME TO payloads_before;
ALTER INDEX payloads_pkey RENAME TO payloads_before_pkey;

-- Constraints are named, because those that are set aside have the names they would get.
CREATE TABLE entries (
    index       bigint      CONSTRAINT entries_index_not_null NOT NULL PRIMARY KEY,
    leaf        bytea       CONSTRAINT entries_leaf_not_null NOT NULL,
    leaf_hash   bytea       CONSTRAINT entries_leaf_hash_not_null NOT NULL,
    record_id   bytea       CONSTRAINT entries_record_id_not_null NOT NULL,
    case_ref    bytea,
    tenant      text,
    kind        text        CONSTRAINT entries_kind_not_null NOT NULL,
    occurred_at timestamptz,
    actor       text
) PARTITION BY RANGE (index);
ALTER TABLE entries ALTER COLUMN leaf SET STORAGE EXTERNAL;
CREATE INDEX entries_case_ref ON entries (case_ref, index) WHERE case_ref IS NOT NULL;
CREATE INDEX entries_actor ON entries (actor, index) WHERE actor IS NOT NULL;
CREATE INDEX entries_access ON entries (index) WHERE kind IN ('audit.read', 'audit.exported');
CREATE INDEX entries_own ON entries (index) WHERE kind IN ('log.genesis', 'log.key_rotated', 'log.recovered');
CREATE INDEX entries_occurred_at ON entries USING brin (occurred_at timestamptz_minmax_multi_ops)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE payloads (
    index      bigint   CONSTRAINT payloads_index_not_null NOT NULL PRIMARY KEY,
    key_number integer  CONSTRAINT payloads_key_number_not_null NOT NULL,
    sealed     bytea    CONSTRAINT payloads_sealed_not_null NOT NULL
) PARTITION BY RANGE (index);
ALTER TABLE payloads ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- The names of all records, each once: what is unique in the whole log cannot be an index of a partition.
CREATE TABLE records (
    record_id bytea  NOT NULL,
    index     bigint NOT NULL              -- the entry that holds it
);
INSERT INTO records SELECT record_id, index FROM entries_before;
ALTER TABLE records ADD PRIMARY KEY (record_id);
DROP INDEX entries_record_id;

-- The ranges that have a partition, without holes from the first on.
CREATE TABLE partitions (
    first  bigint PRIMARY KEY,
    beyond bigint NOT NULL                 -- the first index that is in it no more
);

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
ALTER FUNCTION erase_case(bytea) SET search_path FROM CURRENT;

DO $$
DECLARE
    ends bigint := (SELECT max(index) + 1 FROM entries_before);
BEGIN
    IF ends IS NULL THEN
        DROP TABLE entries_before, payloads_before;
        RETURN;
    END IF;
    ALTER TABLE entries_before RENAME TO entries_0;
    ALTER TABLE payloads_before RENAME TO payloads_0;
    EXECUTE format('ALTER TABLE entries ATTACH PARTITION entries_0 FOR VALUES FROM (MINVALUE) TO (%s)', ends);
    EXECUTE format('ALTER TABLE payloads ATTACH PARTITION payloads_0 FOR VALUES FROM (MINVALUE) TO (%s)', ends);
    INSERT INTO partitions (first, beyond) VALUES (0, ends);
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payloads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON partitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE entries ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE payloads ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE records ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE partitions ENABLE ALWAYS TRIGGER append_only;
