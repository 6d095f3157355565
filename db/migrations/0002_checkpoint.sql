-- Checkpoints of trainings as the artifact store keeps them, and fences against attempts whose time is over.

CREATE TABLE checkpoint (
  key text NOT NULL REFERENCES training_run (key),
  number integer NOT NULL CHECK (number > 0),
  name text NOT NULL,
  step bigint NOT NULL CHECK (step >= 0),
  manifest jsonb NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  at timestamptz NOT NULL DEFAULT now(),
  -- When its bytes were found to be others than its digest says; it is passed over from then on.
  corrupt_at timestamptz,
  PRIMARY KEY (key, number)
);

-- One attempt of a delivery writes at a time, and none once it has ended or a later one was opened.
CREATE FUNCTION lock_training(model text, delivery integer) RETURNS void LANGUAGE sql AS
  $$ SELECT pg_advisory_xact_lock(hashtext('training/' || model || '/' || delivery)) $$;

CREATE FUNCTION fence_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE run training_run%ROWTYPE;
BEGIN
  SELECT * INTO run FROM training_run WHERE key = NEW.key;
  PERFORM lock_training(run.model, run.delivery);
  IF EXISTS (SELECT 1 FROM training_run WHERE key = NEW.key AND outcome IS NOT NULL) OR EXISTS (
    SELECT 1 FROM training_run WHERE model = run.model AND delivery = run.delivery AND attempt > run.attempt
  ) THEN
    RAISE EXCEPTION 'training attempt % has ended: it can add no checkpoint', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER checkpoint_fenced BEFORE INSERT ON checkpoint FOR EACH ROW EXECUTE FUNCTION fence_checkpoint();

-- Only that one was found corrupt is ever added to it.
CREATE FUNCTION guard_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.corrupt_at IS NOT NULL OR to_jsonb(OLD) - 'corrupt_at' IS DISTINCT FROM to_jsonb(NEW) - 'corrupt_at' THEN
    RAISE EXCEPTION 'rows of checkpoint are never changed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER checkpoint_guarded BEFORE UPDATE ON checkpoint FOR EACH ROW EXECUTE FUNCTION guard_checkpoint();

-- An outcome stands once recorded, and a superseded attempt gets none: its late manifest counts for nothing.
CREATE FUNCTION fence_training_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_training(NEW.model, NEW.delivery);
  IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
  IF NEW.outcome IS NOT DISTINCT FROM OLD.outcome THEN RETURN NEW; END IF;
  IF OLD.outcome IS NOT NULL THEN
    RAISE EXCEPTION 'training attempt % has an outcome', NEW.key USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (SELECT 1 FROM training_run WHERE model = NEW.model AND delivery = NEW.delivery AND attempt > NEW.attempt) THEN
    RAISE EXCEPTION 'training attempt % was superseded', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER training_run_fenced BEFORE INSERT OR UPDATE OF outcome ON training_run FOR EACH ROW EXECUTE FUNCTION fence_training_run();

-- A version comes from a training that ended well, where its delivery trained at all.
CREATE FUNCTION guard_version_origin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM training_run WHERE model = NEW.model AND delivery = NEW.delivery) AND NOT EXISTS (
    SELECT 1 FROM training_run
    WHERE model = NEW.model AND delivery = NEW.delivery AND outcome ->> 'kind' = 'succeeded'
      AND outcome -> 'model' ->> 'sha256' = NEW.artifact ->> 'sha256'
  ) THEN
    RAISE EXCEPTION 'the model of % v% is none that its trainings ended with', NEW.model, NEW.version USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER version_origin_guarded BEFORE INSERT ON version FOR EACH ROW EXECUTE FUNCTION guard_version_origin();
