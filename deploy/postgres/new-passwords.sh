#!/bin/sh
# Write fresh random passwords for docker compose into .env at the root of the repository, readable by its owner only.
# What an existing file has is left alone: PostgreSQL keeps the passwords it was first started with.
set -eu
cd "$(dirname "$0")/../.."
names="POSTGRES_PASSWORD INFERENCE_DATABASE_PASSWORD ROUTER_DATABASE_PASSWORD REVIEW_DATABASE_PASSWORD \
    AUDIT_DATABASE_PASSWORD AUDIT_MIGRATIONS_DATABASE_PASSWORD FEEDBACK_DATABASE_PASSWORD GRAFANA_PASSWORD"
missing=""
for name in $names; do
    grep --quiet --no-messages "^$name=." .env || missing="$missing $name"
done
if [ -z "$missing" ]; then
    echo ".env is there already: delete it together with the volume 'postgres' to start over" >&2
    exit 1
fi
umask 077
# A file of one's own may be readable to others, and may not end with its last line's end.
touch .env
chmod go= .env
[ -z "$(tail -c 1 .env)" ] || echo >> .env
for name in $missing; do
    # Hexadecimal, because they stand inside URLs.
    printf '%s=%s\n' "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done >> .env
echo "wrote to .env:$missing"
