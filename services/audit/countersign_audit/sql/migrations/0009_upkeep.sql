-- What the log does for itself in the background: data keys wrapped anew under the next epoch, and the columns beside
-- the leaves compared with them.

SELECT set_config('search_path', current_schema() || ', pg_temp', true);

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

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON epochs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON copies_checked
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE epochs ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE copies_checked ENABLE ALWAYS TRIGGER append_only;
