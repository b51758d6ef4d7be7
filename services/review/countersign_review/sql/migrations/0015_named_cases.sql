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
CREATE INDEX shown_names ON shown USING gin (cases_named(package));
-- A sample of what packages name would take reading each of them.
ALTER INDEX shown_names ALTER COLUMN 1 SET STATISTICS 0;

-- When words of an erased case were taken out of the package: the digest is over what was served, with them.
ALTER TABLE shown ADD COLUMN redacted_at timestamptz;
