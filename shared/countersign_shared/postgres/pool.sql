-- name: schema_exists
SELECT to_regnamespace($1) IS NOT NULL;

-- name: create_schema
-- The name is one of the five services', never input.
CREATE SCHEMA IF NOT EXISTS {schema};
