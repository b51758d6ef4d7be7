-- Days whose entries were counted and looked through for holes; the entry `log.reconciled` says what was found.
CREATE TABLE reconciled (
    day           date        PRIMARY KEY,
    entries       bigint      NOT NULL,
    holes         integer     NOT NULL,
    reconciled_at timestamptz NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciled
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE reconciled ENABLE ALWAYS TRIGGER append_only;
