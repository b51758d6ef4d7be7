#!/bin/sh
# One role and one schema per service; nobody reads another's. Runs once, when the database is first made.
# A role's connections are enough for a replica per partition, twelve, each with a full pool (DATABASE_POOL_SIZE) and two.
# Passwords come from the environment: arguments are seen by every user of the machine.
set -eu

add_service() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname="$POSTGRES_DB" \
        --set=service="$1" --set=role="countersign_$1" --set=variable="$2" --set=database="$POSTGRES_DB" <<'SQL'
\getenv password :variable
CREATE ROLE :"role" LOGIN PASSWORD :'password' CONNECTION LIMIT 120;
CREATE SCHEMA :"service" AUTHORIZATION :"role";
GRANT CONNECT ON DATABASE :"database" TO :"role";
ALTER ROLE :"role" IN DATABASE :"database" SET search_path = :"service";
SQL
}

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname="$POSTGRES_DB" \
    --set=database="$POSTGRES_DB" <<'SQL'
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL

add_service inference INFERENCE_DATABASE_PASSWORD
add_service router ROUTER_DATABASE_PASSWORD
add_service review REVIEW_DATABASE_PASSWORD
add_service audit AUDIT_DATABASE_PASSWORD
add_service feedback FEEDBACK_DATABASE_PASSWORD
