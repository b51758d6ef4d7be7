-- name: name_password
SELECT set_config('countersign.password', $1, true);

-- name: make_audit_role
-- The role that audit runs as. Its password is new at every start: nobody else uses it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_audit') THEN
        CREATE ROLE countersign_audit LOGIN;
    END IF;
    EXECUTE format('ALTER ROLE countersign_audit PASSWORD %L', current_setting('countersign.password'));
END
$$;
