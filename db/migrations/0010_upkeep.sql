-- What is put aside: models off the air, checkpoints that nobody starts from any more; and the order of what people do to a release.

-- A model is off the air only while it is retired; its routes stay as they were, for the day it comes back.
ALTER TABLE model ADD COLUMN off_air_at timestamptz CHECK (off_air_at IS NULL OR retired_at IS NOT NULL);

CREATE FUNCTION follow_retirement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.retired_at IS NULL THEN NEW.off_air_at := NULL; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER model_retirement_followed BEFORE UPDATE OF retired_at ON model FOR EACH ROW EXECUTE FUNCTION follow_retirement();

CREATE FUNCTION tell_air() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('perennial_route', NEW.name || ':air');
  RETURN NULL;
END $$;
CREATE TRIGGER model_air_told AFTER UPDATE ON model FOR EACH ROW
  WHEN (OLD.off_air_at IS DISTINCT FROM NEW.off_air_at) EXECUTE FUNCTION tell_air();

-- How often a person has paused, resumed or extended it: what was scheduled before the last time has no say any more.
ALTER TABLE release ADD COLUMN steered integer NOT NULL DEFAULT 0 CHECK (steered >= 0);

CREATE FUNCTION guard_steering() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.steered < OLD.steered THEN
    RAISE EXCEPTION 'what people did to release % is never taken back', OLD.run_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER release_steering_guarded BEFORE UPDATE OF steered ON release FOR EACH ROW EXECUTE FUNCTION guard_steering();

-- From then on no training starts from it; its objects go, then its row.
ALTER TABLE checkpoint ADD COLUMN expired_at timestamptz;
CREATE INDEX checkpoint_expired ON checkpoint (expired_at) WHERE expired_at IS NOT NULL;

-- Only that one was found corrupt or has expired is ever added to it, and only an expired one is forgotten.
CREATE OR REPLACE FUNCTION guard_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.expired_at IS NULL THEN
      RAISE EXCEPTION 'checkpoint % of % has not expired', OLD.number, OLD.key USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF to_jsonb(OLD) - '{corrupt_at,expired_at}'::text[] IS DISTINCT FROM to_jsonb(NEW) - '{corrupt_at,expired_at}'::text[]
    OR (OLD.corrupt_at IS NOT NULL AND NEW.corrupt_at IS DISTINCT FROM OLD.corrupt_at)
    OR (OLD.expired_at IS NOT NULL AND NEW.expired_at IS DISTINCT FROM OLD.expired_at)
  THEN
    RAISE EXCEPTION 'rows of checkpoint are never changed' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.expired_at IS NULL AND NEW.expired_at IS NOT NULL AND EXISTS (
    SELECT 1 FROM training_run r JOIN delivery d ON d.model = r.model AND d.number = r.delivery
    WHERE r.key = NEW.key AND d.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'checkpoint % of % belongs to a delivery that runs', NEW.number, NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER checkpoint_kept BEFORE DELETE ON checkpoint FOR EACH ROW EXECUTE FUNCTION guard_checkpoint();
