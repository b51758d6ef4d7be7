#!/bin/sh
# Audit's tables belong to a role that nobody can sign in as, so that the service cannot change what it wrote.
# countersign_audit_migrations signs in and acts as that owner, for migrations only; the service is countersign_audit.
# Runs when the database is first made, and may be run again: docs/how-to/run-with-compose.md, "From before".
set -eu

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname="$POSTGRES_DB" \
    --set=database="$POSTGRES_DB" <<'SQL'
\getenv password AUDIT_MIGRATIONS_DATABASE_PASSWORD
SELECT 'CREATE ROLE countersign_audit_owner NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_audit_owner') \gexec
SELECT 'CREATE ROLE countersign_audit_migrations LOGIN CONNECTION LIMIT 5 IN ROLE countersign_audit_owner'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_audit_migrations') \gexec
ALTER ROLE countersign_audit_migrations PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO countersign_audit_migrations;
ALTER ROLE countersign_audit_migrations IN DATABASE :"database" SET role = 'countersign_audit_owner';
REASSIGN OWNED BY countersign_audit TO countersign_audit_owner;
SQL
