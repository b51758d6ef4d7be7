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

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON explanation_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON explanation_openings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE explanation_links ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE explanation_openings ENABLE ALWAYS TRIGGER append_only;
