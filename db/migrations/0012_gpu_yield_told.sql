-- When the supervision of a holder was told whom to give way to. From then on the wish stands, even if the one that asked waits no more:
-- the trainer may have been stopped for it already, and that must not count as an end of its own.
ALTER TABLE gpu_lease ADD COLUMN yield_told_at timestamptz;

CREATE OR REPLACE FUNCTION guard_gpu_yield() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  holder placement%ROWTYPE;
  asker placement%ROWTYPE;
BEGIN
  IF NEW.key IS DISTINCT FROM OLD.key THEN NEW.yield_to := NULL; END IF;
  IF NEW.yield_to IS NULL THEN NEW.yield_told_at := NULL; END IF;
  IF NEW.yield_to IS NULL OR NEW.yield_to IS NOT DISTINCT FROM OLD.yield_to THEN RETURN NEW; END IF;
  SELECT * INTO holder FROM placement WHERE key = NEW.key;
  SELECT * INTO asker FROM placement WHERE key = NEW.yield_to;
  IF holder.priority IS NULL OR asker.priority IS NULL OR asker.priority >= holder.priority THEN
    RAISE EXCEPTION '% gives way only to a more urgent training', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  IF holder.preempted >= 3 THEN
    RAISE EXCEPTION '% gave way three times', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
