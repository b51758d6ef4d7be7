-- The tree in tiles of 256 hashes, each added when it has filled up; the open ones are derived from what is below.
-- A log from before has none yet: the writer adds them at its start.

CREATE TABLE tiles (
    level  smallint NOT NULL,              -- 0: hashes of leaves; above: roots of the tiles one level down
    number bigint   NOT NULL,
    hashes bytea    NOT NULL,              -- 256 of 32 bytes
    root   bytea    NOT NULL,              -- over these hashes
    PRIMARY KEY (level, number)
);
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tiles
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE tiles ENABLE ALWAYS TRIGGER append_only;
