-- name: name_role
SELECT set_config('countersign.role', $1, true);

-- name: restrict
-- Takes from the named role every right to change or delete what audit has written, and with ownership the right to
-- switch off a trigger: the tables belong to a role that nobody can sign in as. For an administrator of the database,
-- or for who acts as that owner; once again does no harm.
DO $$
DECLARE
    service text := current_setting('countersign.role');
    named   text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service || '_owner') THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', service || '_owner');
    END IF;
    EXECUTE format('ALTER SCHEMA audit OWNER TO %I', service || '_owner');
    FOR named IN SELECT format('TABLE audit.%I', tablename) FROM pg_tables WHERE schemaname = 'audit'
        UNION ALL SELECT format('FUNCTION audit.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid))
                  FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
    LOOP
        EXECUTE format('ALTER %s OWNER TO %I', named, service || '_owner');
    END LOOP;
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA audit FROM %I, PUBLIC', service);
    EXECUTE format('REVOKE ALL ON SCHEMA audit FROM %I', service);
    EXECUTE format('GRANT USAGE ON SCHEMA audit TO %I', service);
    EXECUTE format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA audit TO %I', service);
    EXECUTE format('REVOKE INSERT ON audit.schema_migrations FROM %I', service);
    -- What waits to leave is no record: the relay takes it away once it has left.
    EXECUTE format('GRANT UPDATE, DELETE ON audit.outbox TO %I', service);
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit.erase_case(bytea) TO %I', service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit.make_room(bigint, bigint) TO %I', service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit.rewrap_keys(bytea[], integer[], bytea[], integer) TO %I', service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit.sum_up_pages() TO %I', service);
    -- Partitions are reached through the tables they are parts of, and by their own names not at all.
    FOR named IN SELECT inhrelid::regclass::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r'
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %I', named, service);
    END LOOP;
END
$$;
