-- What takes a waiting training to its likely end, or through an hour where nobody knows when that is: `needs` only lets it begin.
-- Null in waits that began before this was kept.
ALTER TABLE money_wait
  ADD COLUMN enough bigint CHECK (enough >= needs),
  ADD COLUMN reach text CHECK (reach IN ('end', 'hour')),
  ADD CHECK ((enough IS NULL) = (reach IS NULL));
