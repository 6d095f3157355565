#!/bin/sh
# Makes Temporal's two databases or brings them up to date; harmless to run again. SQL_HOST, SQL_USER, SQL_PASSWORD are the tool's own.
set -eu
for part in temporal visibility; do
  name=temporal
  [ "$part" = visibility ] && name=temporal_visibility
  tool="temporal-sql-tool --plugin postgres12 --db $name"
  if ! $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$part/versioned"; then
    $tool create
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$part/versioned"
  fi
done
