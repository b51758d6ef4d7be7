-- Erasure: the keys and ciphertexts of a case may go, through one door, and only when that was asked for.

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

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('payloads', 'data_keys')
        AND current_setting('countersign.erasing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'The audit log is never changed; verification would name the entry.';
END
$$;

-- Destroys the data keys of a case and deletes what they sealed; refuses a case that nobody asked to erase.
CREATE FUNCTION erase_case(erased_scope bytea) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
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

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erased
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE erasures ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE erased ENABLE ALWAYS TRIGGER append_only;
