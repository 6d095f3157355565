-- Which trainings wait for GPUs of a class, which machines own some, and who is asked to give way.

-- What one attempt asks for and its place among those who wait: by priority, then by since when.
CREATE TABLE placement (
  key text PRIMARY KEY REFERENCES training_run (key),
  class text NOT NULL,
  count integer NOT NULL CHECK (count > 0),
  -- 1 goes first, 5 last.
  priority integer NOT NULL CHECK (priority BETWEEN 1 AND 5),
  since timestamptz NOT NULL,
  -- How often the training gave way before this attempt.
  preempted integer NOT NULL DEFAULT 0 CHECK (preempted >= 0)
);
CREATE INDEX placement_by_class ON placement (class);

-- What the training worker of a machine says that it owns; one that has not said so for a while serves nobody.
CREATE TABLE gpu_advert (
  host text NOT NULL,
  class text NOT NULL,
  devices integer NOT NULL CHECK (devices > 0),
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (host, class)
);

-- The training that the holder of a device is asked to give way to.
ALTER TABLE gpu_lease ADD COLUMN yield_to text REFERENCES training_run (key);

CREATE FUNCTION guard_gpu_yield() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  holder placement%ROWTYPE;
  asker placement%ROWTYPE;
BEGIN
  IF NEW.key IS DISTINCT FROM OLD.key THEN NEW.yield_to := NULL; END IF;
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
CREATE TRIGGER gpu_yield_guarded BEFORE UPDATE ON gpu_lease FOR EACH ROW EXECUTE FUNCTION guard_gpu_yield();
