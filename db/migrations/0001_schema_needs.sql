-- What a process has to know to work with this schema: the `when` of a migration in meta/_journal.json. A migration that the
-- release before it cannot live with sets it to its own `when`; every other leaves it as it is.
CREATE TABLE schema_needs (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  migration bigint NOT NULL
);
INSERT INTO schema_needs (migration) VALUES (0);
