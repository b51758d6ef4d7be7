-- Records that the broker removed before this log had read them; each is said once.
CREATE TABLE missing_records (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    first_offset bigint      NOT NULL,
    beyond       bigint      NOT NULL,     -- the first offset that is still there, or was read
    found_at     timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, first_offset)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON missing_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE missing_records ENABLE ALWAYS TRIGGER append_only;
