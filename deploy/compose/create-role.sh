#!/bin/sh
# Run once by the postgres image on an empty volume: Temporal keeps its own databases, under a role of its own.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$PASSWORD_OF_TEMPORAL" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'password';
SQL
